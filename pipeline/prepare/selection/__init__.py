"""Which inputs become documents of a store, and in which split.

rules.py            the options
limits.py           before anything is parsed: versions of a file, texts of a group
documents.py        among documents: exact duplicates, near ones, splits
near_duplicates.py  MinHash signatures
"""

from .documents import VAL_PER_10000, Dropped, Selection, select, split_of
from .limits import Limited, limit
from .rules import Rules

__all__ = [
    "VAL_PER_10000",
    "Dropped",
    "Limited",
    "Rules",
    "Selection",
    "limit",
    "select",
    "split_of",
]
