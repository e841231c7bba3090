"""Windows as arithmetic over document lengths: five policies, no list of windows.

A window [a, b) holds at most C content tokens of one document and begins at a multiple
of the stride s.  Epoch e has the offset o = s * e mod C.  What a document of L tokens
gives in an epoch depends on the policy:

    plan        L <= C: [0, L).  L > C: [0, o) if o > 0, then [o, o+C), [o+C, o+2C), …
                and the tail.  Every token exactly once per epoch, C / s alignments.
    spread      as plan, but each document has an offset of its own in each epoch: all
                alignments are mixed in every epoch, and epochs have one size.
    original    L < C: [0, L) if o = 0, else nothing.  L >= C: [o, o+C), [o+C, o+2C), …
                as long as they are full.  Loses beginnings, tails and short documents;
                it is here to reproduce runs that were made so.
    overlap     L <= C: [0, L).  L > C: [0, C), [s, s+C), [2s, 2s+C), … and the tail.
                The baseline that trains on each token up to C / s times per epoch.
    sequential  as plan with o = 0 always: the same windows in every epoch.

Example: L = 2,500 in epoch 3 (o = 96) under `plan`, with C = 1024 and s = 32, gives
[0, 96) [96, 1120) [1120, 2144) and [2144, 2500).

The windows of an epoch are numbered in document order.  Their count is a cumulative sum
over documents, and a number leads to its window in O(log documents).
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "CONTEXT",
    "MAX_DOCUMENT_TOKENS",
    "POLICIES",
    "STRIDE",
    "Policy",
    "WindowPlan",
    "Windows",
]

CONTEXT = 1024
STRIDE = 32

# The position token of a window is start // stride and must be a content id.
_CONTENT_IDS = 8192
MAX_DOCUMENT_TOKENS = _CONTENT_IDS * STRIDE

Policy = Literal["plan", "spread", "original", "overlap", "sequential"]
POLICIES: tuple[Policy, ...] = get_args(Policy)


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
            policy: how documents are cut; see the module's docstring.
            context: C, the most content tokens of a window.
            stride: s, by which the cuts move each epoch; divides `context`.
            phase: for `spread`, a number per document, evenly spread over at least
                context / stride values; `Store.phase` is one.
        """
        if policy not in POLICIES:
            expected = ", ".join(POLICIES)
            raise ValueError(f"policy: found {policy!r}, expected one of {expected}")
        if stride < 1 or context < 1 or context % stride:
            raise ValueError(f"stride {stride} does not divide context {context}")
        if epoch < 0:
            raise ValueError(f"epoch: found {epoch}, expected at least 0")
        self.lengths = np.asarray(lengths, dtype=np.int64)
        longest, most = self.lengths.max(initial=0), _CONTENT_IDS * stride
        if longest > most:
            raise ValueError(
                f"lengths: found a document of {longest:,} tokens, expected at most "
                f"{most:,}, {_CONTENT_IDS:,} position tokens of {stride}"
            )
        self.epoch, self.policy = epoch, policy
        self.context, self.stride = context, stride
        self._phase = None
        if policy == "spread":
            if phase is None:
                raise ValueError("policy 'spread' needs the phase of each document")
            self._phase = np.asarray(phase)
        counts = self._count(self.lengths, self._origin(slice(None)))
        self._first = np.zeros(len(counts) + 1, dtype=np.int64)
        np.cumsum(counts, out=self._first[1:])

    @property
    def views(self) -> int:
        """Alignments of a long document, C / s; after so many epochs cuts come back."""
        return self.context // self.stride

    @property
    def offset(self) -> int | None:
        """Where this epoch first cuts long documents; None if each has its own."""
        if self.policy == "spread":
            return None
        moves = self.policy in ("plan", "original")
        return self.stride * self.epoch % self.context if moves else 0

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
        length, origin = self.lengths[document], self._origin(document)
        # With a head, window 0 is [0, origin) and window k begins k - 1 hops after it.
        has_head = self._has_head(origin)
        start = np.maximum(0, origin + (nth - has_head) * self._hop)
        end = np.minimum(start + self.context, length)
        end = np.where(has_head & (nth == 0), origin, end)
        return Windows(
            document=document, start=start, end=end, position=start // self.stride
        )

    def all(self) -> Windows:
        """Every window of the epoch in document order; O(windows) memory."""
        return self.locate(np.arange(self.num_windows))

    @property
    def _hop(self) -> int:
        """Tokens from one window's start to the next one's."""
        return self.stride if self.policy == "overlap" else self.context

    def _origin(self, documents: slice | NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the regular windows of these documents begin; 0 if they are not cut."""
        lengths = self.lengths[documents]
        offset: int | NDArray[np.int64] | None = self.offset
        if offset is None:
            assert self._phase is not None  # checked by __init__
            turn = _bit_reversed(self.epoch % self.views, self.views)
            phase = self._phase[documents].astype(np.int64)  # no room for a sum before
            offset = self.stride * ((turn + phase) % self.views)
        # The original takes a document of exactly C tokens for a long one.
        shortest = self.context + (self.policy != "original")
        return np.where(lengths >= shortest, offset, 0).astype(np.int64, copy=False)

    def _has_head(self, origin: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a window [0, origin) comes before the regular ones."""
        return (origin > 0) & (self.policy != "original")

    def _count(
        self, lengths: NDArray[np.int64], origin: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Windows per document."""
        if self.policy == "original":
            full = (lengths - origin).clip(min=0) // self.context
            return np.where(lengths < self.context, self.offset == 0, full)
        if self.policy == "overlap":
            beyond = (lengths - self.context).clip(min=0)
            return 1 - (-beyond // self.stride)
        return self._has_head(origin) - (origin - lengths) // self.context

    def __str__(self) -> str:
        """One line for logs."""
        where = "" if self.offset is None else f", offset {self.offset}"
        return (
            f"epoch {self.epoch} ({self.policy}): {self.num_windows:,} windows of "
            f"{len(self.lengths):,} documents{where}"
        )


def _bit_reversed(index: int, views: int) -> int:
    """Entry `index` of the numbers below `views` in bit-reversed order.

    For 8: 0 4 2 6 1 5 3 7.  Neighbours are far apart, so a few epochs already see cuts
    all over a document.  For no power of two, those of the next one that fit.
    """
    bits = (views - 1).bit_length()
    reversed_ = (
        (int(f"{i:0{bits}b}"[::-1], 2) for i in range(1 << bits)) if bits else [0]
    )
    return [value for value in reversed_ if value < views][index]
