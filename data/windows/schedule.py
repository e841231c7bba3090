"""The epochs of a run, whose weights and context change in stages.

    step 0                                      stage.step
    │ epoch 0 │ epoch 1 │ epoch 2 │ … │ epoch e │ epoch e+1 │ …
                                      └ cut short

With weight w, epoch e of a stage takes w passes of a stream, from where the epoch
before ended: 0.3 takes three tenths of a pass, 2 takes two passes.  A stage begins with
a new epoch and goes on where the streams are, so no pass is broken off.

Another context cuts other windows, so there the rest of a begun pass does not exist.
A stage of another context therefore begins with the next pass of every stream: passes
keep their numbers, so epoch e of a run on one store is epoch e of a run that has this
context from its first step.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

from .stages import Stage
from .streams import EpochWindows, Piece, Stream

__all__ = ["Schedule"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Start:
    """Where a stage begins."""

    stage: Stage
    epoch: int
    """Its first epoch."""
    points: tuple[Fraction, ...]
    """Passes of each stream before it."""
    last_steps: int
    """Steps of the epoch before it, which it cuts short."""


class Schedule:
    """The epochs of a run."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        """Take the stages of the run, by their first steps, from 0 and ascending."""
        self.stages = stages
        self._latest = lru_cache(maxsize=1)(self._epoch)
        # Every batch asks for it.
        self._stage = lru_cache(maxsize=2)(self._find_stage)

    def epoch(self, number: int) -> EpochWindows:
        """The windows of an epoch; the latest one is kept."""
        return self._latest(number)

    def stage(self, epoch: int) -> Stage:
        """The stage that an epoch belongs to."""
        return self._stage(epoch)[0].stage

    def num_steps(self, epoch: int) -> int:
        """Optimiser steps of an epoch; the last one may have fewer windows."""
        start, following = self._stage(epoch)
        if following is not None and following.epoch == epoch + 1:
            return following.last_steps
        return self._whole_steps(start, epoch)

    def first_step(self, epoch: int) -> int:
        """Optimiser steps before an epoch."""
        start, _ = self._stage(epoch)
        stage = start.stage
        # Sizes repeat as soon as every stream has gone through all its cuts.
        turn = math.lcm(
            *(
                (weight / stream.num_alignments).denominator
                for stream, weight in zip(stage.streams, stage.weights, strict=True)
            )
        )
        turns, rest = divmod(epoch - start.epoch, turn)
        sizes = [
            self._whole_steps(start, start.epoch + number)
            for number in range(turn if turns else rest)
        ]
        return stage.step + turns * sum(sizes) + sum(sizes[:rest])

    def points(self, epoch: int) -> list[Fraction]:
        """Passes of each stream before an epoch; one that was broken off counts."""
        return self._points(self._stage(epoch)[0], epoch)

    def read(self, epoch: int) -> list[Fraction]:
        """Passes of each stream up to the end of an epoch, broken off there or not."""
        start, following = self._stage(epoch)
        if following is None or following.epoch > epoch + 1:
            return self._points(start, epoch + 1)
        return list(self._points_after(start, epoch, following.last_steps))

    @property
    def streams(self) -> Sequence[Stream]:
        """The stream of each store in the first stage."""
        return self.stages[0].streams

    @property
    def phases(self) -> list[tuple[int, Stage]]:
        """The first epoch of each context, and its first stage."""
        found: list[tuple[int, Stage]] = []
        for start in self._starts:
            if not found or found[-1][1].context != start.stage.context:
                found.append((start.epoch, start.stage))
        return found

    @property
    def last_stage(self) -> int:
        """The first epoch of the last stage."""
        return self._starts[-1].epoch

    @property
    def most_empty(self) -> int:
        """Most epochs in a row without a step, if any epoch has one."""
        least = min(w for stage in self.stages for w in stage.weights if w)
        most = max(stage.streams[0].num_alignments for stage in self.stages)
        return math.ceil(most / least)

    def _epoch(self, epoch: int) -> EpochWindows:
        start, _ = self._stage(epoch)
        most = start.stage.batch_size * self.num_steps(epoch)
        return EpochWindows(self._pieces(start, epoch), most=most)

    def _points(self, start: _Start, epoch: int) -> list[Fraction]:
        gone = epoch - start.epoch
        return [
            point + gone * weight
            for point, weight in zip(start.points, start.stage.weights, strict=True)
        ]

    def _pieces(self, start: _Start, epoch: int) -> list[list[Piece]]:
        """The pieces of each stream in an epoch, as if no stage followed."""
        begins, ends = self._points(start, epoch), self._points(start, epoch + 1)
        return [
            stream.pieces(begin, end)
            for stream, begin, end in zip(
                start.stage.streams, begins, ends, strict=True
            )
        ]

    def _whole_steps(self, start: _Start, epoch: int) -> int:
        pieces = self._pieces(start, epoch)
        num = sum(len(piece) for each in pieces for piece in each)
        return -(-num // start.stage.batch_size)

    def _find_stage(self, epoch: int) -> tuple[_Start, _Start | None]:
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
        first = self.stages[0]
        points = tuple(Fraction(0) for _ in first.streams)
        start = _Start(stage=first, epoch=0, points=points, last_steps=0)
        yield start
        for stage in self.stages[1:]:
            begun = start.stage.step
            epoch, step = start.epoch, begun
            while step + (steps := self._whole_steps(start, epoch)) < stage.step:
                epoch, step = epoch + 1, step + steps
                if step == begun and epoch - start.epoch > self.most_empty:
                    return  # there is no window at all
            points = self._points_after(start, epoch, stage.step - step)
            if stage.context != start.stage.context:
                points = tuple(Fraction(math.ceil(point)) for point in points)
            start = _Start(
                stage=stage,
                epoch=epoch + 1,
                points=points,
                last_steps=stage.step - step,
            )
            yield start

    def _points_after(
        self, start: _Start, epoch: int, steps: int
    ) -> tuple[Fraction, ...]:
        """Passes of each stream when some steps of an epoch are done."""
        pieces = self._pieces(start, epoch)
        dealt = EpochWindows(pieces, most=steps * start.stage.batch_size).dealt
        return tuple(
            stream.after(point, num)
            for stream, point, num in zip(
                start.stage.streams, self._points(start, epoch), dealt, strict=True
            )
        )
