"""The stages of a run: where its weights, or its context, change.

    weights    │ 1, 0.3            │ 0, 2            │
    context    │ 512      │ 1024                     │
    stages     │ 0        │ 1       │ 2              │      of the run's steps

A step at a shorter context has as many more windows as its windows are shorter, in the
mean over all documents: it has as many targets, and a pass as many steps, at any
context.  Where every document is long, half the context has twice the windows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from ..errors import ConfigError
from .streams import Stream

__all__ = ["Phase", "Stage", "check_shares", "open_stages", "phases_in", "share_of"]

Weights = tuple[Fraction, ...]

Phase = tuple[int, int]
"""The first step of a context, and the context."""

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A part of a run."""

    step: int
    """Its first step in the run."""
    weights: Weights
    """The passes of each stream in an epoch; 0 leaves it out."""
    streams: Sequence[Stream]
    """The windows of each store at its context."""
    batch_size: int
    """Windows per optimiser step."""

    @property
    def context(self) -> int:
        """C, most content tokens of a window."""
        return self.streams[0].context

    def share(self, world_size: int) -> int:
        """Most windows of a rank in a step."""
        return -(-self.batch_size // world_size)

    def shape(self, world_size: int, rows: int) -> dict[str, int]:
        """What the places of a rank's windows depend on, as arguments of `arrange`."""
        share = self.share(world_size)
        return {"batch": share, "rows": min(rows, share), "context": self.context}


def check_shares(batch_size: int, rows: int | None, rank: int, world_size: int) -> None:
    """Check that each rank has windows of a step.

    Raises:
        ConfigError: there are more ranks than windows.
    """
    if rows is not None and rows < 1:
        raise ValueError(f"rows: found {rows}, expected at least 1")
    if not 0 <= rank < world_size:
        raise ValueError(f"rank: found {rank}, expected 0 to {world_size - 1}")
    if world_size > batch_size:
        raise ConfigError(
            f"found {world_size} ranks for {batch_size} windows per step, "
            "expected at least one window for each",
            "use fewer processes or a larger data.batch_size",
        )


def share_of(step: slice, rank: int, world_size: int) -> slice:
    """A rank's windows of a step: an even slice.

    The last step of an epoch, which may have fewer windows, is shared evenly too.
    """
    num = step.stop - step.start
    begin = step.start + rank * num // world_size
    return slice(begin, step.start + (rank + 1) * num // world_size)


def open_stages(
    mixes: Sequence[tuple[int, Weights]],
    phases: Sequence[Phase],
    streams_at: Callable[[int], Sequence[Stream]],
    context: int,
    batch_size: int,
) -> list[Stage]:
    """The stages of a run, by their first steps.

    Args:
        mixes: the first step of each mix, from 0 and ascending, and its weights.
        phases: the same of each context, at most `context`.  One that repeats the
            context before it changes nothing.
        streams_at: the windows of each store at a context.
        context: C of the model.
        batch_size: windows per optimiser step at `context`.
    """
    changes = [
        phase
        for number, phase in enumerate(phases)
        if not number or phase[1] != phases[number - 1][1]
    ]
    streams = {each: streams_at(each) for each in {context, *(c for _, c in changes)}}
    # A run at one context counts nothing here.
    sizes = {
        each: batch_size
        if each == context
        else _equal_batch(batch_size, streams[context], shorter)
        for each, shorter in streams.items()
    }
    steps = sorted({step for step, _ in [*mixes, *changes]})
    found = []
    for step in steps:
        here = _at(step, changes)
        found.append(
            Stage(
                step=step,
                weights=_at(step, mixes),
                streams=streams[here],
                batch_size=sizes[here],
            )
        )
    return found


def phases_in(stages: Sequence[Stage]) -> list[tuple[int, int, int]]:
    """The first step, the context and the windows per step of each context."""
    return [
        (stage.step, stage.context, stage.batch_size)
        for number, stage in enumerate(stages)
        if not number or stage.context != stages[number - 1].context
    ]


def _at(step: int, starts: Sequence[tuple[int, Value]]) -> Value:
    """What holds at a step."""
    return next(value for first, value in reversed(starts) if first <= step)


def _equal_batch(
    batch_size: int, full: Sequence[Stream], shorter: Sequence[Stream]
) -> int:
    """The windows of a step with as many targets at a shorter context.

    At least as many: every process of a run needs a window.
    """
    exact = batch_size * _mean_length(full) / _mean_length(shorter)
    return max(batch_size, round(exact))


def _mean_length(streams: Sequence[Stream]) -> Fraction:
    """Content tokens of a mean window, over all cuts; exact, so that runs agree."""
    windows = tokens = 0
    for stream in streams:
        for number in range(stream.num_alignments):
            lengths = stream.plan(number).all().length
            windows, tokens = windows + len(lengths), tokens + int(lengths.sum())
    return Fraction(max(1, tokens), max(1, windows))
