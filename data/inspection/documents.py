"""Which documents to look at: by name, a typical long one, or a varied sample."""

import re

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..store import Store

__all__ = ["find_document", "sample_documents", "typical_document"]

_SHA256_PREFIX = re.compile(r"[0-9a-f]{6,64}")


def find_document(store: Store, name: str) -> int:
    """The row of a document by its row number, path or sha256 (six digits or more).

    Raises:
        ConfigError: no document, or several, have this name.
    """
    if name.isdecimal() and len(name) < 19 and int(name) < len(store):
        return int(name)
    paths = store.docs["path"].to_pylist()
    rows = [row for row, path in enumerate(paths) if path == name]
    if not rows and _SHA256_PREFIX.fullmatch(name):
        ids = store.docs["sha256"].to_pylist()
        rows = [row for row, digest in enumerate(ids) if digest.hex().startswith(name)]
    if len(rows) == 1:
        return rows[0]
    found = f"rows {', '.join(map(str, rows[:5]))}" if rows else "no document"
    raise ConfigError(
        f"document {name!r}: found {found} among {len(store):,} documents",
        "give a row of docs.arrow, the path as prepared, or the sha256",
    )


def typical_document(lengths: NDArray[np.int64], context: int) -> int:
    """A document of 3 to 4 contexts, nearest to the middle; else the longest.

    Returns:
        its index in `lengths`, the first of several.
    """
    fits = (lengths >= 3 * context) & (lengths <= 4 * context)
    if not fits.any():
        return int(lengths.argmax())
    distance = np.abs(2 * lengths - 7 * context)  # twice that from 3.5 contexts
    return int(np.where(fits, distance, distance.max() + 1).argmin())


def sample_documents(
    lengths: NDArray[np.int64], limit: int, context: int
) -> NDArray[np.int64]:
    """Documents of all lengths, the shortest first; indices into `lengths`.

    Half of them fit into one window and half do not, where there are enough.  Among
    them are the shortest and the longest, and those on both sides of the context.
    """
    order = np.argsort(lengths, kind="stable")
    num_short = int((lengths <= context).sum())
    num_long = len(lengths) - num_short
    limit = min(limit, len(lengths))
    take_long = min(num_long, max(limit // 2, limit - num_short))
    short = _spread(num_short, limit - take_long)
    long = num_short + _spread(num_long, take_long)
    return np.concatenate([order[short], order[long]])


def _spread(size: int, count: int) -> NDArray[np.int64]:
    """So many different numbers below `size`, the first and last among them."""
    if count == 1:
        return np.array([size - 1])
    return np.linspace(0, size - 1, count).round().astype(np.int64)
