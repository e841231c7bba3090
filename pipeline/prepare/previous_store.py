"""Look up documents in the store that is about to be replaced, by their source text.

A text found there is neither parsed nor encoded again.  That is safe because its tokens
depend only on the text, the way texts are read, the tokenizer and the store's format,
and `is_usable` checks all but the text.
"""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...data.documents.parse import READING_VERSION
from ...data.errors import FormatError
from ...data.store import Store
from ...data.tokenizer import Tokenizer

__all__ = ["Encoded", "PreviousStore", "is_usable"]


class Encoded(NamedTuple):
    """A document as a store keeps it."""

    sha256: bytes
    """32 bytes, of the canonical JSON: the document's id."""
    n_bytes: int
    """Size of the canonical JSON."""
    tokens: NDArray[np.uint16]
    """(tokens,) ids."""


def is_usable(store: Path, tokenizer: Tokenizer) -> bool:
    """Whether `store` is intact and made with this tokenizer and today's parsing."""
    with suppress(FormatError, OSError):
        manifest = Store.open(store).manifest
        is_read_as_now = manifest["key_inputs"].get("reading") == READING_VERSION
        return bool(is_read_as_now and manifest["tokenizer"] == tokenizer.digest)
    return False


class PreviousStore:
    """Finds documents by source text; 16 bytes of memory each, the rest is mapped."""

    def __init__(self, store: Path) -> None:
        """Open a store that `is_usable`."""
        self._store = Store.open(store, verify="off")
        self._sources = self._store.digests("source_sha256")
        # Sorted by the first 8 bytes, a digest is found by bisection; equal prefixes
        # are neighbours, so `find` walks over them.
        prefixes = self._sources.view(">u8")[:, 0].astype(np.uint64)
        self._rows = np.argsort(prefixes, kind="stable")
        self._prefixes = prefixes[self._rows]
        self._ids = self._store.digests("sha256")
        self._n_bytes = self._store.docs["n_bytes"].combine_chunks()

    def find(self, source_sha256: bytes) -> Encoded | None:
        """The document of the text with this digest; None if the store lacks it."""
        prefix = np.uint64(int.from_bytes(source_sha256[:8], "big"))
        at = int(np.searchsorted(self._prefixes, prefix))
        while at < len(self._prefixes) and self._prefixes[at] == prefix:
            row = int(self._rows[at])
            if self._sources[row].tobytes() == source_sha256:
                n_bytes, tokens = self._n_bytes[row].as_py(), self._store.tokens(row)
                return Encoded(self._ids[row].tobytes(), n_bytes, tokens)
            at += 1
        return None
