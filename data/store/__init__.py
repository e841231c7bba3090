"""TODO."""

from .store import (
    DOCS_SCHEMA,
    GUARD_TOKENS,
    REJECTS_SCHEMA,
    SPLITS,
    Split,
    Store,
)

__all__ = [
    "DOCS_SCHEMA",
    "GUARD_TOKENS",
    "REJECTS_SCHEMA",
    "SPLITS",
    "Split",
    "Store",
]
