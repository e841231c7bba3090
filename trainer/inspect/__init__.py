"""`tct inspect-windows`: one file per mode, which counts and shows.

    epoch.py       an epoch to scale
    epochs.py      one document in many epochs
    document.py    the text of a document with its cuts
    step.py        a batch token by token
    when.py        the steps that train a document
    guarantees.py  all policies compared

    run.py         batches from options, or those of a training run
    coverage.py    how often each token is a target
    places.py      where a window begins in the YAML of a document
    view.py        lines, records and a figure: the answer of a mode
    bars.py        documents to scale in characters
    figures.py     documents and policies with Matplotlib

Nothing here decides anything: windows come from `WindowPlan`, steps from `Batches`.
"""
