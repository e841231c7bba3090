"""Batches to weights.

    loader.py ─▶ step.py ─▶ learner.py         a batch, an update, a model that learns
    loop.py                                    steps, validation, checkpoints, signals
    run.py                                     begin a run, or go on with one
    validate.py, samples.py                    on the way
    distributed.py, device.py, dry_run.py, failures.py, signals.py

The loop calls the others; none of them knows the loop.
"""
