"""Which documents go into the store, and which of its splits each belongs to.

Works on columns of all inputs at once, so it costs hardly a loop over documents.  What
is chosen depends on the documents, their groups and the options alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data.documents.rejects import Reason
from ...data.store import SPLITS, Split
from .near_duplicates import near_rows
from .splits import split_of

__all__ = ["Dropped", "Rules", "Selection", "select"]

Rows = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What is chosen."""

    split_seed: int = 0
    max_per_path: int | None = None
    """Most versions of one file: the newest."""
    max_per_group: int | None = None
    """Most documents of a group: those with the smallest ids, which is an even draw."""
    near_duplicates: bool = False
    """Whether what is near to a validation document stays out of training."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """An input that became a document, but is not in the store."""

    row: int
    stage: str
    reason: Reason
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The documents of a store."""

    kept: Rows
    """Rows of the inputs, ascending."""
    groups: pa.Array
    """Group of each."""
    splits: list[Split]
    """Split of each."""
    dropped: list[Dropped]
    duplicates: dict[str, int]
    """Documents that come again, inside and across splits: exact ones, dropped, and
    near ones if these were looked for, of which those across splits are dropped."""


def select(inputs: pa.Table, rules: Rules) -> Selection:
    """Choose among inputs (OUTCOMES_SCHEMA) that became documents."""
    rows = np.flatnonzero(inputs["reason"].is_null()).astype(np.int64)
    groups = _groups(inputs, rows)
    again, first = _exact_duplicates(inputs, rows)
    paths = inputs["path"]
    dropped = [
        Dropped(row, "read", "exact_duplicate", f"same document as {paths[one]}")
        for row, one in zip(rows[again].tolist(), rows[first].tolist(), strict=True)
    ]
    kept = np.setdiff1d(np.arange(len(rows)), again)
    for limit in (_path_limit, _group_limit, _near_limit):
        over = limit(inputs, rows[kept], groups.take(pa.array(kept)), rules)
        dropped += over
        kept = kept[~np.isin(rows[kept], [drop.row for drop in over])]
    splits = _splits(groups, rules.split_seed)
    across = int((splits[again] != splits[first]).sum())
    duplicates = {
        "exact_inside_splits": len(again) - across,
        "exact_across_splits": across,
    }
    if rules.near_duplicates:
        near = _near_inside(_signatures(inputs, rows[kept]), splits[kept])
        duplicates |= {"near_inside_splits": near, "near_across_splits": len(over)}
    return Selection(
        kept=rows[kept],
        groups=groups.take(pa.array(kept)),
        splits=splits[kept].tolist(),
        dropped=dropped,
        duplicates=duplicates,
    )


def _groups(inputs: pa.Table, rows: Rows) -> pa.Array:
    """The group of each row: what is known of it, or else the document's id in hex."""
    groups = inputs["group"].take(pa.array(rows)).combine_chunks()
    digests = inputs["sha256"].take(pa.array(rows))
    alone = np.flatnonzero(groups.is_null())
    names = [digest.hex() for digest in digests.take(pa.array(alone)).to_pylist()]
    return pc.replace_with_mask(groups, groups.is_null(), pa.array(names, pa.string()))


def _digests(inputs: pa.Table, rows: Rows) -> NDArray[np.void]:
    """Ids of rows as one array of 32-byte items."""
    array = inputs["sha256"].take(pa.array(rows)).combine_chunks()
    items = np.frombuffer(array.buffers()[1] or b"", dtype="V32")
    return items[array.offset : array.offset + len(array)]


def _exact_duplicates(inputs: pa.Table, rows: Rows) -> tuple[Rows, Rows]:
    """Places in `rows` of documents that come again, and of where they came first."""
    digests = _digests(inputs, rows)
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    firsts = first[inverse]
    again = np.flatnonzero(firsts != np.arange(len(rows)))
    return again, firsts[again]


def _path_limit(
    inputs: pa.Table, rows: Rows, groups: pa.Array, rules: Rules
) -> list[Dropped]:
    """Older versions of a file than the newest ones."""
    most = rules.max_per_path
    if most is None:
        return []
    found = inputs.take(pa.array(rows))
    files = pc.coalesce(found["file"], found["path"]).combine_chunks()
    names = pc.binary_join_element_wise(groups, files, "\0")
    times = found["time"].to_numpy()
    message = f"the {most:,} newest versions of this file are kept"
    over = _beyond(names, most, (-rows, -times))
    return [Dropped(row, "select", "path_limit", message) for row in rows[over]]


def _group_limit(
    inputs: pa.Table, rows: Rows, groups: pa.Array, rules: Rules
) -> list[Dropped]:
    """What a group has beyond its limit."""
    most = rules.max_per_group
    if most is None:
        return []
    prefixes = np.ascontiguousarray(_digests(inputs, rows)).view(">u8")[::4]
    message = f"{most:,} documents of this group are kept"
    over = _beyond(groups, most, (rows, prefixes))
    return [Dropped(row, "select", "group_limit", message) for row in rows[over]]


def _near_limit(
    inputs: pa.Table, rows: Rows, groups: pa.Array, rules: Rules
) -> list[Dropped]:
    """Training documents that are near to a validation document."""
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
    """Documents with a near-duplicate in their own split."""
    places = (np.flatnonzero(splits == split) for split in SPLITS)
    return sum(int((near_rows(signatures, one, one) >= 0).sum()) for one in places)


def _signatures(inputs: pa.Table, rows: Rows) -> pa.Array:
    return inputs["signature"].take(pa.array(rows)).combine_chunks()


def _beyond(names: pa.Array, most: int, order: tuple[NDArray[Any], ...]) -> Rows:
    """Places whose rank among those of the same name is `most` or more, ascending.

    Args:
        names: one per place.
        most: how many may stay.
        order: keys of the rank, the last one first, as for `np.lexsort`.
    """
    codes = np.array(names.dictionary_encode().indices)
    ranked = np.lexsort((*order, codes))
    starts = np.flatnonzero(np.diff(codes[ranked], prepend=-1))
    lengths = np.diff(np.append(starts, len(ranked)))
    rank = np.arange(len(ranked)) - np.repeat(starts, lengths)
    return np.sort(ranked[rank >= most])


def _splits(groups: pa.Array, seed: int) -> NDArray[np.str_]:
    """The split of each group."""
    encoded = groups.dictionary_encode()
    splits = [split_of(name, seed=seed) for name in encoded.dictionary.to_pylist()]
    found: NDArray[np.str_] = np.array(splits, dtype="U5")[np.array(encoded.indices)]
    return found
