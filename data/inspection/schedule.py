"""When a document is trained: the inverse of the order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..errors import ConfigError
from ..windows.batches import Batches

__all__ = ["Occasion", "occasions"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """A window of a document, and the step that trains it."""

    epoch: int
    offset: int | None
    """Where the epoch first cuts long documents; None if each has its own."""
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
    """Step of a run that began at epoch 0, from 0."""


def occasions(batches: Batches, row: int, epochs: Iterable[int]) -> Iterator[Occasion]:
    """The windows of a document in some epochs, with the steps that train them.

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
    # The number of windows comes back after C / s epochs as the cuts do.
    views = batches.context // batches.stride
    steps = [batches.num_steps(epoch) for epoch in range(views)]
    for epoch in epochs:
        before = epoch // views * sum(steps) + sum(steps[: epoch % views])
        windows, found = batches.steps_of(row, epoch)
        for number, step in enumerate(found.tolist()):
            yield Occasion(
                epoch=epoch,
                offset=batches.plan(epoch).offset,
                window=number,
                num_windows=len(windows),
                start=int(windows.start[number]),
                end=int(windows.end[number]),
                position=int(windows.position[number]),
                step=step,
                run_step=before + step,
            )
