"""The documents of a store that is about to be replaced, by the text they came from.

A text that is in the earlier store need not be parsed or encoded again: what it became
depends on the text, the way to read it, the tokenizer and the store's format alone.
"""

from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.errors import FormatError
from ..data.parse import READING_VERSION
from ..data.store import Store, check_files, read_manifest
from ..data.tokenizer import Tokenizer

__all__ = ["Earlier", "usable_store"]


def usable_store(store: Path, tokenizer: Tokenizer) -> Path | None:
    """`store`, if it is undamaged, was read as now, and is of this tokenizer."""
    with suppress(FormatError, OSError):
        manifest = read_manifest(store)
        made = manifest["key_inputs"]
        is_same = made.get("reading") == READING_VERSION
        if is_same and made["tokenizer"] == tokenizer.digest:
            check_files(store, manifest, verify="full")
            return store.absolute()
    return None


class Earlier:
    """Looks up documents; 16 bytes of memory per document, the rest is mapped."""

    def __init__(self, store: Path) -> None:
        """Open a store that `usable_store` found usable."""
        self._store = Store.open(store, verify="off")
        digests = _digests(self._store, "source_sha256")
        prefixes = np.ascontiguousarray(digests[:, :8]).view(">u8").ravel()
        self._rows = np.argsort(prefixes, kind="stable")
        self._prefixes = prefixes[self._rows].astype(np.uint64)
        self._sources = digests
        self._ids = _digests(self._store, "sha256")
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


def _digests(store: Store, name: str) -> NDArray[np.uint8]:
    """A column of digests, uint8 (documents, 32); a view of the map."""
    column = store.docs[name].combine_chunks()
    digests = np.frombuffer(column.buffers()[1], dtype=np.uint8).reshape(-1, 32)
    return digests[column.offset : column.offset + len(column)]
