"""What stands on disk and what it means; imports neither torch nor click.

    store.py      shards, index and manifest, mapped into memory
    windows.py    epoch ─▶ windows        permutation.py   their order
    batches.py    (epoch, step) ─▶ rows of token ids
    tokenizer/    JSON value ⇄ token ids, and which token may follow

Everything here is read by every other room and depends on none of them.
"""
