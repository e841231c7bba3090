"""The formats on disk and their meaning; imports neither torch nor click.

    documents/    text ⇄ JSON value, or why a text is rejected
    tokenizer/    JSON value ⇄ token ids, and which token may follow
    native/       the inner loops of both, compiled
    store/        shards, index and manifest, mapped into memory
    windows/      (epoch, step) ─▶ windows ─▶ token ids, laid out for the model
    display/      text, progress, figures and pages, as all commands show them

    files.py      write a file whole or not at all
    locks.py      one process at a time in a folder
    records.py    JSON with a sha256 of itself
    geometry.py   context and stride of windows
    errors.py     what a user can cause, as one tree

Every other room reads this one; it depends on none of them.
"""
