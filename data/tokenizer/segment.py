"""Cut symbols into the fewest tokens of a vocabulary.

The vocabulary is a set of strings; a token sequence is any way of writing a chunk as
their concatenation.  Encoding picks the shortest way (among those, the one whose last
tokens are longest), so the vocabulary alone defines the encoding and needs no ranks.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["Segmenter"]

_CACHE_CHUNKS = 1 << 18  # chunks repeat: 100,000 workflows have about 10 times as many
_UNREACHED = 1 << 30


class Segmenter:
    """Fewest-token segmentation with a cache of whole chunks."""

    def __init__(self, tokens: Iterable[tuple[str, int]]) -> None:
        """Build the trie of the vocabulary.

        Args:
            tokens: pairs of a symbol string and its id; every single symbol that will
                ever be encoded must be among them.
        """
        # A trie: symbol to [id of the token that ends here or -1, what may follow].
        self._trie: dict[str, list[Any]] = {}
        for symbols, number in tokens:
            entry, following = [], self._trie
            for symbol in symbols:
                entry = following.setdefault(symbol, [-1, {}])
                following = entry[1]
            entry[0] = number
        # Bytes of ids: a third of the memory of tuples, and joined without a loop.
        self._cache: dict[str, bytes] = {}

    def segment(self, chunk: str) -> tuple[int, ...]:
        """The ids of a chunk.

        Raises:
            KeyError: a symbol that the vocabulary does not have.
        """
        return self._fewest(chunk)

    def encode(self, chunks: Iterable[str]) -> bytes:
        """The ids of chunks, one after the other, as little-endian uint16.

        Raises:
            KeyError: a symbol that the vocabulary does not have.
        """
        known = self._cache.get
        return b"".join([known(chunk) or self._learn(chunk) for chunk in chunks])

    def _learn(self, chunk: str) -> bytes:
        ids = np.array(self._fewest(chunk), dtype="<u2").tobytes()
        if len(self._cache) >= _CACHE_CHUNKS:
            self._cache.clear()
        self._cache[chunk] = ids
        return ids

    def num_without(self, symbols: str) -> int:
        """How many tokens a token's symbols would take if it were not there."""
        following, entry = self._trie, list[Any]([-1])
        for symbol in symbols:
            entry = following[symbol]
            following = entry[1]
        number, entry[0] = entry[0], -1
        count = len(self._fewest(symbols))
        entry[0] = number
        return count

    def _fewest(self, chunk: str) -> tuple[int, ...]:
        """Dynamic programming over positions; each walks the trie as far as it goes."""
        size, trie = len(chunk), self._trie
        cost = [0] + [_UNREACHED] * size
        origin = [0] * (size + 1)
        token = [0] * (size + 1)
        for start in range(size):
            reached, end = cost[start] + 1, start
            following: dict[str, list[Any]] | None = trie
            while following and end < size:
                symbol = chunk[end]
                if symbol not in following:
                    break
                number, following = following[symbol]
                end += 1
                if number >= 0 and reached < cost[end]:
                    cost[end] = reached
                    origin[end] = start
                    token[end] = number
        ids = []
        at = size
        while at:
            if cost[at] >= _UNREACHED:
                raise KeyError(chunk)
            ids.append(token[at])
            at = origin[at]
        return tuple(reversed(ids))
