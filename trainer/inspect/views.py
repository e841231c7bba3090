"""What each mode shows: lines for people, records for programs, and a figure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from ...data.display.progress import Progress
from ...data.inspection import (
    claims,
    count_policy,
    document_windows,
    epoch_windows,
    occasions,
    sample_documents,
    summarize,
    typical_document,
)
from ...data.windows.batches import Batches
from .document import document_lines
from .epoch import epoch_lines, epochs_lines
from .guarantees import promise_lines
from .records import (
    document_records,
    epoch_records,
    epochs_records,
    promise_records,
    step_records,
    when_records,
)
from .step import read_batch, step_lines
from .when import when_lines

if TYPE_CHECKING:  # an optional dependency
    from matplotlib.figure import Figure

__all__ = [
    "View",
    "document_view",
    "epoch_view",
    "epochs_view",
    "promise_view",
    "step_view",
    "when_view",
]

_PLOTTED_DOCUMENTS = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """One mode's answer; whatever is not asked for is not made."""

    lines: Iterable[Text | str]
    records: Iterable[dict[str, Any]]
    figure: "Callable[[], Figure] | None" = None
    is_fine: bool = True
    """Whether all promises are kept."""


def epoch_view(batches: Batches, epoch: int, limit: int | None) -> View:
    """One epoch."""

    def lines() -> Iterable[Text | str]:
        yield from epoch_lines(batches, summarize(batches, epoch), limit=limit)

    def figure() -> "Figure":
        from .figures import Bar, bars_figure

        windows = epoch_windows(batches, epoch)
        lengths = batches.store.length[batches.documents]
        chosen = sample_documents(lengths, _PLOTTED_DOCUMENTS, batches.context)
        bars = [
            Bar(
                label=f"{row:,}",
                length=int(batches.store.length[row]),
                windows=windows[windows.document == row],
            )
            for row in batches.documents[chosen].tolist()
        ]
        return bars_figure(
            bars,
            title=_title(batches, epoch),
            name="document",
            context=batches.context,
            marked=batches.plan(epoch).offset,
        )

    return View(lines=lines(), records=epoch_records(batches, epoch), figure=figure)


def epochs_view(batches: Batches, row: int | None, epochs: Sequence[int]) -> View:
    """One document in many epochs; a typical long one where none is named."""
    if row is None:
        lengths = batches.store.length[batches.documents]
        row = int(batches.documents[typical_document(lengths, batches.context)])

    def figure() -> "Figure":
        from .figures import Bar, bars_figure

        length = int(batches.store.length[row])
        bars = [
            Bar(
                label=f"{epoch:,}",
                length=length,
                windows=document_windows(batches, row, epoch),
            )
            for epoch in epochs
        ]
        title = f"document {row:,}: {length:,} tokens, {batches.policy}"
        return bars_figure(
            bars, title=title, name="epoch", context=batches.context, marked=None
        )

    return View(
        lines=epochs_lines(batches, row, epochs),
        records=epochs_records(batches, row, epochs),
        figure=figure,
    )


def document_view(batches: Batches, row: int, epoch: int) -> View:
    """The text of a document with its cuts."""

    def figure() -> "Figure":
        from .figures import Bar, bars_figure

        windows = document_windows(batches, row, epoch)
        bars = [
            Bar(label=f"{number + 1:,}", length=0, windows=windows[number : number + 1])
            for number in range(len(windows))
        ]
        length = int(batches.store.length[row])
        whole = Bar(label="all", length=length, windows=windows)
        title = f"document {row:,}, {_title(batches, epoch)}"
        return bars_figure(
            [whole, *bars],
            title=title,
            name="window",
            context=batches.context,
            marked=None,
        )

    return View(
        lines=document_lines(batches, row, epoch),
        records=document_records(batches, row, epoch),
        figure=figure,
    )


def step_view(batches: Batches, epoch: int, step: int, limit: int | None) -> View:
    """A batch token by token."""
    batch = read_batch(batches, epoch, step)
    return View(
        lines=step_lines(batches, batch, limit=limit),
        records=step_records(batches, batch),
    )


def when_view(batches: Batches, row: int, epochs: Sequence[int]) -> View:
    """When a document is trained."""
    found = list(occasions(batches, row, epochs))
    return View(
        lines=when_lines(batches, row, found),
        records=when_records(batches, row, found),
    )


def promise_view(settings: Sequence[Batches], progress: Progress) -> View:
    """All policies compared.

    Args:
        settings: one per policy.
        progress: told about every epoch.
    """
    progress.stage("count", sum(each.num_alignments for each in settings))
    counts = [count_policy(each, progress.advance) for each in settings]
    found = [claim for each in counts for claim in claims(each)]

    def figure() -> "Figure":
        from .figures import promise_figure

        return promise_figure(counts)

    return View(
        lines=promise_lines(settings[0], counts, found),
        records=promise_records(counts, found),
        figure=figure,
        is_fine=all(claim.holds for claim in found if claim.is_promised),
    )


def _title(batches: Batches, epoch: int) -> str:
    offset = batches.plan(epoch).offset
    where = "" if offset is None else f", offset {offset}"
    return f"epoch {epoch:,}, {batches.policy}{where}"
