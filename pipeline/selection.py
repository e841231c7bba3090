"""Which documents go into the store, and which of its splits each belongs to.

Works on columns of all inputs at once, so it costs no loop over documents.  What is
chosen depends on the documents, their groups and the options alone.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data.store import Split
from .rejects import Reason
from .splits import split_of

__all__ = ["Dropped", "exact_duplicates", "groups_of", "splits_of"]

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dropped:
    """An input that became a document, but is not in the store."""

    row: int
    stage: str
    reason: Reason
    message: str


def exact_duplicates(inputs: pa.Table, rows: Rows) -> tuple[Rows, Rows]:
    """Rows that hold the same document as an earlier one, and which one that is.

    Args:
        inputs: all of them, see OUTCOMES_SCHEMA.
        rows: those that are documents, ascending.
    """
    digests = _fixed(inputs["sha256"].take(pa.array(rows)))
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    firsts = first[inverse]
    again = np.flatnonzero(firsts != np.arange(len(rows)))
    return rows[again], rows[firsts[again]]


def groups_of(inputs: pa.Table, rows: Rows) -> pa.Array:
    """The group of each row: what is known of it, or else the document's id in hex."""
    groups = inputs["group"].take(pa.array(rows)).combine_chunks()
    digests = inputs["sha256"].take(pa.array(rows))
    alone = np.flatnonzero(groups.is_null())
    names = [digest.hex() for digest in digests.take(pa.array(alone)).to_pylist()]
    return pc.replace_with_mask(groups, groups.is_null(), pa.array(names, pa.string()))


def splits_of(groups: pa.Array, *, seed: int) -> list[Split]:
    """The split of each group."""
    encoded = groups.dictionary_encode()
    splits = [split_of(name, seed=seed) for name in encoded.dictionary.to_pylist()]
    return [splits[code] for code in encoded.indices.to_pylist()]


def _fixed(column: pa.ChunkedArray) -> NDArray[np.void]:
    """A column of digests as one array of 32-byte items."""
    array = column.combine_chunks()
    items = np.frombuffer(array.buffers()[1], dtype="V32")
    return items[array.offset : array.offset + len(array)]
