"""Cut symbols into the fewest tokens of a vocabulary.

A vocabulary is a set of strings; a tokenization of a chunk is any way to write it as
their concatenation.  Encoding picks the shortest (among these, the one whose last
tokens are longest), so the vocabulary alone defines the encoding and needs no ranks.

This is dynamic programming over positions.  At each position it needs only the tokens
that have begun and are incomplete, and the number of tokens before each, relative to
the best.  There are few such states, some ten thousand for a vocabulary of 8,192
tokens.  They are made on demand and form an automaton: from then on a symbol costs one
look-up, in unseen text, too.
"""

from collections.abc import Iterable
from itertools import accumulate
from operator import getitem

__all__ = ["Segmenter"]

_CACHE_CHUNKS = 1 << 18  # chunks repeat: 100,000 workflows have about 10 times as many
_MAX_STATES = 1 << 17  # some hundred megabytes
_UNREACHED = 1 << 30
_SLICE = 1 << 12


class _Node:
    """A node of the vocabulary's trie: the beginning of tokens, or a token."""

    __slots__ = ("data", "following", "length", "token")

    def __init__(self, length: int) -> None:
        self.following: dict[str, _Node] = {}
        self.length = length
        self.token = -1
        """Id of the token that ends here, -1 for none."""
        self.data = b""
        """The same id as little-endian uint16."""


class _State(dict[str, "_State"]):
    """A state between two symbols; maps symbols met here to the next states."""

    __slots__ = ("begun", "costs", "last", "states")

    def __init__(
        self,
        last: _Node,
        begun: tuple[_Node, ...],
        costs: tuple[int, ...],
        states: "dict[object, _State]",
    ) -> None:
        self.last = last
        """The token that ends here in the shortest tokenization so far."""
        self.begun = begun
        """Incomplete tokens, the longest first, the root last."""
        self.costs = costs
        """Tokens before each, minus those of the shortest tokenization so far."""
        self.states = states
        """All states, by (last, begun, costs)."""

    def __missing__(self, symbol: str) -> "_State":
        least, last = _UNREACHED, None
        begun: list[_Node] = []
        costs: list[int] = []
        for shorter, cost in zip(self.begun, self.costs, strict=True):
            node = shorter.following.get(symbol)
            if node is None:
                continue
            if node.token >= 0 and cost < least:  # the longest of the cheapest
                least, last = cost, node
            if node.following:
                begun.append(node)
                costs.append(cost)
        if last is None:
            raise KeyError(symbol)
        begun.append(self.begun[-1])
        costs.append(least + 1)
        known = last, tuple(begun), tuple([cost - least - 1 for cost in costs])
        state = self.states.get(known)
        if state is None:
            state = self.states[known] = _State(*known, self.states)
        self[symbol] = state
        return state


class Segmenter:
    """Fewest-token segmentation with a cache of whole chunks."""

    def __init__(self, tokens: Iterable[tuple[str, int]]) -> None:
        """Build the trie of the vocabulary.

        Args:
            tokens: pairs of a symbol string and its id, among them every single symbol
                that will ever be encoded.
        """
        self._trie = _Node(0)
        for symbols, number in tokens:
            node = self._trie
            for symbol in symbols:
                following = node.following
                node = following.get(symbol) or _Node(node.length + 1)
                following[symbol] = node
            node.token, node.data = number, number.to_bytes(2, "little")
        self._start = _State(self._trie, (self._trie,), (0,), {})
        # Bytes of ids: a third of the memory of tuples, and joined without a loop.
        self._cache: dict[str, bytes] = {}

    def segment(self, chunk: str) -> tuple[int, ...]:
        """Cut a chunk into the fewest tokens; their ids.

        Raises:
            KeyError: a symbol is not in the vocabulary.
        """
        return tuple([node.token for node in self._tokens(chunk)])

    def encode(self, chunks: Iterable[str], max_tokens: int | None = None) -> bytes:
        """The ids of consecutive chunks as little-endian uint16.

        Args:
            chunks: symbols, cut where tokens end.
            max_tokens: stop after the chunk that exceeds this number.

        Raises:
            KeyError: a symbol is not in the vocabulary.
        """
        known = self._cache.get
        if max_tokens is None:
            return _join([known(chunk) or self._learn(chunk) for chunk in chunks])
        parts, room = list[bytes](), 2 * max_tokens
        for chunk in chunks:
            part = known(chunk) or self._learn(chunk)
            parts.append(part)
            room -= len(part)
            if room < 0:
                break
        return _join(parts)

    @property
    def num_states(self) -> int:
        """States of the automaton made so far."""
        return len(self._start.states)

    def _learn(self, chunk: str) -> bytes:
        ids = _join([node.data for node in self._tokens(chunk)])
        if len(self._cache) >= _CACHE_CHUNKS:
            self._cache.clear()
        self._cache[chunk] = ids
        return ids

    def _tokens(self, chunk: str) -> list[_Node]:
        """The tokens of a chunk, as the trie nodes at which they end."""
        if self.num_states > _MAX_STATES:
            self._start = _State(self._trie, (self._trie,), (0,), {})
        states = list(accumulate(chunk, getitem, initial=self._start))
        tokens, at = list[_Node](), len(chunk)
        while at:
            last = states[at].last
            tokens.append(last)
            at -= last.length
        tokens.reverse()
        return tokens

    def num_without(self, symbols: str) -> int:
        """How many tokens would replace a token if it were dropped."""
        cuts = range(1, len(symbols))
        return 1 + min(
            len(self.segment(symbols[:cut]))
            for cut in cuts
            if self._is_token(symbols[cut:])
        )

    def _is_token(self, symbols: str) -> bool:
        node: _Node | None = self._trie
        for symbol in symbols:
            if node is None:
                return False
            node = node.following.get(symbol)
        return node is not None and node.token >= 0


def _join(parts: list[bytes]) -> bytes:
    """Join parts; `join` needs 80 bytes for each, so long lists go in slices."""
    if len(parts) <= _SLICE:
        return b"".join(parts)
    slices = range(0, len(parts), _SLICE)
    return b"".join([b"".join(parts[start : start + _SLICE]) for start in slices])
