"""How documents are cut into windows: one object per policy, registered by name.

A window holds at most C content tokens.  With stride s, epoch e has the offset
o = s * e mod C, and a document of L tokens gives:

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

To add a policy, add its name to `Policy` and its object to `_REGISTERED`.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["POLICIES", "Cutting", "Epoch", "Policy", "Property", "cutting"]

Policy = Literal["plan", "spread", "original", "overlap", "sequential"]
POLICIES: tuple[Policy, ...] = get_args(Policy)

Property = Literal["once", "beginnings", "alignments", "context"]
"""Each token is a target exactly once per epoch; each epoch has each document's
beginning; C / s epochs cut each long document in C / s alignments; no window is longer
than C."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Epoch:
    """The number of a pass over the data, and the geometry of its windows."""

    number: int
    context: int
    """C, most content tokens of a window."""
    stride: int
    """s, by which cuts move from epoch to epoch; divides C."""

    @property
    def num_alignments(self) -> int:
        """C / s: the number of epochs after which the cuts repeat."""
        return self.context // self.stride

    @property
    def moved(self) -> int:
        """o, how far the cuts have moved since epoch 0."""
        return self.stride * self.number % self.context


class Cutting:
    """The arithmetic of a policy; as it is here, that of `sequential`.

    Window k of a document of L tokens is [f + k*h, f + k*h + C), clipped to [0, L),
    with f and h from `first` and `hop`.  A head [0, o) is a window that begins before
    its document, f = o - C.
    """

    needs_phase: ClassVar[bool] = False
    """Whether `first` reads the phase of each document."""
    guarantees: ClassVar[frozenset[Property]] = frozenset({"context"})
    """Properties without which the policy is of no use."""

    def offset(self, epoch: Epoch) -> int | None:
        """Where this epoch first cuts long documents; None if each has its own."""
        return 0

    def hop(self, epoch: Epoch) -> int:
        """Tokens from the beginning of a window to that of the next."""
        return epoch.context

    def first(self, lengths: Ints, phase: NDArray[np.uint16], epoch: Epoch) -> Ints:
        """(documents,) where window 0 begins, above -C."""
        return np.zeros_like(lengths)

    def count(self, lengths: Ints, first: Ints, epoch: Epoch) -> Ints:
        """(documents,) the number of windows."""
        # In place: for 100,000 documents, new arrays take most of the time.
        num = lengths - first
        num += epoch.context - 1
        num //= epoch.context
        return num


class _Plan(Cutting):
    guarantees = frozenset({"once", "beginnings", "alignments", "context"})

    def offset(self, epoch: Epoch) -> int | None:
        return epoch.moved

    def first(self, lengths: Ints, phase: NDArray[np.uint16], epoch: Epoch) -> Ints:
        return self._before_cuts(lengths, np.int64(epoch.moved), epoch)

    @staticmethod
    def _before_cuts(lengths: Ints, offset: np.int64 | Ints, epoch: Epoch) -> Ints:
        is_cut = lengths > epoch.context
        is_cut &= offset > 0
        return is_cut * (offset - epoch.context)


class _Spread(_Plan):
    needs_phase = True

    def offset(self, epoch: Epoch) -> int | None:
        return None

    def first(self, lengths: Ints, phase: NDArray[np.uint16], epoch: Epoch) -> Ints:
        num = epoch.num_alignments
        turn = _bit_reversed(epoch.number % num, num)
        if num > 1 << 15:
            phase = phase.astype(np.uint32)  # uint16 has no room for the sum
        offset = _modulo(_modulo(phase, num) + turn, num).astype(np.int64)
        offset *= epoch.stride
        return self._before_cuts(lengths, offset, epoch)


class _Original(Cutting):
    def offset(self, epoch: Epoch) -> int | None:
        return epoch.moved

    def first(self, lengths: Ints, phase: NDArray[np.uint16], epoch: Epoch) -> Ints:
        # A document of exactly C tokens counts as a long one.
        return np.where(lengths >= epoch.context, epoch.moved, 0)

    def count(self, lengths: Ints, first: Ints, epoch: Epoch) -> Ints:
        full = (lengths - first).clip(min=0) // epoch.context
        return np.where(lengths < epoch.context, epoch.moved == 0, full)


class _Overlap(Cutting):
    def hop(self, epoch: Epoch) -> int:
        return epoch.stride

    def count(self, lengths: Ints, first: Ints, epoch: Epoch) -> Ints:
        beyond = (lengths - epoch.context).clip(min=0)
        return 1 - (-beyond // epoch.stride)


_REGISTERED: dict[Policy, Cutting] = {
    "plan": _Plan(),
    "spread": _Spread(),
    "original": _Original(),
    "overlap": _Overlap(),
    "sequential": Cutting(),
}


def cutting(policy: Policy) -> Cutting:
    """The arithmetic of a policy.

    Raises:
        ValueError: there is no policy of this name.
    """
    if policy not in _REGISTERED:
        expected = ", ".join(_REGISTERED)
        raise ValueError(f"policy: found {policy!r}, expected one of {expected}")
    return _REGISTERED[policy]


def _modulo(numbers: NDArray[np.uint16], divisor: int) -> NDArray[np.uint16]:
    """The remainders; NumPy's own take seven times as long."""
    return numbers - numbers // divisor * divisor


def _bit_reversed(index: int, size: int) -> int:
    """Entry `index` of the numbers below `size` in bit-reversed order.

    For 8: 0 4 2 6 1 5 3 7.  Neighbours are far apart, so a few epochs already see cuts
    all over a document.  For no power of two, those of the next one that fit.
    """
    bits = (size - 1).bit_length()
    reversed_ = (
        (int(f"{i:0{bits}b}"[::-1], 2) for i in range(1 << bits)) if bits else [0]
    )
    return [value for value in reversed_ if value < size][index]
