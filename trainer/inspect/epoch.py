"""One epoch as a picture, or one document in many epochs."""

from collections.abc import Iterator, Sequence

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from ...data.inspection import (
    EpochSummary,
    document_windows,
    epoch_windows,
    sample_documents,
)
from ...data.windows import WindowPlan, Windows
from ...data.windows.batches import Batches
from ...data.windows.layouts import LAYOUTS
from .bars import LEGEND, Axis
from .canvas import WIDTH, count, facts, fit, wrapped

__all__ = ["epoch_lines", "epochs_lines", "legend_lines", "title"]

_COLUMNS = f"{'document':>8}  {'tokens':>7}  {'windows':>7}  {'PAD':>7}  "


def epoch_lines(
    batches: Batches, summary: EpochSummary, *, limit: int | None
) -> Iterator[Text | str]:
    """A sample of an epoch's documents to scale, then the counts of the epoch.

    Args:
        batches: of the documents.
        summary: of the epoch.
        limit: most documents; None for all.
    """
    windows = epoch_windows(batches, summary.epoch)
    lengths = batches.store.length[batches.documents]
    size = len(lengths) if limit is None else limit
    sample = sample_documents(lengths, size, batches.context)
    axis = Axis.of(batches.context, WIDTH - len(_COLUMNS))
    header = f"{title(batches, summary.epoch)} · {_size(batches, summary)}"
    yield from (Text(line, style="bold") for line in wrapped(header, WIDTH, "  "))
    yield ""
    yield Text(_COLUMNS + axis.labels(), style="bold")
    yield Text(" " * len(_COLUMNS)) + axis.ruler(summary.offset)
    used: set[str] = set()
    for index in sample.tolist():
        here = _of_document(windows, int(batches.documents[index]))
        bar = axis.bar(int(lengths[index]), here)
        used |= set(bar.plain)
        yield Text(_document_columns(batches, index, here)) + bar
    if len(sample) < len(lengths):
        yield f"… and {count(len(lengths) - len(sample), 'document')} (--limit, --json)"
    yield from legend_lines(used)
    yield ""
    yield from facts(_counts(summary))


def title(batches: Batches, epoch: int) -> str:
    """`epoch 3 · plan · offset 96`."""
    offset = batches.plan(epoch).offset if len(batches.documents) else None
    where = "an offset per document" if offset is None else f"offset {offset}"
    return f"epoch {epoch:,} · {batches.policy} · {where}"


def legend_lines(used: set[str]) -> Iterator[str]:
    """What the marks that were used mean."""
    parts = [f"{mark} {text}" for mark, text in LEGEND.items() if mark in used]
    line = ""
    for part in parts:
        if line and cell_len(line) + 3 + cell_len(part) > WIDTH:
            yield line
            line = ""
        line = f"{line}   {part}" if line else part
    if line:
        yield line


def _size(batches: Batches, summary: EpochSummary) -> str:
    return (
        f"{count(summary.windows, 'window')} of "
        f"{count(summary.documents, 'document')} ({batches.split})"
    )


def _of_document(windows: Windows, row: int) -> Windows:
    first, end = np.searchsorted(windows.document, [row, row + 1]).tolist()
    return windows[first:end]


def _document_columns(batches: Batches, index: int, windows: Windows) -> str:
    row = int(batches.documents[index])
    pad = len(windows) * batches.context - int(windows.length.sum())
    tokens = int(batches.store.length[row])
    return f"{row:>8,}  {tokens:>7,}  {len(windows):>7,}  {pad:>7,}  "


def _counts(summary: EpochSummary) -> Iterator[tuple[str, str]]:
    share = summary.covered / summary.tokens
    yield "documents", f"{summary.documents:,}"
    yield "windows", f"{summary.windows:,}"
    yield "steps", f"{summary.steps:,}"
    yield "tokens", f"{summary.tokens:,}"
    yield "covered", f"{summary.covered:,} ({share:.2%})"
    yield "more than once", f"{summary.repeated:,}"
    yield "not seen", f"{summary.unseen:,}"
    for layout in LAYOUTS:
        pad = summary.positions[layout] - summary.targets
        detail = f"{pad:,} of {summary.positions[layout]:,} positions"
        yield f"PAD, {layout}", f"{summary.pad_share(layout):.1%}: {detail}"
    yield "", f"(passes of at most {count(summary.rows, 'row')})"


def epochs_lines(
    batches: Batches, row: int, epochs: Sequence[int]
) -> Iterator[Text | str]:
    """How the cuts of one document move: a line per epoch."""
    length = int(batches.store.length[row])
    path = batches.store.docs["path"][row].as_py()
    digits = max(len("epoch "), *(len(f"{epoch:,}") for epoch in epochs))
    columns = f"{'epoch':>{digits}}  {'offset':>6}  {'windows':>7}  {'of epoch':>9}  "
    axis = Axis.of(batches.context, WIDTH - len(columns), longest=length)
    begin = f"document {row:,} · {count(length, 'token')} · {batches.policy} · "
    yield Text(begin + fit(path, WIDTH - len(begin), keep_end=True), style="bold")
    yield ""
    yield Text(columns + axis.labels(), style="bold")
    yield Text(" " * len(columns)) + axis.ruler(None)
    used: set[str] = set()
    for epoch in epochs:
        windows, plan = document_windows(batches, row, epoch), batches.plan(epoch)
        bar = axis.bar(length, windows)
        used |= set(bar.plain)
        offset = _offset(windows, plan)
        numbers = f"{epoch:>{digits},}  {offset:>6}  {len(windows):>7,}"
        yield Text(f"{numbers}  {plan.num_windows:>9,}  ") + bar
    yield from legend_lines(used)


def _offset(windows: Windows, plan: WindowPlan) -> int:
    """That of the epoch, or of the one document whose windows these are."""
    if plan.offset is not None:
        return plan.offset
    return int(windows.start[1]) % plan.context if len(windows) > 1 else 0
