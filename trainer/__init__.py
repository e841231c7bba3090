"""The trainer: from a store to a model, and from a model to workflows.

    commands/ ─▶ training/ ─▶ model/, optim/, runs/      train, evaluate on the way
       │             ▲
       ├───▶ evaluation/, server/ ─▶ generation/ ─▶ export/load.py
       ├───▶ export/                                     a model for others
       ├───▶ planning/ ─▶ training/                      what a run will take
       └───▶ inspect/                                    windows, as training sees them

    threads.py     how many threads PyTorch takes
    config.py      every setting of a run
    presets.py     named configurations, and overrides by file and `--set`

One step of training:

    Batches ─▶ Loader ─▶ micro-batches ─▶ GPT ─▶ sum of loss ─▶ gradient ─▶ weights
               (a thread, ahead)                                  │
                                                      finite check before the update

A run is a pure function of (store, config): initial weights, data order and dropout are
all keyed by `data.seed`.  So a run that was stopped and resumed equals an uninterrupted
one, bit for bit on CPU.
"""
