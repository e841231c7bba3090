"""Find a document by the name that a user gives it."""

import re

from ..errors import ConfigError
from .store import Store

__all__ = ["find_document"]

_SHA256_PREFIX = re.compile(r"[0-9a-f]{6,64}")


def find_document(store: Store, name: str) -> int:
    """Find the row of a document by row number, path or sha256 (six digits or more).

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
