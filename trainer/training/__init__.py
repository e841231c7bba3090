"""Batches to weights.

    loader.py ─▶ step.py ─▶ learner.py         a batch, an update, model and optimisers
    loop.py                                    steps, validation, checkpoints, signals
    run.py                                     begin or resume a run
    splits.py                                  the batches of training and validation
    validate.py, samples.py                    evaluate the model, let it write
    distributed.py, device.py, failures.py, signals.py

The loop calls the others; none of them knows the loop.
"""
