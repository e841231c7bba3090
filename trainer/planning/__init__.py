"""What a run will take, before it begins.

    dry_run.py    everything that needs no step, then a forecast from its speed
    measure.py    that speed, measured for a bounded time
    minutes.py    a plan from the same speed: steps and schedule for a given time

Nothing here writes to a folder, and training does not know of it.
"""
