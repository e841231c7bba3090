"""The documents of a store that is about to be replaced, by the text they came from.

A text that is in the earlier store need not be parsed or encoded again: what it became
depends on the text, the way to read it, the tokenizer and the store's format alone.
"""

from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...data.documents.parse import READING_VERSION
from ...data.errors import FormatError
from ...data.store import Store
from ...data.tokenizer import Tokenizer

__all__ = ["Earlier", "is_usable"]


def is_usable(store: Path, tokenizer: Tokenizer) -> bool:
    """Whether `store` is undamaged, was read as now, and is of this tokenizer."""
    with suppress(FormatError, OSError):
        manifest = Store.open(store).manifest
        is_read_as_now = manifest["key_inputs"].get("reading") == READING_VERSION
        return bool(is_read_as_now and manifest["tokenizer"] == tokenizer.digest)
    return False


class Earlier:
    """Looks up documents; 16 bytes of memory per document, the rest is mapped."""

    def __init__(self, store: Path) -> None:
        """Open a store that `is_usable`."""
        self._store = Store.open(store, verify="off")
        digests = self._store.digests("source_sha256")
        prefixes = np.ascontiguousarray(digests[:, :8]).view(">u8").ravel()
        self._rows = np.argsort(prefixes, kind="stable")
        self._prefixes = prefixes[self._rows].astype(np.uint64)
        self._sources = digests
        self._ids = self._store.digests("sha256")
        self._n_bytes = self._store.docs["n_bytes"].combine_chunks()

    def find(
        self, source_sha256: bytes
    ) -> tuple[bytes, int, NDArray[np.uint16]] | None:
        """Id, canonical size and tokens of the document of a text, if it is there."""
        prefix = np.uint64(int.from_bytes(source_sha256[:8], "big"))
        at = int(np.searchsorted(self._prefixes, prefix))
        while at < len(self._prefixes) and self._prefixes[at] == prefix:
            row = int(self._rows[at])
            if self._sources[row].tobytes() == source_sha256:
                tokens = self._store.tokens(row)
                return self._ids[row].tobytes(), self._n_bytes[row].as_py(), tokens
            at += 1
        return None
