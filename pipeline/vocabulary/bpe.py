"""Learn merges: byte-pair encoding over chunks (Sennrich et al., 2016).

The corpus is one flat array of ids, one chunk after the other, with a separator before
each; links to the next and the previous id skip ids that were merged away.  Each round
joins the most frequent pair everywhere at once, as array operations over the places of
that pair.  So a round costs as much as the pair has occurrences; nothing is rescanned.

Two structures are lazy, because keeping them exact would cost more than checking them
when they are used: the heap holds outdated counts, and the places of a pair include
those where it has been merged away.

The result depends on the chunks and their counts alone: ties go to the pair with the
smallest ids, and neither hashing nor the order of the input matters.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_TOKEN_SYMBOLS", "learn_merges"]

MAX_TOKEN_SYMBOLS = 64
MIN_PAIR_COUNT = 4
"""Fewest occurrences of a new token: a rarer one would memorize, not generalize."""

Ints = NDArray[np.int64]
_SHIFT = 16  # a pair is one integer: left id << 16 | right id
_SEPARATOR = 0xFFFF  # between chunks, and in place of frozen symbols; never joins


def learn_merges(
    chunks: Mapping[str, int],
    alphabet: Sequence[str],
    *,
    size: int,
    frozen: frozenset[str] = frozenset(),
    progress: Callable[[int], None] = lambda count: None,
) -> list[str]:
    """Learn tokens of several symbols, in the order of their merges.

    Args:
        chunks: chunk to its weight, such as how often it occurs.
        alphabet: every symbol that occurs; its order breaks ties between equal counts.
        size: most tokens to make.
        frozen: symbols that stay tokens of their own.
        progress: called with the number of tokens made so far.

    Returns:
        At most `size` distinct strings of 2 to MAX_TOKEN_SYMBOLS symbols; fewer if no
        pair is left that occurs MIN_PAIR_COUNT times.
    """
    corpus = _Corpus(chunks, alphabet, frozen)
    known = set(alphabet)
    tokens: list[str] = []
    while len(tokens) < size and (pair := corpus.most_frequent()) is not None:
        text = corpus.join(pair)
        # Different merges may spell the same string: ab + c and a + bc.
        if text not in known:
            known.add(text)
            tokens.append(text)
            progress(len(tokens))
    return tokens


class _Corpus:
    """The ids of all chunks, and where each pair of neighbours occurs.

    `ids`, `weights`, `next` and `previous` are parallel int64 arrays; `next` and
    `previous` form a circle, so that ends need no special case.
    """

    def __init__(
        self,
        chunks: Mapping[str, int],
        alphabet: Sequence[str],
        frozen: frozenset[str],
    ) -> None:
        self.texts = dict(enumerate(alphabet))
        self.numbers = {symbol: number for number, symbol in self.texts.items()}
        joinable = {
            symbol: _SEPARATOR if symbol in frozen else number
            for symbol, number in self.numbers.items()
        }
        ids, weights = [_SEPARATOR], [0]
        for chunk in sorted(chunks):
            ids += [joinable[symbol] for symbol in chunk]
            weights += [chunks[chunk]] * len(chunk)
            ids.append(_SEPARATOR)
            weights.append(0)
        self.ids = np.array(ids, dtype=np.int64)
        self.weights = np.array(weights, dtype=np.int64)
        self.next = np.arange(1, len(ids) + 1)
        self.next[-1] = 0
        self.previous = np.arange(-1, len(ids) - 1)
        self.previous[0] = len(ids) - 1
        self.counts: dict[int, int] = {}
        self.places: dict[int, list[Ints]] = {}
        self.heap: list[tuple[int, int]] = []
        self._count(np.arange(len(ids)), sign=1)

    def most_frequent(self) -> int | None:
        """The pair to join next; None if none is frequent enough.

        Counts fall when neighbours merge, but entries of the heap stay.  An entry whose
        count has changed is pushed back with the current one.
        """
        while self.heap:
            count, pair = heapq.heappop(self.heap)
            current = self.counts.get(pair, 0)
            if current < MIN_PAIR_COUNT:
                continue
            if current == -count:
                return pair
            heapq.heappush(self.heap, (-current, pair))
        return None

    def join(self, pair: int) -> str:
        """Replace a pair everywhere by one id; return its text."""
        left, right = pair >> _SHIFT, pair & _SEPARATOR
        text = self.texts[left] + self.texts[right]
        number = self.numbers.setdefault(text, len(self.numbers))
        self.texts[number] = text
        first = self._occurrences(left, right)
        second = self.next[first]
        # Subtract every pair that involves an occurrence: those that begin just before
        # it, at it and within it.  `unique`, since occurrences may be neighbours.
        self._count(
            np.unique(np.concatenate((self.previous[first], first, second))), -1
        )
        after = self.next[second]
        self.ids[first] = number
        self.ids[second] = (
            _SEPARATOR  # unlinked, but perhaps still among some pair's places
        )
        self.next[first] = after
        self.previous[after] = first
        self._count(np.unique(np.concatenate((self.previous[first], first))), 1)
        self.counts.pop(pair, None)
        self.places.pop(pair, None)
        return text

    def _occurrences(self, left: int, right: int) -> Ints:
        """Places of the left id where the pair still is, ascending.

        In a run of one id, as in `aaaa`, occurrences overlap: take every second one.
        """
        pair = left << _SHIFT | right
        candidates = np.unique(np.concatenate(self.places[pair]))
        holds = (self.ids[candidates] == left) & (
            self.ids[self.next[candidates]] == right
        )
        places: Ints = candidates[holds]
        if left != right:
            return places
        # `continues`: the occurrence overlaps the one before it, so its run goes on.
        continues = np.zeros(len(places), dtype=bool)
        continues[1:] = self.next[places[:-1]] == places[1:]
        run_start = np.maximum.accumulate(
            np.where(continues, 0, np.arange(len(places)))
        )
        chosen: Ints = places[(np.arange(len(places)) - run_start) % 2 == 0]
        return chosen

    def _count(self, places: Ints, sign: int) -> None:
        """Add or subtract the pairs that begin at `places`; `sign` is 1 or -1."""
        left, right = self.ids[places], self.ids[self.next[places]]
        joinable = (left != _SEPARATOR) & (right != _SEPARATOR)
        places, pairs = places[joinable], (left << _SHIFT | right)[joinable]
        order = np.argsort(pairs, kind="stable")
        places, pairs = places[order], pairs[order]
        starts = np.flatnonzero(np.diff(pairs, prepend=-1))
        if not len(starts):
            return
        sums = np.add.reduceat(self.weights[places], starts)
        groups = np.split(places, starts[1:])
        for pair, total, group in zip(
            pairs[starts].tolist(), sums.tolist(), groups, strict=True
        ):
            count = self.counts.get(pair, 0) + sign * total
            self.counts[pair] = count
            if sign > 0 and self._fits(pair):
                self.places.setdefault(pair, []).append(group)
                heapq.heappush(self.heap, (-count, pair))

    def _fits(self, pair: int) -> bool:
        left, right = self.texts[pair >> _SHIFT], self.texts[pair & _SEPARATOR]
        return len(left) + len(right) <= MAX_TOKEN_SYMBOLS
