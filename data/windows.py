"""Epoch-offset windows as arithmetic over document lengths.

With context C = 1024 and stride s = 32, epoch e cuts long documents at offset
o = s*e mod C.  A document of L tokens gives

    L <= C    one window [0, L), the same in every epoch
    L >  C    [0, o) if o > 0, then [o, o+C), [o+C, o+2C), …, and the tail

so a window never crosses a document, windows never overlap within an epoch, each
content token is a target exactly once per epoch, and 32 epochs give 32 alignments.
Example: L = 2,500 in epoch 3 (o = 96) gives [0, 96) [96, 1120) [1120, 2144) and
[2144, 2500).

No list of windows is kept: an epoch is one cumulative sum over documents.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "CONTEXT",
    "MAX_DOCUMENT_TOKENS",
    "STRIDE",
    "WindowPlan",
    "Windows",
]

CONTEXT = 1024
STRIDE = 32

# The position token of a window is start // STRIDE and must be a content id (< 8192).
MAX_DOCUMENT_TOKENS = 8192 * STRIDE


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

    def __getitem__(self, part: slice) -> "Windows":
        """Some of them; the arrays are views."""
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


class WindowPlan:
    """The windows of one epoch, numbered 0 to num_windows - 1 in document order."""

    def __init__(
        self,
        lengths: ArrayLike,
        *,
        epoch: int,
        context: int = CONTEXT,
        stride: int = STRIDE,
    ) -> None:
        """Count the windows of every document; O(documents), about 2 ms for 100,000.

        Args:
            lengths: tokens per document, each 1 to 8192 * stride.
            epoch: number of the pass, from 0.
            context: C, the most content tokens of a window.
            stride: s, by which the cuts move each epoch; divides `context`.
        """
        if context % stride:
            raise ValueError(f"stride {stride} does not divide context {context}")
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.epoch, self.context, self.stride = epoch, context, stride
        self.offset = stride * epoch % context
        """Where this epoch first cuts a document that is longer than the context."""

        is_cut = self.lengths > context
        # Tokens of the first window, where it is shorter than the rest.
        self._head = np.where(is_cut, np.minimum(self.offset, self.lengths), 0)
        body = -(-(self.lengths - self._head) // context)
        counts = (self._head > 0) + body
        self._first = np.concatenate(([0], np.cumsum(counts)))

    @property
    def num_windows(self) -> int:
        """Windows in this epoch."""
        return int(self._first[-1])

    def locate(self, numbers: ArrayLike) -> Windows:
        """The windows with these numbers; O(log documents) each."""
        numbers = np.asarray(numbers, dtype=np.int64)
        document = np.searchsorted(self._first, numbers, side="right") - 1
        nth = numbers - self._first[document]
        head, length = self._head[document], self.lengths[document]
        # With a head, window 0 is [0, head) and window k starts at head + (k-1)*C.
        has_head = head > 0
        start = np.maximum(0, head + (nth - has_head) * self.context)
        end = np.minimum(start + self.context, length)
        end = np.where(has_head & (nth == 0), head, end)
        return Windows(
            document=document, start=start, end=end, position=start // self.stride
        )

    def all(self) -> Windows:
        """Every window of the epoch in document order; O(windows) memory."""
        return self.locate(np.arange(self.num_windows))

    def __str__(self) -> str:
        """One line for logs."""
        return (
            f"epoch {self.epoch}: {self.num_windows:,} windows of "
            f"{len(self.lengths):,} documents, offset {self.offset}"
        )
