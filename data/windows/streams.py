"""The windows of one epoch over several stores, in the order of training.

    stream 0   pass 0 ─ pass 1 ─ …  ┐
    stream 1   pass 0 ─ pass 1 ─ …  ┴▶ a piece of each ─Riffle▶ the windows of an epoch

A stream is the windows of one store, pass after pass: pass p is what a run on that
store alone reads in epoch p, in the same order.  An epoch takes a piece of each stream
and deals the pieces out evenly, each in its own order.  So whatever has been read is
the beginning of every stream, and each window of a pass comes exactly once.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from .permutation import Permutation
from .plan import WindowPlan, Windows
from .policies import Epoch, Policy, cutting
from .riffle import Riffle

__all__ = ["EpochWindows", "Piece", "Stream"]

Ints = NDArray[np.int64]


class Stream:
    """The windows of some documents, pass after pass, without end."""

    def __init__(
        self,
        first: int,
        lengths: Ints,
        phase: NDArray[np.uint16] | None,
        *,
        policy: Policy,
        context: int,
        stride: int,
        seed: int,
    ) -> None:
        """Take the documents, and how they are cut and ordered.

        Args:
            first: index of the first of these documents among those of all streams.
            lengths: tokens per document.
            phase: see `WindowPlan`.
            policy: how documents are cut.
            context: C, most content tokens of a window.
            stride: s, by which cuts move; divides C.
            seed: key of the order.
        """
        self.first, self.lengths = first, lengths
        self.context, self.num_alignments = context, context // stride
        self._phase, self._policy, self._seed = phase, policy, seed
        self._stride = stride
        self._num_windows: dict[int, int] = {}
        self.plan = lru_cache(maxsize=2)(self._plan)
        """The windows of a pass by number; the latest two are kept."""

    def num_windows(self, number: int) -> int:
        """Windows of a pass; they repeat every C / s passes."""
        turn = number % self.num_alignments
        if turn not in self._num_windows:
            self._num_windows[turn] = self.plan(number).num_windows
        return self._num_windows[turn]

    def offset(self, number: int) -> int | None:
        """Where a pass first cuts long documents; None if each has its own."""
        epoch = Epoch(number, self.context, self._stride)
        return cutting(self._policy).offset(epoch)

    def order(self, number: int) -> Permutation:
        """The order of a pass."""
        # A pass may have no window: `original` drops short documents.
        num = max(1, self.num_windows(number))
        return Permutation(num, seed=self._seed, epoch=number)

    def pieces(self, begin: Fraction, end: Fraction) -> list["Piece"]:
        """The windows between two points, by pass; points are counted in passes."""
        if begin == end:
            return []
        found = []
        for number in range(math.floor(begin), math.ceil(end)):
            num = self.num_windows(number)
            start = math.floor(num * (begin - number)) if begin > number else 0
            stop = math.floor(num * (end - number)) if end < number + 1 else num
            found.append(Piece(stream=self, number=number, start=start, stop=stop))
        return found

    def after(self, begin: Fraction, num: int) -> Fraction:
        """The point that is `num` windows behind another one."""
        number = math.floor(begin)
        num += math.floor((begin - number) * self.num_windows(number))
        while num >= (size := self.num_windows(number)):
            num -= size
            number += 1
            if not num:
                return Fraction(number)
        return number + Fraction(num, size)

    def _plan(self, number: int) -> WindowPlan:
        return WindowPlan(
            self.lengths,
            epoch=number,
            policy=self._policy,
            context=self.context,
            stride=self._stride,
            phase=self._phase,
        )


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Windows `start` to `stop` of a pass, counted in its order."""

    stream: Stream
    number: int
    """Of the pass."""
    start: int
    stop: int

    @property
    def plan(self) -> WindowPlan:
        """The windows of the pass, by number."""
        return self.stream.plan(self.number)

    @cached_property
    def _order(self) -> Permutation:
        return self.stream.order(self.number)

    def __len__(self) -> int:
        """The number of windows."""
        return self.stop - self.start

    def locate(self, index: Ints) -> Windows:
        """Windows by their index in this piece."""
        return self._windows(self._order(self.start + index))

    def beginning(self, num: int) -> Windows:
        """The first `num` windows of this piece, in document order."""
        numbers = np.arange(num)
        if num < self.plan.num_windows:
            numbers = np.sort(self._order(self.start + numbers))
        return self._windows(numbers)

    def indices_of(self, document: int) -> Ints:
        """Indices of a document's windows in this piece."""
        index = document - self.stream.first
        if not 0 <= index < len(self.stream.lengths):
            return np.empty(0, dtype=np.int64)
        found = self._order.inverse(self.plan.numbers_of(index)) - self.start
        return found[(found >= 0) & (found < len(self))]

    def _windows(self, numbers: Ints) -> Windows:
        windows = self.plan.locate(numbers)
        if not self.stream.first:
            return windows
        return replace(windows, document=windows.document + self.stream.first)


class EpochWindows:
    """The windows of one epoch, numbered 0 to num_windows - 1 in training order."""

    def __init__(self, streams: Sequence[list[Piece]], *, most: int | None) -> None:
        """Deal out the pieces of all streams.

        Args:
            streams: the pieces of each stream, by pass.
            most: most windows, if a stage ends before the epoch does; None for all.
        """
        counts = [sum(map(len, pieces)) for pieces in streams]
        self._riffle = Riffle(counts)
        self.num_windows = sum(counts) if most is None else min(most, sum(counts))
        self.num_left = sum(counts) - self.num_windows
        """Windows that the end of a stage leaves out."""
        self.dealt = self._riffle.dealt(self.num_windows)
        """Windows of each stream."""
        self.offset = _common(
            piece.stream.offset(piece.number) for each in streams for piece in each
        )
        """Where long documents are first cut; None if it is not the same for all."""
        # Empty pieces have no order.
        self._streams = [[piece for piece in each if len(piece)] for each in streams]
        self._pieces = [piece for each in self._streams for piece in each]
        # Slots are numbered piece by piece.
        self._first = np.cumsum([0, *map(len, self._pieces)])[:-1]

    def locate(self, positions: Ints) -> Windows:
        """The windows at these positions."""
        if len(self._pieces) == 1:
            return self._pieces[0].locate(positions)
        columns = np.empty((4, len(positions)), dtype=np.int64)
        for pieces, (at, index) in zip(
            self._streams, self._riffle.deal(positions), strict=True
        ):
            for piece in pieces:
                here = index < len(piece)
                if here.any():
                    _fill(columns, at[here], piece.locate(index[here]))
                    at, index = at[~here], index[~here]
                index = index - len(piece)
        document, start, end, position = columns
        return Windows(document=document, start=start, end=end, position=position)

    def positions_of(self, document: int) -> Ints:
        """The positions of a document's windows, by their start."""
        slots = [
            first + piece.indices_of(document)
            for piece, first in zip(self._pieces, self._first, strict=True)
        ]
        positions = self._riffle.inverse(np.concatenate([self._first[:0], *slots]))
        positions = positions[positions < self.num_windows]
        windows = self.locate(positions)
        return positions[np.lexsort((windows.end, windows.start))]

    def all(self) -> Windows:
        """Every window, by document and start; O(windows) memory."""
        found, is_sorted = list[Windows](), True
        for pieces, left in zip(self._streams, self.dealt, strict=True):
            begun = len(found)
            for piece in pieces:
                if num := min(left, len(piece)):
                    found.append(piece.beginning(num))
                    left -= num
            is_sorted &= len(found) <= begun + 1
        windows = joined(found)
        if is_sorted:
            return windows
        return windows[np.lexsort((windows.end, windows.start, windows.document))]


def _fill(columns: Ints, at: Ints, windows: Windows) -> None:
    columns[0, at], columns[1, at] = windows.document, windows.start
    columns[2, at], columns[3, at] = windows.end, windows.position


def joined(parts: Sequence[Windows]) -> Windows:
    """Several lots of windows, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Windows(
        document=np.concatenate([_NONE, *(part.document for part in parts)]),
        start=np.concatenate([_NONE, *(part.start for part in parts)]),
        end=np.concatenate([_NONE, *(part.end for part in parts)]),
        position=np.concatenate([_NONE, *(part.position for part in parts)]),
    )


def _common(offsets: Iterable[int | None]) -> int | None:
    found = set(offsets)
    return found.pop() if len(found) == 1 else None


_NONE = np.empty(0, dtype=np.int64)
