"""Choose the inputs that are parsed, where a file or a group has more than a limit.

Only names, times and hashes are compared, so what is left out costs no more than to
read it.
"""

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, compress, repeat

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data.documents.rejects import Reason
from ....data.store import REJECTS_SCHEMA
from ...sources import Record
from .near_duplicates import Rows
from .rules import Rules

__all__ = ["Limited", "limit"]


@dataclass(frozen=True, slots=True)
class Limited:
    """Which inputs are parsed."""

    is_parsed: NDArray[np.bool_]
    """(inputs,) in order; later ones are, too."""
    rejects: pa.Table
    """REJECTS_SCHEMA, a row for each of the others, in order."""

    def of(self, records: Iterable[Record]) -> Iterator[Record]:
        """The inputs that are parsed, of all."""
        return compress(records, chain(self.is_parsed.tolist(), repeat(True)))


class _Inputs:
    """What limits compare; some hundred bytes an input."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.paths, files, groups = list[str](), list[str](), list[str | None]()
        times, is_counted, digests = array("d"), array("b"), bytearray()
        for record in records:
            self.paths.append(record.path)
            files.append(f"{record.group}\0{record.file or record.path}")
            groups.append(record.group)
            times.append(record.time)
            is_counted.append(record.group is not None and record.problem is None)
            digests += hashlib.sha256(record.text).digest()
        self.digests = np.frombuffer(bytes(digests), dtype="V32")
        self.times = np.frombuffer(times, dtype=np.float64)
        self.counted = np.flatnonzero(np.frombuffer(is_counted, dtype=np.int8))
        self.files, self.groups = _codes(files), _codes(groups)
        self.texts = np.unique(self.digests, return_inverse=True)[1]


def limit(records: Iterable[Record], rules: Rules) -> Limited:
    """Apply `max_per_path`, then `max_per_group`.

    Equal texts of a file count once, as the newest of them.  An input without a group
    is under no limit, and one that cannot be read takes no place of another.

    Args:
        records: all inputs, in order.
        rules: the limits.
    """
    inputs = _Inputs(records)
    left = inputs.counted
    over: dict[int, tuple[Reason, str]] = {}
    if (most := rules.max_per_path) is not None:
        newest = left[np.lexsort((-left, -inputs.times[left]))]
        beyond = _beyond(newest, inputs.files, inputs.texts, most)
        message = f"the {most:,} newest versions of this file are kept"
        over |= dict.fromkeys(beyond.tolist(), ("path_limit", message))
        left = np.setdiff1d(left, beyond)
    if (most := rules.max_per_group) is not None:
        drawn = left[np.argsort(inputs.texts[left], kind="stable")]
        beyond = _beyond(drawn, inputs.groups, inputs.texts, most)
        message = f"{most:,} documents of this group are kept"
        over |= dict.fromkeys(beyond.tolist(), ("group_limit", message))
    is_parsed = np.ones(len(inputs.paths), dtype=np.bool_)
    is_parsed[list(over)] = False
    rejects = [
        {
            "path": inputs.paths[row],
            "sha256": inputs.digests[row].tobytes(),
            "stage": "select",
            "reason": over[row][0],
            "message": over[row][1],
        }
        for row in sorted(over)
    ]
    return Limited(is_parsed, pa.Table.from_pylist(rejects, REJECTS_SCHEMA))


def _codes(names: list[str | None] | list[str]) -> NDArray[np.int64]:
    """Number equal names alike; None is -1."""
    encoded = pa.array(names, pa.string()).dictionary_encode()
    return np.asarray(encoded.indices.fill_null(-1), dtype=np.int64)


def _beyond(
    rows: Rows, names: NDArray[np.int64], texts: NDArray[np.int64], most: int
) -> Rows:
    """The rows whose text is not among the first `most` of their name.

    Args:
        rows: those to keep first come first.
        names: by row.
        texts: by row; equal ones count as the first of them.
        most: how many texts of a name may stay.
    """
    seen: dict[int, set[int]] = {}
    found = []
    for row, name, text in zip(
        rows.tolist(), names[rows].tolist(), texts[rows].tolist(), strict=True
    ):
        kept = seen.setdefault(name, set())
        if len(kept) < most:
            kept.add(text)
        elif text not in kept:
            found.append(row)
    return np.array(found, dtype=np.int64)
