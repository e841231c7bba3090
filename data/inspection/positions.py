"""A batch read back position by position, as the model gets it.

Everything comes from `Batch.inputs`, `Batch.targets()` and the arrangement; the windows
only say whose tokens they ought to be.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..tokenizer import PAD
from ..windows.batches import Batch

__all__ = ["BatchWindow", "batch_windows"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchWindow:
    """Where a window lies in its batch, and what the model reads there."""

    number: int
    """In the batch, from 0."""
    document: int
    """Row of docs.arrow."""
    start: int
    """First token."""
    end: int
    """One past the last token."""
    number_of_pass: int
    row: int
    """In its pass, from 0."""
    column: int
    """Of its first position in the row, from 0."""
    first: int
    """Its first position in the batch."""
    inputs: NDArray[np.uint16]
    """(tokens,) a view: the position token, then content."""
    targets: NDArray[np.uint16]
    """(tokens,) the id to predict at each."""
    is_target: NDArray[np.bool_]
    """(tokens,) whether there is one."""
    pad: int
    """PAD positions behind it, up to the next window or the end of the row."""


def batch_windows(batch: Batch) -> Iterator[BatchWindow]:
    """The windows of a batch in the order of its steps."""
    targets, is_target = batch.targets()
    lengths = batch.windows.length.tolist()
    for number, (first, length) in enumerate(
        zip(batch.arrangement.at, lengths, strict=True)
    ):
        which, row, column, row_end = _locate(batch, first)
        here = slice(first, first + length)
        behind = batch.inputs[here.stop : row_end] != PAD
        yield BatchWindow(
            number=number,
            document=int(batch.windows.document[number]),
            start=int(batch.windows.start[number]),
            end=int(batch.windows.end[number]),
            number_of_pass=which,
            row=row,
            column=column,
            first=first,
            inputs=batch.inputs[here],
            targets=targets[here],
            is_target=is_target[here],
            pad=int(behind.argmax()) if behind.any() else len(behind),
        )


def _locate(batch: Batch, position: int) -> tuple[int, int, int, int]:
    """Pass, row and column of a position, and where its row ends in the batch."""
    begin = 0
    for number, (rows, width) in enumerate(batch.arrangement.passes):
        if position < begin + rows * width:
            row, column = divmod(position - begin, width)
            return number, row, column, begin + (row + 1) * width
        begin += rows * width
    raise IndexError(f"position {position}: expected one below {begin}")
