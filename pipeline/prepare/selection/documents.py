"""Choose the documents of a store, and the split of each.

First exact duplicates are dropped, then training documents near a validation document.
The choice depends on the documents, their groups and the options alone.

A group is on one side of the split, so a model is never validated on a repository that
it was trained on.  Its side depends on its name and the seed alone: documents may be
added, removed or reordered without moving others across.

Works on columns of all inputs at once, not document by document.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ....data.documents.rejects import Reason
from ....data.store import SPLITS, Split
from ....data.store.store import digest_rows
from .near_duplicates import Rows, near_rows
from .rules import Rules

__all__ = ["VAL_PER_10000", "Dropped", "Selection", "select", "split_of"]

VAL_PER_10000 = 1000
"""Groups of 10,000 that are for validation."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A document that is left out of the store."""

    row: int
    stage: str
    reason: Reason
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The documents of a store."""

    kept: Rows
    """(documents,) int64 rows of the inputs, ascending."""
    groups: pa.Array
    """Group of each document."""
    splits: list[Split]
    """Split of each document."""
    dropped: list[Dropped]
    duplicates: dict[str, int]
    """Counts of duplicates inside one split and across both.

    Exact duplicates are all dropped; near ones, counted if they are looked for, only
    where they are across splits."""


def split_of(group: str, *, seed: int) -> Split:
    """The split of a group: sha256(seed ‖ 0 ‖ group) mod 10,000 below 1,000 is val."""
    name = f"{seed}\0{group}".encode("utf-8", "surrogatepass")
    number = int.from_bytes(hashlib.sha256(name).digest(), "big")
    return "val" if number % 10_000 < VAL_PER_10000 else "train"


def select(inputs: pa.Table, rules: Rules) -> Selection:
    """Choose among the inputs (OUTCOMES_SCHEMA) that became documents."""
    rows = np.flatnonzero(inputs["reason"].is_null()).astype(np.int64)
    groups = _groups(inputs, rows)
    again, first = _exact_duplicates(inputs, rows)
    paths = inputs["path"]
    dropped = [
        Dropped(row, "read", "exact_duplicate", f"same document as {paths[one]}")
        for row, one in zip(rows[again].tolist(), rows[first].tolist(), strict=True)
    ]
    kept = np.setdiff1d(np.arange(len(rows)), again)
    near = _near_limit(inputs, rows[kept], groups.take(pa.array(kept)), rules)
    dropped += near
    kept = kept[~np.isin(rows[kept], [drop.row for drop in near])]
    splits = _splits(groups, rules.split_seed)
    across = int((splits[again] != splits[first]).sum())
    duplicates = {
        "exact_inside_splits": len(again) - across,
        "exact_across_splits": across,
    }
    if rules.near_duplicates:
        inside = _near_inside(_signatures(inputs, rows[kept]), splits[kept])
        duplicates |= {"near_inside_splits": inside, "near_across_splits": len(near)}
    return Selection(
        kept=rows[kept],
        groups=groups.take(pa.array(kept)),
        splits=splits[kept].tolist(),
        dropped=dropped,
        duplicates=duplicates,
    )


def _groups(inputs: pa.Table, rows: Rows) -> pa.Array:
    """The group of each row; one that is alone is named by its id."""
    groups = inputs["group"].take(pa.array(rows)).combine_chunks()
    digests = inputs["sha256"].take(pa.array(rows))
    alone = np.flatnonzero(groups.is_null())
    names = [digest.hex() for digest in digests.take(pa.array(alone)).to_pylist()]
    return pc.replace_with_mask(groups, groups.is_null(), pa.array(names, pa.string()))


def _digests(inputs: pa.Table, rows: Rows) -> NDArray[np.uint8]:
    """(rows, 32) ids of some rows."""
    return digest_rows(inputs["sha256"].take(pa.array(rows)).combine_chunks())


def _exact_duplicates(inputs: pa.Table, rows: Rows) -> tuple[Rows, Rows]:
    """Places in `rows` of repeated documents, and of the first copy of each."""
    digests = _digests(inputs, rows).view("V32").ravel()
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    firsts = first[inverse]
    again = np.flatnonzero(firsts != np.arange(len(rows)))
    return again, firsts[again]


def _near_limit(
    inputs: pa.Table, rows: Rows, groups: pa.Array, rules: Rules
) -> list[Dropped]:
    """Drop training documents that are near a validation document.

    Validation loses none, so it is the same with this rule and without.
    """
    if not rules.near_duplicates:
        return []
    splits = _splits(groups, rules.split_seed)
    train, val = (np.flatnonzero(splits == split) for split in SPLITS)
    found = near_rows(_signatures(inputs, rows), train, val)
    near, paths = found >= 0, inputs["path"]
    return [
        Dropped(row, "select", "near_duplicate", f"near to {paths[one]} of validation")
        for row, one in zip(
            rows[train[near]].tolist(), rows[found[near]].tolist(), strict=True
        )
    ]


def _near_inside(signatures: pa.Array, splits: NDArray[np.str_]) -> int:
    """Count documents with a near-duplicate in their own split."""
    places = (np.flatnonzero(splits == split) for split in SPLITS)
    return sum(int((near_rows(signatures, one, one) >= 0).sum()) for one in places)


def _signatures(inputs: pa.Table, rows: Rows) -> pa.Array:
    return inputs["signature"].take(pa.array(rows)).combine_chunks()


def _splits(groups: pa.Array, seed: int) -> NDArray[np.str_]:
    """The split of each group."""
    encoded = groups.dictionary_encode()
    splits = [split_of(name, seed=seed) for name in encoded.dictionary.to_pylist()]
    found: NDArray[np.str_] = np.array(splits, dtype="U5")[np.array(encoded.indices)]
    return found
