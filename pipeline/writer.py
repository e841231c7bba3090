"""Write a store: shards as documents come, the index and the manifest at the end.

Everything goes into a staging folder beside the store, which is renamed into place when
it is complete.  So there is never half a store under the store's name, and a failed or
killed run leaves the old one as it was.
"""

import fcntl
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.errors import StaleStoreError
from ..data.files import fsync_folder, sha256_file, write_atomic
from ..data.store import DOCS_SCHEMA, GUARD_TOKENS, REJECTS_SCHEMA, SPLITS, shard_name
from ..data.tokenizer import PAD
from .manifest import Document, Reject

__all__ = [
    "MAX_SHARD_TOKENS",
    "ShardWriter",
    "describe_files",
    "staging",
    "write_docs",
    "write_rejects",
]

MAX_SHARD_TOKENS = 1 << 24


@contextmanager
def staging(store: Path) -> Iterator[Path]:
    """A folder that becomes `store` when the block ends, and vanishes when it fails.

    Raises:
        StaleStoreError: another process is writing the same store.
    """
    store = store.absolute()
    folder = store.with_name(f".{store.name}.staging")
    store.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StaleStoreError(
                f"{store}: another tct prepare is writing it", "wait until it is done"
            ) from error
        try:
            _clear(folder)
            yield folder
            _replace(folder, store)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _clear(folder: Path) -> None:
    """Remove what a killed run left behind."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


def _replace(folder: Path, store: Path) -> None:
    """Put the finished folder in the store's place."""
    (folder / ".lock").unlink()
    fsync_folder(folder)
    old = store.with_name(f".{store.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if store.exists():
        store.rename(old)
    folder.rename(store)
    fsync_folder(store.parent)
    shutil.rmtree(old, ignore_errors=True)


class ShardWriter:
    """Appends documents to token shards."""

    def __init__(self, folder: Path, *, max_tokens: int = MAX_SHARD_TOKENS) -> None:
        """Start with shard 0.

        Args:
            folder: where the shards go.
            max_tokens: most ids in a shard, guards not counted.
        """
        self.folder = folder
        self.max_tokens = max_tokens
        self._shard = 0
        self._size = 0
        self._pending: list[NDArray[np.uint16]] = []

    def add(self, ids: NDArray[np.uint16]) -> tuple[int, int]:
        """Append a document; its shard and the offset of its first token."""
        if self._size and self._size + len(ids) > self.max_tokens:
            self._flush()
        place = self._shard, self._size
        self._pending.append(ids)
        self._size += len(ids)
        return place

    def close(self) -> None:
        """Write what is left."""
        if self._pending:
            self._flush()

    def _flush(self) -> None:
        guards = np.full(GUARD_TOKENS, PAD)
        array = np.concatenate([*self._pending, guards], dtype="<u2", casting="unsafe")
        write_atomic(
            self.folder / shard_name(self._shard),
            lambda file: _write_npy(file, array),
        )
        self._pending.clear()
        self._shard, self._size = self._shard + 1, 0


def _write_npy(file: BinaryIO, array: NDArray[np.uint16]) -> None:
    # np.save writes with C's stdio, whose errors on a full disk do not say so.
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(file, header)
    file.write(array.data)


def write_docs(path: Path, documents: Sequence[Document]) -> None:
    """Write docs.arrow, one row per document."""
    codes = [SPLITS.index(document.split) for document in documents]
    split = pa.DictionaryArray.from_arrays(
        pa.array(codes, type=pa.int8()), pa.array(SPLITS)
    )
    _write_arrow(path, documents, DOCS_SCHEMA, {"split": split})


def write_rejects(path: Path, rejects: Sequence[Reject]) -> None:
    """Write rejects.arrow, one row per rejected input."""
    _write_arrow(path, rejects, REJECTS_SCHEMA, {})


def _write_arrow(
    path: Path, rows: Sequence[Any], schema: pa.Schema, columns: dict[str, pa.Array]
) -> None:
    """One record batch, uncompressed, so that columns can be mapped without a copy."""
    made = {
        field.name: pa.array([getattr(row, field.name) for row in rows], field.type)
        for field in schema
        if field.name not in columns
    }
    arrays = [(made | columns)[field.name] for field in schema]
    batch = pa.record_batch(arrays, schema=schema)

    def write(file: BinaryIO) -> None:
        with pa.ipc.new_file(file, schema) as writer:
            writer.write_batch(batch)

    write_atomic(path, write)


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and sha256 of every file of a store but the manifest."""
    return {
        path.name: {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
        for path in sorted(folder.iterdir())
        if path.name not in (".lock", "manifest.json")
    }
