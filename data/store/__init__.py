"""The store: token shards, a table of documents, a manifest that vouches for both.

    store.py       a store, memory-mapped       files.py      its files, each checked
    writer.py      shards and tables            manifest.py   identity and facts
    verify.py      `tct store verify`           export.py     documents back out

A format is written and read in one room.
"""

from .store import DOCS_SCHEMA, GUARD_TOKENS, REJECTS_SCHEMA, SPLITS, Split, Store

__all__ = [
    "DOCS_SCHEMA",
    "GUARD_TOKENS",
    "REJECTS_SCHEMA",
    "SPLITS",
    "Split",
    "Store",
]
