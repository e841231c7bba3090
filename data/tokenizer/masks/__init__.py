"""Which ids may follow, and the shortest way to the end.

    state.py       one document in progress
    engine.py      the parts that all states share
    pushdown.py    steps through the grammar        frames.py   its immutable stacks
    masks.py       the ids that are allowed         trie.py     the vocabulary as a trie
    names.py       free keys that are still to be had
    courses.py     where tokens lead inside a frame
    nodes.py       the trie in Python, which trie.h is, too    token_facts.py
    writable.py    the grammar without what is only checked
    closing.py     the shortest completion

States are immutable and results are memoised, so the samples of a batch share both.
"""

from .engine import MaskEngine

__all__ = ["MaskEngine"]
