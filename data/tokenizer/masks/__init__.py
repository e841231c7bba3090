"""Which ids may come next, and the shortest way to the end.

    pushdown.py    where in the grammar a document stands
    trie.py        the vocabulary's texts, walked together
    masks.py       the ids that are allowed there
    closing.py     the shortest completion
    state.py       one document while it is written

Everything here is immutable and memoised, so a batch shares it.
"""

from .engine import MaskEngine

__all__ = [
    "MaskEngine",
]
