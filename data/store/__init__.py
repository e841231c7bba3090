"""The store: token shards, a table of documents, and a manifest with their sha256.

    store.py       a store, memory-mapped       files.py      its files, each checked
    writer.py      shards and tables            manifest.py   identity and facts
    verify.py      `tct store verify`           export.py     documents as text
    find.py        a document by its name       mixture.py    several stores as one
    shards.py      shards, as they are read     remote.py     a store elsewhere, by URI
    arguments.py   stores as the command line spells them

A format is written and read in one room.
"""

from .arguments import open_stores
from .mixture import Mixture, stores_in
from .store import DOCS_SCHEMA, GUARD_TOKENS, REJECTS_SCHEMA, SPLITS, Split, Store

__all__ = [
    "DOCS_SCHEMA",
    "GUARD_TOKENS",
    "REJECTS_SCHEMA",
    "SPLITS",
    "Mixture",
    "Split",
    "Store",
    "open_stores",
    "stores_in",
]
