"""What a run writes, and what is read of it.

    state.py, tensors.py, checkpoint.py    checkpoints, written and verified
    resume.py                              where a run goes on
    metrics.py, tensorboard.py             figures while it runs
    history.py, compare.py, plot.py        figures afterwards
    progress.py, report.py                 what the terminal shows

Nothing is half there: see data/files.py.
"""
