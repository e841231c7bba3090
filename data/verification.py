"""Is a store what its manifest says, down to each document?

`Store.open` compares files with their sha256, so it notices what happened to them since
they were written.  `verify` also notices what was written wrong: it checks that
documents fill the shards without gaps, that every id is one, that the manifest counts
right, and, by decoding, that every document is the one whose id it bears.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from .errors import CorruptError, DecodeError
from .json_text import canonical_bytes
from .store import (
    DOCS_SCHEMA,
    GUARD_TOKENS,
    REJECTS_SCHEMA,
    Split,
    Store,
    read_arrow,
)
from .tokenizer import PAD, VOCAB_SIZE

__all__ = ["Verified", "verify"]

_REMAKE = "prepare the store again with tct prepare --force"
_BLOCK_TOKENS = 1 << 22


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What was found to be right."""

    files: int
    """Files whose sha256 is the recorded one, beside the manifest."""
    documents: int
    tokens: int
    decoded: int
    """Documents that were decoded and compared with their ids; 0 if none were to be."""


def verify(
    folder: Path, *, decode: bool = False, advance: Callable[[], None] = lambda: None
) -> Verified:
    """Check everything about a store.

    Args:
        folder: the store.
        decode: decode every document, too; about a millisecond for each.
        advance: called after each decoded document.

    Raises:
        FormatError: no store, or one of another version.
        CorruptError: something is not as it should be; the first that was found.
    """
    store = Store.open(folder, verify="full")
    _check_tables(store)
    _check_places(store)
    for number in range(len(store.shards)):
        _check_ids(store, number)
    _check_counts(store)
    if store.tokenizer.digest != store.manifest["tokenizer"]:
        raise _wrong(
            folder / "tokenizer.json",
            f"digest {store.tokenizer.digest[:12]}",
            f"{store.manifest['tokenizer'][:12]} as in the manifest",
        )
    if decode:
        for row in range(len(store)):
            _check_document(store, row)
            advance()
    return Verified(
        files=len(store.manifest["files"]),
        documents=len(store),
        tokens=int(store.length.sum()),
        decoded=len(store) if decode else 0,
    )


def _wrong(where: object, found: object, expected: object) -> CorruptError:
    return CorruptError(f"{where}: found {found}, expected {expected}", _REMAKE)


def _check_tables(store: Store) -> None:
    rejects = read_arrow(store.folder / "rejects.arrow")
    for name, table, schema in (
        ("docs.arrow", store.docs, DOCS_SCHEMA),
        ("rejects.arrow", rejects, REJECTS_SCHEMA),
    ):
        if table.schema != schema:
            raise _wrong(store.folder / name, table.schema.names, schema.names)
        for column in table.column_names:
            if nulls := table[column].null_count:
                where = f"{store.folder / name}: {column}"
                raise _wrong(where, f"{nulls:,} rows without a value", "none")
    ids = store.docs["sha256"].to_pylist()
    if len(set(ids)) != len(ids):
        twice = len(ids) - len(set(ids))
        raise _wrong(store.folder / "docs.arrow", f"{twice:,} ids again", "each once")


def _check_places(store: Store) -> None:
    """Documents stand one after the other in each shard, and guards after the last."""
    where = store.folder / "docs.arrow"
    shard = store.shard.astype(np.int64)
    begins = np.flatnonzero(np.diff(shard, prepend=-1))
    if shard[begins].tolist() != list(range(len(store.shards))):
        shards = shard[begins].tolist()
        raise _wrong(
            where, f"shards {shards}", f"0 to {len(store.shards) - 1}, in order"
        )
    if (empty := np.flatnonzero(store.length == 0)).size:
        raise _wrong(f"{where}: document {empty[0]:,}", "no tokens", "one at least")
    ends = store.offset + store.length
    expected = np.concatenate([[0], ends[:-1]]).astype(np.int64)
    expected[begins] = 0
    if (moved := np.flatnonzero(store.offset != expected)).size:
        row = int(moved[0])
        found = f"offset {store.offset[row]:,}"
        raise _wrong(f"{where}: document {row:,}", found, f"{expected[row]:,}")
    lasts = [*(begins[1:] - 1).tolist(), len(store) - 1]
    for number, last in enumerate(lasts):
        size, tokens = int(ends[last]) + GUARD_TOKENS, len(store.shards[number])
        if tokens != size:
            name = f"{store.folder}: shard {number}"
            raise _wrong(name, f"{tokens:,} ids", f"{size:,} with guards")


def _check_ids(store: Store, number: int) -> None:
    """Ids of documents are below VOCAB_SIZE, those of guards are PAD."""
    ids = store.shards[number]
    content, guards = ids[:-GUARD_TOKENS], ids[-GUARD_TOKENS:]
    for start in range(0, len(content), _BLOCK_TOKENS):
        block: NDArray[np.uint16] = content[start : start + _BLOCK_TOKENS]
        if (bad := np.flatnonzero(block >= VOCAB_SIZE)).size:
            at = start + int(bad[0])
            where = f"{store.folder}: shard {number}, position {at:,}"
            raise _wrong(where, f"id {ids[at]:,}", f"one below {VOCAB_SIZE:,}")
    if (guards != PAD).any():
        raise _wrong(f"{store.folder}: shard {number}", "other guards", f"{PAD} (PAD)")


def _check_counts(store: Store) -> None:
    """The manifest counts the documents as they are."""
    sizes = store.docs["n_bytes"].to_numpy()
    for split in get_args(Split):
        rows = store.rows(split)
        found: dict[str, Any] = {
            "documents": len(rows),
            "tokens": int(store.length[rows].sum()),
            "bytes": int(sizes[rows].sum()),
        }
        recorded = store.manifest["splits"][split]
        if found != recorded:
            raise _wrong(f"{store.folder}: {split}", found, f"{recorded} as recorded")


def _check_document(store: Store, row: int) -> None:
    """A document decodes to the bytes that its id is the sha256 of."""
    where = f"{store.folder}: document {row:,} ({store.docs['path'][row]})"
    ids = store.tokens(row)
    try:
        text = canonical_bytes(store.tokenizer.decode(ids))
    except DecodeError as error:
        raise _wrong(where, error.problem, "tokens of a document") from error
    if hashlib.sha256(text).digest() != store.docs["sha256"][row].as_py():
        raise _wrong(where, "another document", "the one whose sha256 is its id")
    if len(text) != (size := store.docs["n_bytes"][row].as_py()):
        raise _wrong(where, f"{len(text):,} bytes", f"{size:,} as recorded")
    recorded = store.docs["on_schema"][row].as_py()
    if store.tokenizer.is_on_schema(ids) != recorded:
        raise _wrong(where, f"on_schema {recorded}", f"{not recorded}")
