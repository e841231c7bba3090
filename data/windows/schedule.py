"""The epochs of a run over several stores, whose weights change in stages.

    step 0                                      stage.step
    │ epoch 0 │ epoch 1 │ epoch 2 │ … │ epoch e │ epoch e+1 │ …
                                      └ cut short

With weight w, epoch e of a stage takes w passes of a stream, from where the epoch
before ended: 0.3 takes three tenths of a pass, 2 takes two passes.  A stage begins with
a new epoch and goes on where the streams are, so no pass is broken off.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

from .streams import EpochWindows, Piece, Stream

__all__ = ["Schedule"]


Weights = tuple[Fraction, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Start:
    """Where a stage begins."""

    step: int
    """Its first step in the run."""
    epoch: int
    """Its first epoch."""
    weights: Weights
    points: tuple[Fraction, ...]
    """Passes of each stream before it."""
    last_steps: int
    """Steps of the epoch before it, which it cuts short."""


class Schedule:
    """The epochs of a run."""

    def __init__(
        self,
        streams: Sequence[Stream],
        stages: Sequence[tuple[int, Weights]],
        *,
        batch_size: int,
    ) -> None:
        """Set what the epochs depend on.

        Args:
            streams: the windows of each store.
            stages: the first step of each, from 0 and ascending, and its weights: the
                passes of each stream in an epoch, 0 to leave it out.
            batch_size: windows per optimiser step.
        """
        self.streams = streams
        self._stages, self._batch_size = stages, batch_size
        self._latest = lru_cache(maxsize=1)(self._epoch)

    def epoch(self, number: int) -> EpochWindows:
        """The windows of an epoch; the latest one is kept."""
        return self._latest(number)

    def num_steps(self, epoch: int) -> int:
        """Optimiser steps of an epoch; the last one may have fewer windows."""
        start, following = self._stage(epoch)
        if following is not None and following.epoch == epoch + 1:
            return following.last_steps
        return self._whole_steps(start, epoch)

    def first_step(self, epoch: int) -> int:
        """Optimiser steps before an epoch."""
        start, _ = self._stage(epoch)
        # Sizes repeat as soon as every stream has gone through all its cuts.
        turn = math.lcm(
            *(
                (weight / stream.num_alignments).denominator
                for stream, weight in zip(self.streams, start.weights, strict=True)
            )
        )
        turns, rest = divmod(epoch - start.epoch, turn)
        sizes = [
            self._whole_steps(start, start.epoch + number)
            for number in range(turn if turns else rest)
        ]
        return start.step + turns * sum(sizes) + sum(sizes[:rest])

    def points(self, epoch: int) -> list[Fraction]:
        """Passes of each stream before an epoch."""
        return self._points(self._stage(epoch)[0], epoch)

    @property
    def identity(self) -> list[list[int | str]]:
        """The stages as JSON values."""
        return [[step, *map(str, weights)] for step, weights in self._stages]

    @property
    def last_stage(self) -> int:
        """The first epoch of the last stage."""
        return self._starts[-1].epoch

    @property
    def most_empty(self) -> int:
        """Most epochs in a row without a step, if any epoch has one."""
        least = min(w for _, weights in self._stages for w in weights if w)
        return math.ceil(self.streams[0].num_alignments / least)

    def _epoch(self, epoch: int) -> EpochWindows:
        start, _ = self._stage(epoch)
        most = self._batch_size * self.num_steps(epoch)
        return EpochWindows(self._pieces(start, epoch), most=most)

    def _points(self, start: _Start, epoch: int) -> list[Fraction]:
        gone = epoch - start.epoch
        return [
            point + gone * weight
            for point, weight in zip(start.points, start.weights, strict=True)
        ]

    def _pieces(self, start: _Start, epoch: int) -> list[list[Piece]]:
        """The pieces of each stream in an epoch, as if no stage followed."""
        begins, ends = self._points(start, epoch), self._points(start, epoch + 1)
        return [
            stream.pieces(begin, end)
            for stream, begin, end in zip(self.streams, begins, ends, strict=True)
        ]

    def _whole_steps(self, start: _Start, epoch: int) -> int:
        pieces = self._pieces(start, epoch)
        return -(
            -sum(len(piece) for each in pieces for piece in each) // self._batch_size
        )

    def _stage(self, epoch: int) -> tuple[_Start, _Start | None]:
        """The stage of an epoch, and the one after it."""
        if epoch < 0:
            raise ValueError(f"epoch: found {epoch}, expected at least 0")
        starts = self._starts
        number = max(n for n, start in enumerate(starts) if start.epoch <= epoch)
        return starts[number], starts[number + 1] if number + 1 < len(starts) else None

    @cached_property
    def _starts(self) -> list[_Start]:
        return list(self._walk())

    def _walk(self) -> Iterator[_Start]:
        """Go through the epochs once to find where each stage begins."""
        points = tuple(Fraction(0) for _ in self.streams)
        step, weights = self._stages[0]
        start = _Start(step=step, epoch=0, weights=weights, points=points, last_steps=0)
        yield start
        for first, weights in self._stages[1:]:
            epoch, step = start.epoch, start.step
            while step + (steps := self._whole_steps(start, epoch)) < first:
                epoch, step = epoch + 1, step + steps
                if step == start.step and epoch - start.epoch > self.most_empty:
                    return  # there is no window at all
            start = _Start(
                step=first,
                epoch=epoch + 1,
                weights=weights,
                points=self._points_after(start, epoch, first - step),
                last_steps=first - step,
            )
            yield start

    def _points_after(
        self, start: _Start, epoch: int, steps: int
    ) -> tuple[Fraction, ...]:
        """Passes of each stream when some steps of an epoch are done."""
        pieces = self._pieces(start, epoch)
        dealt = EpochWindows(pieces, most=steps * self._batch_size).dealt
        return tuple(
            stream.after(point, num)
            for stream, point, num in zip(
                self.streams, self._points(start, epoch), dealt, strict=True
            )
        )
