"""The trainer: a store in, a folder of checkpoints and figures out.

    Batches ─▶ Loader ─▶ passes ─▶ GPT ─▶ sum of nats ─▶ gradient ─▶ weights   one step
               (a thread, ahead)                             │
                                 finite check before the update

    config.py      every number of a run              presets.py    named ones, `--set`
    model.py       the GPT and its KV cache           attention.py  in rows or stretches
    device.py      where it computes, and in what     parallel.py   several processes
    learner.py     compiled, shared, with optimisers  optim.py      AdamW and Muon
    loader.py      batches on the device, ahead       step.py       one optimiser step
    schedule.py    learning rate                      evaluate.py   figures of a split
    state.py       where a run stands                 checkpoint.py what it resumes from
    run.py         a run in progress                  origin.py     what it goes on from
    signals.py     stopping in order                  faults.py     what went wrong
    loop.py        train(), from top to bottom        progress.py   what is shown
    metrics.py     metrics.jsonl                      tensorboard.py the same for it
    samples.py     what a model writes on its way     dry_run.py    what a run will take
    report.py      what was reached                   generation/   writing workflows
    flops.py       how much work it is                memory.py     how much room
    history.py     a run read back                    compare.py    runs side by side
    plot.py        runs as a picture                  evaluation/   how good a run is
    trained.py     a model read back                  export.py     a model for others
    model_card.py  what is to be known of it          nanochat.py   its other names
    card_evaluation.py how good it is                 server/       writing, over HTTP
    commands.py    train, export                      run_commands.py  plot, compare

A run is a pure function of (store, config): randomness is in the initial weights, in
the data order and in dropout, all keyed by `data.seed`.  So a run that was stopped and
resumed equals one that was not, bit for bit on CPU.
"""
