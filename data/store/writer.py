"""Write the files of a store: shards, document by document, and tables."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..files import sha256_file, write_atomic
from ..tokenizer import PAD
from .files import shard_name
from .store import GUARD_TOKENS, SPLITS

__all__ = [
    "MAX_SHARD_TOKENS",
    "ShardWriter",
    "describe_files",
    "split_column",
    "write_arrow",
    "write_table",
]

MAX_SHARD_TOKENS = 1 << 24


class ShardWriter:
    """Appends documents to token shards."""

    def __init__(self, folder: Path, *, max_tokens: int = MAX_SHARD_TOKENS) -> None:
        """Start with shard 0.

        Args:
            folder: of the shards.
            max_tokens: most ids in a shard, without guards.
        """
        self.folder = folder
        self.max_tokens = max_tokens
        self._shard = 0
        self._size = 0
        self._pending: list[NDArray[np.uint16]] = []

    def add(self, ids: NDArray[np.uint16]) -> tuple[int, int]:
        """Append a document; return its shard and the offset of its first token."""
        if self._size and self._size + len(ids) > self.max_tokens:
            self._flush()
        place = self._shard, self._size
        self._pending.append(ids)
        self._size += len(ids)
        return place

    def close(self) -> None:
        """Write the last shard."""
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
    # np.save writes through C's stdio, which hides that a disk is full.
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(file, header)
    file.write(array.data)


def split_column(splits: Iterable[str]) -> pa.DictionaryArray:
    """Encode splits as in DOCS_SCHEMA; the dictionary always has both names."""
    codes = [SPLITS.index(split) for split in splits]
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(SPLITS))


def write_arrow(sink: BinaryIO | pa.NativeFile, table: pa.Table) -> None:
    """Write a table in Arrow's IPC file format, uncompressed, so that it can be mapped.

    One record batch, unless a column of text has more than 2 GiB.
    """
    batches = table.combine_chunks().to_batches() or [
        pa.RecordBatch.from_pylist([], schema=table.schema)
    ]
    with pa.ipc.new_file(sink, table.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def write_table(path: Path, table: pa.Table) -> None:
    """Write an Arrow file atomically, see `write_arrow`."""
    write_atomic(path, lambda file: write_arrow(file, table))


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and sha256 of every file of a store but the manifest."""
    return {
        path.name: {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
        for path in sorted(folder.iterdir())
        if path.name != "manifest.json"
    }
