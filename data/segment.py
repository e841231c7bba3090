"""Cut symbols into the fewest tokens of a vocabulary.

The vocabulary is a set of strings; a token sequence is any way of writing a chunk as
their concatenation.  Encoding picks the shortest way (among those, the one whose last
tokens are longest), so the vocabulary alone defines the encoding and needs no ranks.
"""

from collections.abc import Iterable
from typing import Any

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
        # A trie node maps a symbol to the next node, and "" to the id that ends here.
        self._trie: dict[str, Any] = {}
        for symbols, number in tokens:
            node = self._trie
            for symbol in symbols:
                node = node.setdefault(symbol, {})
            node[""] = number
        self._cache: dict[str, tuple[int, ...]] = {}

    def segment(self, chunk: str) -> tuple[int, ...]:
        """The ids of a chunk.

        Raises:
            KeyError: a symbol that the vocabulary does not have.
        """
        ids = self._cache.get(chunk)
        if ids is None:
            ids = self._fewest(chunk)
            if len(self._cache) >= _CACHE_CHUNKS:
                self._cache.clear()
            self._cache[chunk] = ids
        return ids

    def _fewest(self, chunk: str) -> tuple[int, ...]:
        """The ids of a chunk, found anew."""
        token, origin = self._shortest(chunk, longest=len(chunk))
        ids = []
        at = len(chunk)
        while at:
            if origin[at] < 0:
                raise KeyError(chunk)
            ids.append(token[at])
            at = origin[at]
        return tuple(reversed(ids))

    def num_without(self, symbols: str) -> int:
        """How many tokens a token's symbols would take if it were not there."""
        _, origin = self._shortest(symbols, longest=len(symbols) - 1)
        count, at = 0, len(symbols)
        while at:
            count, at = count + 1, origin[at]
        return count

    def _shortest(self, chunk: str, *, longest: int) -> tuple[list[int], list[int]]:
        """For each end of a token on a shortest way: its id and where it begins.

        Dynamic programming over positions; each walks the trie as far as it goes, or
        as far as the `longest` token that may be used.
        """
        size = len(chunk)
        cost = [0] + [_UNREACHED] * size
        origin = [-1] * (size + 1)
        token = [0] * (size + 1)
        for start in range(size):
            reached = cost[start] + 1
            node: Any = self._trie
            for end in range(start, min(size, start + longest)):
                node = node.get(chunk[end])
                if node is None:
                    break
                number = node.get("")
                if number is not None and reached < cost[end + 1]:
                    cost[end + 1] = reached
                    origin[end + 1] = start
                    token[end + 1] = number
        return token, origin
