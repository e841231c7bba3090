"""Learning a tokenizer, and looking into one.

    train.py        documents to a tokenizer
    bpe.py          merges of frequent pairs
    prune.py        keep the tokens that save most
    stats.py        lengths, speed, violations over documents

The same documents give the same tokenizer on any machine.
"""
