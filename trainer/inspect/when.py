"""Find the steps that train a document: the inverse of the order.

`--json` gives an object per window: `document`, `policy` and the fields of
`ScheduledWindow`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from ...data.errors import ConfigError
from ...data.windows.batches import Batches
from .document import document_title
from .epoch import store_of
from .view import WIDTH, Line, View, rows, wrapped

__all__ = ["ScheduledWindow", "scheduled_windows", "when_view"]

_NAMES = (
    *("epoch", "offset", "window", "[start, end)"),
    *("position", "step", "of epoch", "of run"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledWindow:
    """A window of a document, and the step that trains it."""

    epoch: int
    offset: int | None
    """First cut of long documents in the epoch; None if each has its own."""
    context: int
    """C, most tokens of a window in the epoch."""
    window: int
    """Number of the window in its document and epoch, from 0."""
    num_windows: int
    """Windows of the document in the epoch."""
    start: int
    """First token."""
    end: int
    """One past the last token."""
    position: int
    """The position token, start // stride."""
    step: int
    """Step in its epoch, from 0."""
    run_step: int
    """Step in the run, from 0."""


def scheduled_windows(
    batches: Batches, row: int, epochs: Iterable[int]
) -> Iterator[ScheduledWindow]:
    """Yield the windows of a document in some epochs, with the steps that train them.

    Raises:
        ConfigError: the document is in the other split.
    """
    split = batches.store.docs["split"][row].as_py()
    if split != batches.split:
        raise ConfigError(
            f"document {row}: found it in the {split} split, "
            f"expected it in {batches.split}",
            f"add --split {split}",
        )
    for epoch in epochs:
        before = batches.schedule.first_step(epoch)
        windows, found = batches.steps_of(row, epoch)
        for number, step in enumerate(found.tolist()):
            yield ScheduledWindow(
                epoch=epoch,
                offset=batches.plan(epoch).offset,
                context=batches.stage(epoch).context,
                window=number,
                num_windows=len(windows),
                start=int(windows.start[number]),
                end=int(windows.end[number]),
                position=int(windows.position[number]),
                step=step,
                run_step=before + step,
            )


def when_view(batches: Batches, row: int, epochs: Iterable[int]) -> View:
    """Show a line per window of a document in some epochs."""
    found = list(scheduled_windows(batches, row, epochs))
    about = {"document": row, "policy": batches.policy, **store_of(batches, row)}
    return View(
        lines=_lines(batches, row, found),
        records=(about | asdict(each) for each in found),
    )


def _lines(
    batches: Batches, row: int, found: Sequence[ScheduledWindow]
) -> Iterator[Line]:
    yield document_title(batches, row)
    sizes = {batches.stage(each.epoch).batch_size for each in found}
    windows = " or ".join(map(str, sorted(sizes or {batches.batch_size})))
    line = f"{batches.policy} · seed {batches.seed} · {windows} windows"
    yield from wrapped(f"{line} per step · steps count from 0", WIDTH, "")
    yield ""
    table = [
        (
            f"{each.epoch:,}",
            "own" if each.offset is None else f"{each.offset}",
            f"{each.window + 1} of {each.num_windows}",
            f"[{each.start}, {each.end})",
            f"{each.position}",
            f"{each.step:,}",
            f"{batches.num_steps(each.epoch):,}",
            f"{each.run_step:,}",
        )
        for each in found
    ]
    contexts = ["context", *(f"{each.context:,}" for each in found)]
    shown = 1 if batches.changes_context else 0
    lines = zip([_NAMES, *table], contexts, strict=True)
    yield from rows([(*row, *[context] * shown) for row, context in lines], left=0)
    if not found:
        yield "in none of these epochs"
