"""The steps of a run in which a document is trained."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from ...data.inspection import Occasion
from ...data.windows.batches import Batches
from .canvas import WIDTH, rows, wrapped
from .document import document_title

__all__ = ["when_lines"]

_NAMES = (
    *("epoch", "offset", "window", "[start, end)"),
    *("position", "step", "of epoch", "of run"),
)


def when_lines(
    batches: Batches, row: int, found: Sequence[Occasion]
) -> Iterator[Text | str]:
    """One line per window and epoch.

    Args:
        batches: of the document.
        row: the document.
        found: what `occasions` gave.
    """
    yield document_title(batches, row)
    line = f"{batches.policy} · seed {batches.seed} · {batches.batch_size} windows"
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
    yield from rows([_NAMES, *table], left=0)
    if not found:
        yield "in none of these epochs"
