"""Verify a store down to each document.

`Store.open` compares files with their sha256, so it notices changes since they were
written.  `verify` also notices what was written wrong: documents fill the shards
without gaps, every id is valid, the manifest counts right and, if decoded, every
document has the sha256 that is its id.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ..documents.json_text import canonical_bytes
from ..errors import DecodeError
from ..records import read_record
from .files import REPORT_NAME, REPORT_VERSION, read_arrow, wrong
from .store import GUARD_TOKENS, REJECTS_SCHEMA, Split, Store

__all__ = ["Verified", "verify"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """Counts of what was verified."""

    store: str
    """Its folder, or its URI without secrets."""
    files: int
    """Files whose sha256 is the recorded one, beside the manifest."""
    documents: int
    tokens: int
    decoded: int
    """Documents decoded and compared with their ids; 0 without `decode`."""


def verify(
    folder: Path | str,
    *,
    decode: bool = False,
    advance: Callable[[], None] = lambda: None,
    note: Callable[[str], None] = lambda text: None,
) -> Verified:
    """Check everything about a store.

    Args:
        folder: the store, or a URI of it, which is fetched.
        decode: decode every document too; about a millisecond each.
        advance: called after each decoded document.
        note: see `Store.open`.

    Raises:
        FormatError: no store, or one of another version.
        CorruptError: the first fault found.
        SourceError: see `Store.open`.
    """
    store = Store.open(folder, verify="full", note=note)
    assert store.tokenizer  # loading checks that it is the one of the manifest
    _check_tables(store)
    _check_places(store)
    _check_counts(store)
    _check_report(store)
    if decode:
        for row in range(len(store)):
            _check_document(store, row)
            advance()
    return Verified(
        store=store.arguments[0],
        files=len(store.manifest["files"]),
        documents=len(store),
        tokens=int(store.length.sum()),
        decoded=len(store) if decode else 0,
    )


def _check_tables(store: Store) -> None:
    rejects = read_arrow(store.folder / "rejects.arrow", REJECTS_SCHEMA)
    reasons = Counter(rejects["reason"].to_pylist())
    recorded = store.manifest["rejects"]
    if reasons != recorded:
        where = store.folder / "rejects.arrow"
        wrong(where, f"rejects {dict(reasons)}", f"{recorded} as recorded")
    ids = store.docs["sha256"].to_pylist()
    if len(set(ids)) != len(ids):
        twice = len(ids) - len(set(ids))
        wrong(store.folder / "docs.arrow", f"{twice:,} ids again", "each once")


def _check_places(store: Store) -> None:
    """Check that documents fill each shard without gaps, up to the guards."""
    where = store.folder / "docs.arrow"
    shard = store.shard.astype(np.int64)
    begins = np.flatnonzero(np.diff(shard, prepend=-1))
    if shard[begins].tolist() != list(range(len(store.shards))):
        shards = shard[begins].tolist()
        wrong(where, f"shards {shards}", f"0 to {len(store.shards) - 1}, in order")
    ends = store.offset + store.length
    expected = np.concatenate([[0], ends[:-1]]).astype(np.int64)
    expected[begins] = 0
    if (moved := np.flatnonzero(store.offset != expected)).size:
        row = int(moved[0])
        found = f"offset {store.offset[row]:,}"
        wrong(f"{where}: document {row:,}", found, f"{expected[row]:,}")
    lasts = [*(begins[1:] - 1).tolist(), len(store) - 1]
    for number, last in enumerate(lasts):
        size, tokens = int(ends[last]) + GUARD_TOKENS, len(store.shards[number])
        if tokens != size:
            name = f"{store.folder}: shard {number}"
            wrong(name, f"{tokens:,} ids", f"{size:,} with guards")


def _check_counts(store: Store) -> None:
    """Check the counts of the manifest."""
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
            wrong(f"{store.folder}: {split}", found, f"{recorded} as recorded")


def _check_report(store: Store) -> None:
    """Check that a report, if there is one, is intact and of this store."""
    path = store.folder / REPORT_NAME
    if not path.exists() and not path.is_symlink():
        return
    remake = "remove it"
    report = read_record(path, name="report", version=REPORT_VERSION, remake=remake)
    if report.get("store") != store.digest:
        found = f"the report of store {str(report.get('store'))[:12]!a}"
        wrong(path, found, f"that of {store.digest[:12]}")


def _check_document(store: Store, row: int) -> None:
    """Check that a document decodes to the bytes whose sha256 is its id."""
    where = f"{store.folder}: document {row:,} ({store.docs['path'][row]})"
    ids = store.tokens(row)
    try:
        text = canonical_bytes(store.tokenizer.decode(ids))
    except DecodeError as error:
        wrong(where, error.problem, "tokens of a document")
    if hashlib.sha256(text).digest() != store.docs["sha256"][row].as_py():
        wrong(where, "another document", "the one whose sha256 is its id")
    if len(text) != (size := store.docs["n_bytes"][row].as_py()):
        wrong(where, f"{len(text):,} bytes", f"{size:,} as recorded")
    recorded = store.docs["on_schema"][row].as_py()
    if store.tokenizer.is_on_schema(ids) != recorded:
        wrong(where, f"on_schema {recorded}", f"{not recorded}")
