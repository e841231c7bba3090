"""Stores that are nowhere but in memory, for tests that need many of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tct.data.documents.json_text import Json
from tct.data.files import read_json
from tct.data.records import write_record
from tct.data.store import DOCS_SCHEMA, GUARD_TOKENS, REJECTS_SCHEMA, Store
from tct.data.store.files import STORE_VERSION, read_arrow, store_digest
from tct.data.store.manifest import complete_manifest, describe_store
from tct.data.store.writer import (
    ShardWriter,
    describe_files,
    split_column,
    write_table,
)
from tct.data.tokenizer import PAD, Tokenizer
from tct.tests.records import sign

__all__ = [
    "redigest",
    "reshard",
    "store_of_lengths",
    "store_of_values",
    "vouch",
    "write_manifest",
]

_KEY_INPUTS = {
    "input_files": 1,
    "input_sha256": "0" * 64,
    "tokenizer": "0" * 64,
    "where": [],
    "split_seed": 0,
    "val_per_10000": 1000,
    "max_per_path": None,
    "max_per_group": None,
}


def store_of_lengths(
    lengths: Sequence[int],
    *,
    phases: Sequence[int] | None = None,
    val: Sequence[int] = (),
    number: int = 0,
) -> Store:
    """Documents of so many tokens, numbered 0, 1, 2, … in each.

    `number` tells the store from others.
    """
    store = _store(
        [np.arange(length, dtype=np.uint16) for length in lengths],
        phases or range(len(lengths)),
        val,
    )
    return replace(
        store,
        folder=Path(f"memory-{number}" if number else "memory"),
        manifest={"digest": f"{number:064x}"},
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


def write_manifest(folder: Path, **changes: Any) -> None:
    """Write the manifest of a store, whose files are vouched for as they are."""
    docs = read_arrow(folder / "docs.arrow", DOCS_SCHEMA)
    rejects = read_arrow(folder / "rejects.arrow", REJECTS_SCHEMA)
    fixed = {
        **describe_store(docs, rejects),
        "duplicates": {"exact_inside_splits": 0, "exact_across_splits": 0},
        "violations": {},
        "tokenizer": "0" * 64,
        "files": describe_files(folder),
    }
    run = {"tokenized": len(docs), "reused": 0}
    manifest = complete_manifest(fixed | changes, _KEY_INPUTS, run)
    path = folder / "manifest.json"
    write_record(path, manifest, name="store", version=STORE_VERSION)


def vouch(folder: Path, **changes: Any) -> None:
    """Let a manifest record the files as they are, as a writer with a bug would."""
    (folder / "report.json").unlink(missing_ok=True)  # it is of the other store
    manifest = read_json(folder / "manifest.json")
    names = manifest["files"]
    found = {name: f for name, f in describe_files(folder).items() if name in names}
    redigest(folder, manifest | {"files": found, **changes})


def reshard(store: Store, folder: Path, *, max_tokens: int) -> Path:
    """Write the same store again, with smaller shards; returns its folder."""
    folder.mkdir(parents=True)
    writer, docs = ShardWriter(folder, max_tokens=max_tokens), store.docs
    places = [writer.add(store.tokens(row)) for row in range(len(store))]
    writer.close()
    shards, offsets = zip(*places, strict=True)
    for name, column in (("shard", shards), ("offset", offsets)):
        number = DOCS_SCHEMA.get_field_index(name)
        field = DOCS_SCHEMA.field(number)
        docs = docs.set_column(number, field, pa.array(column, field.type))
    write_table(folder / "docs.arrow", docs)
    for name in ("rejects.arrow", "tokenizer.json"):
        (folder / name).write_bytes((store.folder / name).read_bytes())
    redigest(folder, store.manifest | {"files": describe_files(folder)})
    return folder


def redigest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest whose digest and sha256 fit."""
    manifest = manifest | {"digest": store_digest(manifest)}
    sign(folder / "manifest.json", manifest)


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
            "n_bytes": 1,
            "n_source_bytes": 1,
            "shard": 0,
            "offset": int(offset[row]),
            "length": int(lengths[row]),
            "on_schema": True,
        }
        for row, phase in enumerate(phases)
    ]
    docs = pa.Table.from_pylist(rows, schema=DOCS_SCHEMA)
    split = split_column("val" if row in val else "train" for row in range(len(rows)))
    column = DOCS_SCHEMA.get_field_index("split")
    docs = docs.set_column(column, DOCS_SCHEMA.field(column), split)
    guard = np.full(GUARD_TOKENS, PAD, dtype=np.uint16)
    return Store(
        folder=Path("memory"),
        manifest={"digest": "0" * 64},
        docs=docs,
        shards=[np.concatenate([*documents, guard])],
        shard=np.zeros(len(rows), dtype=np.uint16),
        offset=offset,
        length=lengths,
    )
