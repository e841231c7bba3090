"""The trainer: a store in, a folder of checkpoints and figures out.

    Batches ─▶ Loader ─▶ passes ─▶ GPT ─▶ sum of nats ─▶ gradient ─▶ AdamW     one step
               (a thread, ahead)                             │
                                 finite check before the update

    config.py      every number of a run              presets.py    named ones, `--set`
    model.py       the GPT and its KV cache           device.py     where it computes
    loader.py      batches on the device, ahead       step.py       one optimiser step
    schedule.py    learning rate                      optim.py      AdamW
    evaluate.py    figures of a whole split           metrics.py    metrics.jsonl
    state.py       where a run stands                 checkpoint.py what it resumes from
    run.py         beginning and resuming             signals.py    stopping in order
    loop.py        train(), from top to bottom        progress.py   what is shown
    report.py      what was reached                   generate.py   writing workflows
    faults.py      what a diverged run leaves         commands.py   train, generate

A run is a pure function of (store, config): randomness is only in the initial weights
and in the data order, and both are keyed by `data.seed`.  So a run that was stopped and
resumed equals one that was not, bit for bit on CPU.
"""
