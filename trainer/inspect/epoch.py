"""One epoch: its windows to scale, and their counts.

`--json` gives an object per window, see `window_records`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from ...data.errors import ConfigError
from ...data.store import Mixture
from ...data.windows import Policy, Windows
from ...data.windows.batches import Batches
from ...data.windows.layouts import LAYOUTS, Layout, arrange
from .bars import Axis, legend_lines, sample_documents
from .coverage import Coverage
from .view import WIDTH, Line, Record, View, count, facts, wrapped

if TYPE_CHECKING:  # an optional dependency
    from matplotlib.figure import Figure

__all__ = [
    "EpochSummary",
    "count_positions",
    "epoch_view",
    "epoch_windows",
    "figure_title",
    "store_of",
    "summarize",
    "title",
    "window_records",
]

_COLUMNS = f"{'document':>8}  {'tokens':>7}  {'windows':>7}  {'PAD':>7}  "
_PLOTTED_DOCUMENTS = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochSummary:
    """Counts over all windows of an epoch."""

    epoch: int
    policy: Policy
    offset: int | None
    """First cut of long documents; None if each has its own."""
    documents: int
    windows: int
    steps: int
    """Optimiser steps."""
    tokens: int
    """Content tokens of the documents."""
    targets: int
    """Content tokens of the windows."""
    covered: int
    """Content tokens that are in at least one window."""
    repeated: int
    """Content tokens that are in more than one."""
    rows: int
    """Most rows of a pass, for `positions`."""
    positions: dict[Layout, int]
    """Positions of all steps by layout, PAD included."""

    @property
    def unseen(self) -> int:
        """Content tokens that no window holds."""
        return self.tokens - self.covered

    def pad_share(self, layout: Layout) -> float:
        """PAD positions among all positions; 0 if there are none."""
        positions = self.positions[layout]
        return 1 - self.targets / positions if positions else 0.0


def epoch_windows(batches: Batches, epoch: int) -> Windows:
    """All windows of an epoch, by document; `document` is a row of docs.arrow.

    Raises:
        ConfigError: the split has no document.
    """
    if not len(batches.documents):
        raise ConfigError(
            f"{batches.store.folder}: the {batches.split} split has no document",
            "choose the other one with --split",
        )
    return batches.plan(epoch).all().of(batches.documents)


def count_positions(batches: Batches, epoch: int) -> dict[Layout, int]:
    """Count the positions of all steps of an epoch under each layout."""
    positions = dict.fromkeys(LAYOUTS, 0)
    shape = batches.stage(epoch).shape(1, batches.rows)
    for step in range(batches.num_steps(epoch)):
        lengths = batches.windows(epoch, step).length.tolist()
        for layout in LAYOUTS:
            positions[layout] += arrange(
                lengths, layout, **shape, static=True
            ).num_positions
    return positions


def summarize(batches: Batches, epoch: int) -> EpochSummary:
    """Count an epoch from its windows, not from the formulas behind them."""
    plan = batches.plan(epoch)
    windows = plan.all()
    coverage = Coverage(batches.lengths, batches.stride)
    counts = coverage.add(windows)
    return EpochSummary(
        epoch=epoch,
        policy=batches.policy,
        offset=plan.offset,
        documents=len(batches.documents),
        windows=len(windows),
        steps=batches.num_steps(epoch),
        tokens=coverage.num_tokens,
        targets=int(windows.length.sum()),
        covered=coverage.tokens_where(counts > 0),
        repeated=coverage.tokens_where(counts > 1),
        rows=batches.rows,
        positions=count_positions(batches, epoch),
    )


def epoch_view(batches: Batches, epoch: int, limit: int | None) -> View:
    """Show a sample of documents to scale, then the counts of the epoch.

    Args:
        batches: of the documents.
        epoch: number of the pass.
        limit: most documents to show; None for all.
    """
    return View(
        lines=_lines(batches, epoch, limit),
        records=_records(batches, epoch),
        figure=lambda: _figure(batches, epoch),
    )


def _lines(batches: Batches, epoch: int, limit: int | None) -> Iterator[Line]:
    summary = summarize(batches, epoch)
    windows = epoch_windows(batches, epoch)
    lengths = batches.lengths
    size = len(lengths) if limit is None else limit
    context = batches.stage(epoch).context
    sample = sample_documents(lengths, size, context)
    axis = Axis.of(context, WIDTH - len(_COLUMNS))
    header = f"{title(batches, epoch)} · {_size(batches, summary)}"
    yield from (Text(line, style="bold") for line in wrapped(header, WIDTH, "  "))
    yield ""
    yield Text(_COLUMNS + axis.labels(), style="bold")
    yield Text(" " * len(_COLUMNS)) + axis.ruler(summary.offset)
    used: set[str] = set()
    for index in sample.tolist():
        here = _of_document(windows, int(batches.documents[index]))
        bar = axis.bar(int(lengths[index]), here)
        used |= set(bar.plain)
        yield Text(_document_columns(batches, index, here, context)) + bar
    if len(sample) < len(lengths):
        yield f"… and {count(len(lengths) - len(sample), 'document')} (--limit, --json)"
    yield from legend_lines(used)
    yield ""
    yield from facts(_counts(summary))


def title(batches: Batches, epoch: int) -> str:
    """`epoch 3 · plan · offset 96`; of a run with phases, also the epoch's context."""
    offset = batches.plan(epoch).offset if len(batches.documents) else None
    own = "document" if batches.policy == "spread" else "pass"
    where = f"an offset per {own}" if offset is None else f"offset {offset}"
    return f"epoch {epoch:,} · {batches.policy} · {where}{_phase(batches, epoch)}"


def _phase(batches: Batches, epoch: int) -> str:
    if not batches.changes_context:
        return ""
    here, following = batches.stage(epoch), batches.stage(epoch + 1)
    text = f" · context {here.context:,}"
    if following.context == here.context:
        return text
    left = count(batches.plan(epoch).num_left, "window")
    switch = f"context {following.context:,} from step {following.step:,}"
    return f"{text} · broken off {left} before its end by {switch}"


def _size(batches: Batches, summary: EpochSummary) -> str:
    return (
        f"{count(summary.windows, 'window')} of "
        f"{count(summary.documents, 'document')} ({batches.split})"
    )


def _of_document(windows: Windows, row: int) -> Windows:
    first, end = np.searchsorted(windows.document, [row, row + 1]).tolist()
    return windows[first:end]


def _document_columns(
    batches: Batches, index: int, windows: Windows, context: int
) -> str:
    row = int(batches.documents[index])
    pad = len(windows) * context - int(windows.length.sum())
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


def _records(batches: Batches, epoch: int) -> Iterator[Record]:
    yield from window_records(epoch_windows(batches, epoch), epoch, batches)


def window_records(windows: Windows, epoch: int, batches: Batches) -> Iterator[Record]:
    """Yield a flat object per window."""
    context = batches.stage(epoch).context
    columns = (windows.document, windows.start, windows.end, windows.position)
    for document, start, end, position in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        yield {
            "epoch": epoch,
            "document": document,
            "start": start,
            "end": end,
            "position": position,
            "context": context,
            "pad": context - (end - start),
            "policy": batches.policy,
            **store_of(batches, document),
        }


def store_of(batches: Batches, row: int) -> Record:
    """Of which store of a mixture a row is; empty for a single store."""
    store = batches.store
    return {"store": store.name_of(row)} if isinstance(store, Mixture) else {}


def _figure(batches: Batches, epoch: int) -> "Figure":
    from .figures import Bar, bars_figure

    windows = epoch_windows(batches, epoch)
    lengths, context = batches.lengths, batches.stage(epoch).context
    chosen = sample_documents(lengths, _PLOTTED_DOCUMENTS, context)
    bars = [
        Bar(
            label=f"{row:,}",
            length=int(batches.store.length[row]),
            windows=windows[windows.document == row],
            context=context,
        )
        for row in batches.documents[chosen].tolist()
    ]
    return bars_figure(
        bars,
        title=figure_title(batches, epoch),
        name="document",
        context=context,
        marked=batches.plan(epoch).offset,
    )


def figure_title(batches: Batches, epoch: int) -> str:
    """`epoch 3, plan, offset 96`."""
    offset = batches.plan(epoch).offset
    where = "" if offset is None else f", offset {offset}"
    return f"epoch {epoch:,}, {batches.policy}{where}"
