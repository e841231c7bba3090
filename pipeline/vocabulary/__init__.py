"""Learn a tokenizer, and measure one.

    train.py        documents to a tokenizer
      prune.py        merge too much, then keep the tokens that save most
        bpe.py          merges of frequent pairs
    stats.py        lengths, speed and violations over documents

The same documents give the same tokenizer on any machine.
"""
