"""One document in many epochs: how its cuts move.

`--json` gives an object per epoch, see `_records`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from ...data.windows import Windows
from ...data.windows.batches import Batches
from .bars import Axis, legend_lines
from .epoch import store_of
from .view import WIDTH, Line, Record, View, count, fit

if TYPE_CHECKING:  # an optional dependency
    from matplotlib.figure import Figure

__all__ = ["epochs_view", "typical_document"]

_CONTEXT = f"{'context':>7}  "


def epochs_view(batches: Batches, row: int | None, epochs: Sequence[int]) -> View:
    """Show a line per epoch of a document; None chooses a typical long one."""
    if row is None:
        lengths = batches.lengths
        row = int(batches.documents[typical_document(lengths, batches.context)])
    return View(
        lines=_lines(batches, row, epochs),
        records=_records(batches, row, epochs),
        figure=lambda: _figure(batches, row, epochs),
    )


def typical_document(lengths: NDArray[np.int64], context: int) -> int:
    """The document nearest to 3.5 contexts, if it has 3 to 4; else the longest.

    Returns:
        Its index in `lengths`, the first of equals.
    """
    fits = (lengths >= 3 * context) & (lengths <= 4 * context)
    if not fits.any():
        return int(lengths.argmax())
    distance = np.abs(2 * lengths - 7 * context)  # doubled, to stay an integer
    return int(np.where(fits, distance, distance.max() + 1).argmin())


def _lines(batches: Batches, row: int, epochs: Sequence[int]) -> Iterator[Line]:
    length = int(batches.store.length[row])
    path = batches.store.docs["path"][row].as_py()
    digits = max(len("epoch "), *(len(f"{epoch:,}") for epoch in epochs))
    columns = f"{'epoch':>{digits}}  {'offset':>6}  {'windows':>7}  {'of epoch':>9}  "
    columns += _CONTEXT if batches.changes_context else ""
    axis = Axis.of(batches.context, WIDTH - len(columns), longest=length)
    begin = f"document {row:,} · {count(length, 'token')} · {batches.policy} · "
    yield Text(begin + fit(path, WIDTH - len(begin), keep_end=True), style="bold")
    yield ""
    yield Text(columns + axis.labels(), style="bold")
    yield Text(" " * len(columns)) + axis.ruler(None)
    used: set[str] = set()
    for epoch in epochs:
        windows, plan = batches.document_windows(row, epoch), batches.plan(epoch)
        context = batches.stage(epoch).context
        bar = replace(axis, context=context).bar(length, windows)
        used |= set(bar.plain)
        offset = _offset(windows, batches, epoch)
        numbers = f"{epoch:>{digits},}  {offset:>6}  {len(windows):>7,}"
        numbers += f"  {plan.num_windows:>9,}  "
        if batches.changes_context:
            numbers += f"{context:>7,}  "
        yield Text(numbers) + bar
    yield from legend_lines(used)


def _offset(windows: Windows, batches: Batches, epoch: int) -> int:
    """The offset of the epoch, or else of the document with these windows."""
    if (offset := batches.plan(epoch).offset) is not None:
        return offset
    context = batches.stage(epoch).context
    return int(windows.start[1]) % context if len(windows) > 1 else 0


def _records(batches: Batches, row: int, epochs: Sequence[int]) -> Iterator[Record]:
    for epoch in epochs:
        windows, plan = batches.document_windows(row, epoch), batches.plan(epoch)
        yield {
            "epoch": epoch,
            "offset": plan.offset,
            "context": batches.stage(epoch).context,
            "document": row,
            "policy": batches.policy,
            **store_of(batches, row),
            "starts": windows.start.tolist(),
            "ends": windows.end.tolist(),
            "num_windows": plan.num_windows,  # of all documents
        }


def _figure(batches: Batches, row: int, epochs: Sequence[int]) -> "Figure":
    from .figures import Bar, bars_figure

    length = int(batches.store.length[row])
    bars = [
        Bar(
            label=f"{epoch:,}",
            length=length,
            windows=batches.document_windows(row, epoch),
            context=batches.stage(epoch).context,
        )
        for epoch in epochs
    ]
    title = f"document {row:,}: {length:,} tokens, {batches.policy}"
    return bars_figure(
        bars, title=title, name="epoch", context=batches.context, marked=None
    )
