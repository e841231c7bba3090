"""The files of a run, and how they are shown.

    state.py, tensors.py, checkpoint.py    write, verify and load checkpoints
    resume.py                              find where a run continues
    metrics.py, tensorboard.py             record figures during the run
    history.py, compare.py, plot.py        read them back, compare and draw them
    progress.py, live.py, report.py        show the run on the terminal

Files are written atomically, see data/files.py.  Training knows this room, this room
does not know training.
"""
