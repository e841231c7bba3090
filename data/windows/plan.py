"""Windows as arithmetic over document lengths: no list of windows exists.

A window [a, b) holds at most C content tokens of one document and begins at a multiple
of the stride s.  `policies.py` says which windows a document gives in an epoch.

Example: L = 2,500 in epoch 3 (offset 96) under `plan`, with C = 1024 and s = 32, gives
[0, 96) [96, 1120) [1120, 2144) and [2144, 2500).

The windows of an epoch are numbered in document order.  Their count is a cumulative sum
over documents, and a number leads to its window in O(log documents).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geometry import CONTEXT, POSITIONS, STRIDE
from .policies import Epoch, Policy, cutting

__all__ = ["WindowPlan", "Windows"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Windows:
    """Some windows of one epoch; four int64 arrays of the same length."""

    document: NDArray[np.int64]
    """Index into the lengths that the plan was made from."""
    start: NDArray[np.int64]
    """First token, counted in its document; a multiple of the stride."""
    end: NDArray[np.int64]
    """One past the last token."""
    position: NDArray[np.int64]
    """The position token, start // stride."""

    def __len__(self) -> int:
        """The number of windows."""
        return len(self.document)

    def __getitem__(
        self, part: slice | NDArray[np.int64] | NDArray[np.bool_]
    ) -> "Windows":
        """Some of them; for a slice the arrays are views."""
        return Windows(
            document=self.document[part],
            start=self.start[part],
            end=self.end[part],
            position=self.position[part],
        )

    @property
    def length(self) -> NDArray[np.int64]:
        """Content tokens, 1 to C."""
        return self.end - self.start

    def of(self, rows: NDArray[np.int64]) -> "Windows":
        """The same windows, `document` replaced by the row it is an index into."""
        return replace(self, document=rows[self.document])


class WindowPlan:
    """The windows of one epoch, numbered 0 to num_windows - 1 in document order."""

    def __init__(
        self,
        lengths: ArrayLike,
        *,
        epoch: int,
        policy: Policy = "plan",
        context: int = CONTEXT,
        stride: int = STRIDE,
        phase: ArrayLike | None = None,
    ) -> None:
        """Count the windows of every document; O(documents), about 1 ms for 100,000.

        Args:
            lengths: tokens per document, each 1 to 8192 * stride.
            epoch: number of the pass, from 0.
            policy: how documents are cut; see policies.py.
            context: C, the most content tokens of a window.
            stride: s, by which the cuts move each epoch; divides `context`.
            phase: for `spread`, a number per document, evenly spread over at least
                context / stride values, such as `Store.phase`.
        """
        self._cutting = cutting(policy)
        if stride < 1 or context < 1 or context % stride:
            raise ValueError(f"stride {stride} does not divide context {context}")
        if epoch < 0:
            raise ValueError(f"epoch: found {epoch}, expected at least 0")
        self.lengths = np.asarray(lengths, dtype=np.int64)
        longest, most = self.lengths.max(initial=0), POSITIONS * stride
        if longest > most:
            raise ValueError(
                f"lengths: found a document of {longest:,} tokens, expected at most "
                f"{most:,}, {POSITIONS:,} position tokens of {stride}"
            )
        if phase is None and self._cutting.needs_phase:
            raise ValueError(f"policy {policy!r} needs the phase of each document")
        self.epoch, self.policy = epoch, policy
        self.context, self.stride = context, stride
        self._geometry = Epoch(epoch, context, stride)
        self._phase = np.asarray(phase if self._cutting.needs_phase else 0)
        counts = self._cutting.count(
            self.lengths, self._begin(slice(None)), self._geometry
        )
        self._first = np.zeros(len(counts) + 1, dtype=np.int64)
        np.cumsum(counts, out=self._first[1:])

    @property
    def num_alignments(self) -> int:
        """Alignments of a long document, C / s: the epochs after which cuts repeat."""
        return self._geometry.num_alignments

    @property
    def offset(self) -> int | None:
        """Where this epoch first cuts long documents; None if each has its own."""
        return self._cutting.offset(self._geometry)

    @property
    def num_windows(self) -> int:
        """Windows in this epoch."""
        return int(self._first[-1])

    def numbers_of(self, document: int) -> NDArray[np.int64]:
        """The numbers of a document's windows, ascending; int64."""
        return np.arange(self._first[document], self._first[document + 1])

    def locate(self, numbers: ArrayLike) -> Windows:
        """The windows with these numbers; O(log documents) each."""
        numbers = np.asarray(numbers, dtype=np.int64)
        document = np.searchsorted(self._first, numbers, side="right") - 1
        nth = numbers - self._first[document]
        begin = self._begin(document) + nth * self._cutting.hop(self._geometry)
        start = np.maximum(0, begin)
        end = np.minimum(begin + self.context, self.lengths[document])
        return Windows(
            document=document, start=start, end=end, position=start // self.stride
        )

    def all(self) -> Windows:
        """Every window of the epoch in document order; O(windows) memory."""
        return self.locate(np.arange(self.num_windows))

    def _begin(self, documents: slice | NDArray[np.int64]) -> NDArray[np.int64]:
        """Where window 0 of these documents begins; below 0 if it is a head."""
        phase = self._phase[documents] if self._cutting.needs_phase else self._phase
        return self._cutting.first(self.lengths[documents], phase, self._geometry)

    def __str__(self) -> str:
        """One line for logs."""
        where = "" if self.offset is None else f", offset {self.offset}"
        return (
            f"epoch {self.epoch} ({self.policy}): {self.num_windows:,} windows of "
            f"{len(self.lengths):,} documents{where}"
        )
