"""Deal positions evenly to groups: a bijection of [0, N) with an inverse.

Slots are numbered group by group: group k has the next counts[k] of them.  Positions
take the slots of each group in ascending order, and the first positions have their
share of each group, however many, to within the number of groups.

Example: counts (4, 2) deal six positions to the slots 4 0 1 5 2 3.

Groups are dealt out one after the other.  Of the r positions that the groups before it
left, group k has taken floor(r * counts[k] / (slots of group k and those after it)).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Riffle"]

Ints = NDArray[np.int64]


class Riffle:
    """A bijection of [0, N), N = sum(counts); keeps the order in each group."""

    def __init__(self, counts: Sequence[int]) -> None:
        """Take the size of each group, from 0; N is below 2**31."""
        self._counts = list(counts)
        # Slots of a group and of those after it.
        self._left = np.cumsum(self._counts[::-1], dtype=np.int64)[::-1].tolist()

    def deal(self, positions: Ints) -> Iterator[tuple[Ints, Ints]]:
        """For each group, which of the positions it has, and their indices in it."""
        at, rest = np.arange(len(positions)), positions
        for count, left in self._groups():
            shares = rest * count
            taken = shares // left
            is_here = shares - taken * left >= left - count  # the next is one more
            yield at[is_here], taken[is_here]
            is_after = ~is_here
            at, rest = at[is_after], (rest - taken)[is_after]
        yield at, rest

    def __call__(self, positions: Ints) -> Ints:
        """The slot of each position."""
        slots, first = np.empty_like(positions), 0
        for (at, index), count in zip(self.deal(positions), self._counts, strict=True):
            slots[at] = first + index
            first += count
        return slots

    def inverse(self, slots: Ints) -> Ints:
        """The position of each slot: ``riffle(riffle.inverse(slots)) == slots``."""
        firsts = np.cumsum([0, *self._counts[:-1]])
        group = np.searchsorted(firsts, slots, side="right") - 1
        positions: Ints = slots - firsts[group]
        for number, (count, left) in reversed(list(enumerate(self._groups()))):
            is_here, is_after = group == number, group > number
            # The n-th of a group is where its share first exceeds n; the n-th of those
            # after it is behind as many of this group as there are up to it.
            here, after = positions[is_here], positions[is_after]
            positions[is_here] = ((here + 1) * left - 1) // count
            positions[is_after] = after * left // (left - count)
        return positions

    def dealt(self, number: int) -> list[int]:
        """How many of the first `number` positions each group has."""
        found = []
        for count, left in zip(self._counts, self._left, strict=True):
            found.append(number * count // max(1, left))
            number -= found[-1]
        return found

    def _groups(self) -> list[tuple[int, int]]:
        """Size, and slots left, of each group but the last, which takes the rest."""
        return list(zip(self._counts, self._left, strict=True))[:-1]
