"""Count how often each token is a target, window by window.

Every cut is a multiple of the stride s or the end of a document, so the s tokens of a
block always share one count, and only the last block of a document is shorter.  A
window adds +1 at its first block and -1 after its last; the running sum is the count.

Example: s = 4, a document of 10 tokens, windows [0, 8) and [4, 10):

    blocks       [0, 4)  [4, 8)  [8, 10)
    differences    +1      +1      -1        (-1 behind the last block)
    count           1       2       1
"""

import numpy as np
from numpy.typing import NDArray

from ...data.windows import Windows

__all__ = ["Coverage"]


class Coverage:
    """Counts over some epochs of the same documents."""

    def __init__(self, lengths: NDArray[np.int64], stride: int) -> None:
        """Start with no window.

        Args:
            lengths: tokens per document, at least 1 each.
            stride: s, tokens of a block.
        """
        blocks = -(-lengths // stride)
        self._lengths, self._stride = lengths, stride
        self._first = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(blocks, out=self._first[1:])
        self.size = np.full(self._first[-1], stride, dtype=np.int64)
        """Tokens of each block."""
        self.size[self._first[1:] - 1] = lengths - (blocks - 1) * stride
        self.total = np.zeros(len(self.size), dtype=np.int64)
        """How often the tokens of each block were a target so far."""

    @property
    def num_tokens(self) -> int:
        """Tokens of all documents."""
        return int(self.size.sum())

    def add(self, windows: Windows) -> NDArray[np.int64]:
        """Count the windows of an epoch.

        Args:
            windows: in any order; `document` is an index into the lengths.

        Returns:
            (blocks,) the number of these windows that hold each block.
        """
        ends, lengths = windows.end, self._lengths[windows.document]
        cut_inside = (ends % self._stride != 0) & (ends != lengths)
        if cut_inside.any() or (windows.start % self._stride != 0).any():
            raise ValueError(f"found a cut that is not a multiple of {self._stride}")
        first = self._first[windows.document]
        num = len(self.size) + 1
        change = np.bincount(first + windows.start // self._stride, minlength=num)
        change -= np.bincount(first - (-ends // self._stride), minlength=num)
        counts = np.cumsum(change[:-1])
        self.total += counts
        return counts

    def tokens_where(self, chosen: NDArray[np.bool_]) -> int:
        """Tokens of some blocks."""
        return int(self.size[chosen].sum())
