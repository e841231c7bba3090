"""Stores that are nowhere but in memory, for tests that need many of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from tct.data.json_text import Json
from tct.data.store import DOCS_SCHEMA, GUARD_TOKENS, Store
from tct.data.tokenizer import PAD, Tokenizer

__all__ = ["store_of_lengths", "store_of_values"]


def store_of_lengths(
    lengths: Sequence[int],
    *,
    phases: Sequence[int] | None = None,
    val: Sequence[int] = (),
) -> Store:
    """Documents of so many tokens, numbered 0, 1, 2, … in each."""
    return _store(
        [np.arange(length, dtype=np.uint16) for length in lengths],
        phases or range(len(lengths)),
        val,
    )


def store_of_values(
    values: Sequence[dict[str, Json]], *, paths: Sequence[str] | None = None
) -> Store:
    """Documents as the default tokenizer encodes them."""
    tokenizer = Tokenizer.default()
    documents = [tokenizer.encode(value) for value in values]
    store = _store(documents, range(len(values)), (), paths)
    store.__dict__["tokenizer"] = tokenizer
    return store


def _store(
    documents: Sequence[np.ndarray],
    phases: Sequence[int],
    val: Sequence[int],
    paths: Sequence[str] | None = None,
) -> Store:
    lengths = np.array([len(ids) for ids in documents], dtype=np.int64)
    offset = np.cumsum(lengths) - lengths
    rows = [
        {
            "sha256": phase.to_bytes(2, "little") + bytes(30),
            "path": paths[row] if paths else f"owner__name/{row}.yml",
            "group": "owner/name",
            "split": "val" if row in val else "train",
            "n_bytes": 1,
            "n_source_bytes": 1,
            "shard": 0,
            "offset": int(offset[row]),
            "length": int(lengths[row]),
            "on_schema": True,
        }
        for row, phase in enumerate(phases)
    ]
    guard = np.full(GUARD_TOKENS, PAD, dtype=np.uint16)
    return Store(
        folder=Path("memory"),
        manifest={"digest": "0" * 64},
        docs=pa.Table.from_pylist(rows, schema=DOCS_SCHEMA),
        shards=[np.concatenate([*documents, guard])],
        shard=np.zeros(len(rows), dtype=np.uint16),
        offset=offset,
        length=lengths,
    )
