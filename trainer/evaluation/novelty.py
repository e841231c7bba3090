"""What of a document stands in the training documents already.

    exact          its canonical JSON is that of a training document
    known share    of its runs of 8 tokens, those that stand in some training document
    longest run    most consecutive tokens that stand so in one training document

Runs are compared by 64-bit hashes of the form sum of t_i · B^i, of which any run's
follows from two prefix sums, modulo 2^64.  Training tokens are read once for all
documents, and after each length only the places that still match are looked at again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["RUN", "Reuse", "Text", "reuse"]

RUN = 8
"""Tokens of the runs whose known share is counted."""

_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
_TABLE_BITS = 24
_BLOCK = 1 << 22  # places looked at together

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reuse:
    """How much of some documents stands in others."""

    known: NDArray[np.float64]
    """(D,) share of a document's runs of 8 tokens; nan for fewer tokens."""
    longest: NDArray[np.int64]
    """(D,) tokens of the longest run."""


class Text:
    """Documents one after the other, ready for the hash of any run inside of one.

    20 bytes per token, 36 while it is made.
    """

    def __init__(self, documents: Sequence[NDArray[np.uint16]]) -> None:
        """Concatenate and sum up."""
        lengths = np.array([len(ids) for ids in documents], dtype=np.int64)
        tokens = np.concatenate([np.empty(0, np.uint16), *documents])
        self.lengths = lengths
        ends = np.repeat(np.cumsum(lengths).astype(np.uint32), lengths)
        self.left = ends - np.arange(len(tokens), dtype=np.uint32)
        """(T,) tokens from each place to the end of its document."""
        # Numbers without a pattern, so that ids that lie close differ in all bits.
        mixed = np.random.default_rng(0).integers(1 << 64, size=1 << 16, dtype="u8")
        terms = mixed[tokens]
        terms *= _powers(_BASE, len(tokens))
        self._sums = np.zeros(len(tokens) + 1, dtype=np.uint64)
        np.cumsum(terms, out=self._sums[1:])
        del terms
        self._inverse = _powers(pow(_BASE, -1, 1 << 64), len(tokens))

    def __len__(self) -> int:
        """The number of tokens."""
        return len(self.left)

    def hashes(self, places: Places, length: int) -> Hashes:
        """Of the run of `length` tokens at each of some places, which hold one."""
        return (self._sums[places + length] - self._sums[places]) * self._inverse[
            places
        ]

    def places(self) -> Iterator[Places]:
        """Every place, in blocks."""
        for begin in range(0, len(self), _BLOCK):
            yield np.arange(begin, min(begin + _BLOCK, len(self)))


def reuse(documents: Sequence[NDArray[np.uint16]], training: Text) -> Reuse:
    """Look the runs of some documents up.

    Args:
        documents: (tokens,) each.
        training: what they are looked up in.
    """
    search = _Search(ours=Text(documents), training=training)
    return Reuse(known=search.known(), longest=search.longest)


@dataclass(kw_only=True, slots=True)
class _Search:
    """The longest run of each document, by bisection of all together."""

    ours: Text
    training: Text
    document: Places = field(init=False)
    longest: Places = field(init=False)

    def __post_init__(self) -> None:
        number = np.arange(len(self.ours.lengths))
        self.document = np.repeat(number, self.ours.lengths)
        self.longest = np.zeros(len(number), dtype=np.int64)

    def known(self) -> NDArray[np.float64]:
        """The shares; finds `longest` on the way."""
        everyone = np.arange(len(self.longest))
        ours, found, kept = self._shared(RUN, everyone, self.training.places())
        known = np.bincount(self.document[ours[found]], minlength=len(everyone))
        longest = np.unique(self.document[ours[found]])
        most = int(self.ours.lengths.max(initial=0)) + 1
        self._bisect(RUN, most, longest, kept)
        rest = np.setdiff1d(everyone, longest)
        self._bisect(0, min(RUN, most), rest, None)
        runs = np.maximum(self.ours.lengths - RUN + 1, 0)
        return np.where(runs > 0, known / np.maximum(runs, 1), np.nan)

    def _bisect(
        self, low: int, high: int, documents: Places, places: list[Places] | None
    ) -> None:
        """Find the longest runs of documents that have one of `low`, none of `high`.

        Args:
            low: 0 for documents of which nothing is known.
            high: more than any of their runs.
            documents: which.
            places: in training, all with a run of `low` in common with them; None for
                every place.
        """
        if high - low <= 1 or not len(documents):
            self.longest[documents] = low
            return
        # Doubling first: few runs are long, and a longer one leaves fewer places.
        middle = 2 * low if 0 < 2 * low < high else (low + high) // 2
        where = self.training.places() if places is None else iter(places)
        ours, found, kept = self._shared(middle, documents, where)
        longer = np.unique(self.document[ours[found]])
        self._bisect(middle, high, longer, kept)
        self._bisect(low, middle, np.setdiff1d(documents, longer), places)

    def _shared(
        self, length: int, documents: Places, where: Iterator[Places]
    ) -> tuple[Places, NDArray[np.bool_], list[Places]]:
        """Runs of `length` in some documents, and which of them stand in training.

        Returns:
            places of the runs, whether each was found, and the places in training that
            have one of them.
        """
        is_chosen = np.zeros(len(self.longest), dtype=np.bool_)
        is_chosen[documents] = True
        ours = np.flatnonzero((self.ours.left >= length) & is_chosen[self.document])
        wanted, of_run = np.unique(self.ours.hashes(ours, length), return_inverse=True)
        found, kept = np.zeros(len(wanted), dtype=np.bool_), list[Places]()
        table = _table(wanted)
        for block in where:
            places = block[self.training.left[block] >= length]
            which, at = _look_up(self.training.hashes(places, length), wanted, table)
            found[at] = True
            kept.append(places[which])
        return ours, found[of_run], kept


def _powers(base: int, count: int) -> Hashes:
    """(count,) 1, base, base², … modulo 2^64."""
    powers = np.full(count, base, dtype=np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, out=powers)


def _table(wanted: Hashes) -> NDArray[np.bool_]:
    """Which beginnings hashes have: a look-up that is faster than a search."""
    table = np.zeros(1 << _TABLE_BITS, dtype=np.bool_)
    table[wanted >> np.uint64(64 - _TABLE_BITS)] = True
    return table


def _look_up(
    hashes: Hashes, wanted: Hashes, table: NDArray[np.bool_]
) -> tuple[Places, Places]:
    """Which of some hashes are wanted, and where they stand in `wanted`, ascending."""
    which = np.flatnonzero(table[hashes >> np.uint64(64 - _TABLE_BITS)])
    candidates = hashes[which]
    at = np.minimum(np.searchsorted(wanted, candidates), max(len(wanted) - 1, 0))
    is_same = wanted[at] == candidates
    return which[is_same], at[is_same]
