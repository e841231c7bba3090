"""What a run will take, before it begins.

    dry_run.py    everything that needs no step, then a forecast from its speed
    measure.py    that speed, measured for a bounded time

Nothing here writes to a folder, and training does not know of it.
"""
