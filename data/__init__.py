"""What stands on disk and what it means; imports neither torch nor click.

    store.py      shards, index and manifest, mapped into memory
    store_files.py   each of these files, checked before it is touched
    windows.py    epoch ─▶ windows        permutation.py   their order
    layouts.py    where the windows of a step lie in memory
    gather.py     where the tokens of windows are, and the one copy of them
    batches.py    (epoch, step) ─▶ token ids, laid out for the model
    inspection/   what an epoch sees, in numbers
    tokenizer/    JSON value ⇄ token ids, and which token may follow
    parse.py, yaml_reader.py   text ─▶ JSON value, or why not (rejects.py)
    files.py, figures.py   files, and pictures, that are whole or not there
    records.py    JSON with a sha256 of itself

Everything here is read by every other room and depends on none of them.
"""
