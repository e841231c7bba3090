"""The nodes of a vocabulary's trie, as sets of numbers.

`data/native/trie.h` does the same, and numbers nodes alike.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from ..symbols import Control, is_text
from .pushdown import Pushdown

__all__ = ["Nodes"]


class Nodes:
    """A trie; node 0 is its root."""

    def __init__(self, pushdown: Pushdown, vocabulary: Mapping[int, str]) -> None:
        """Build the trie.

        Args:
            pushdown: reads texts.
            vocabulary: id to symbols.
        """
        self._pushdown = pushdown
        self._children: list[dict[str, int]] = [{}]
        self._ids: list[int] = [-1]
        for number, symbols in vocabulary.items():
            node = 0
            for symbol in symbols:
                following = self._children[node].get(symbol)
                if following is None:
                    following = self._children[node][symbol] = len(self._children)
                    self._children.append({})
                    self._ids.append(-1)
                node = following
            self._ids[node] = number

    def ends(self, nodes: Iterable[int]) -> list[int]:
        """Ids of the tokens that end there."""
        return [self._ids[node] for node in nodes if self._ids[node] >= 0]

    def structure(self, nodes: Iterable[int]) -> dict[str, set[int]]:
        """Structure symbols that may follow, each with the nodes after it."""
        found: defaultdict[str, set[int]] = defaultdict(set)
        for node in nodes:
            for symbol, child in self._children[node].items():
                if not is_text(symbol) and symbol != Control.END:
                    found[symbol].add(child)
        return found

    def text(
        self,
        nodes: Iterable[int],
        automaton: int,
        state: int,
        pending: bytes,
        labels: int,
    ) -> tuple[list[int], dict[int, set[int]]]:
        """Ids of the tokens that end inside a text, and by label the nodes after it."""
        read = self._pushdown.read
        label_of = self._pushdown.grammar.automata[automaton].labels
        inside: list[int] = []
        after: defaultdict[int, set[int]] = defaultdict(set)
        stack = [(node, state, pending) for node in nodes]
        while stack:
            node, state, pending = stack.pop()
            for symbol, child in self._children[node].items():
                if symbol == Control.END:
                    label = label_of[state]
                    if not pending and label >= 0 and labels >> label & 1:
                        after[label].add(child)
                    continue
                moved = read(automaton, state, pending, symbol, labels)
                if moved is not None:
                    stack.append((child, *moved))
                    if self._ids[child] >= 0:
                        inside.append(self._ids[child])
        return inside, after

    def beginning(self, nodes: Iterable[int], symbols: str) -> list[int]:
        """Ids of the tokens that continue with some symbols."""
        stack = []
        for node in nodes:
            for symbol in symbols:
                node = self._children[node].get(symbol, -1)
                if node < 0:
                    break
            else:
                stack.append(node)
        found = []
        while stack:
            node = stack.pop()
            if self._ids[node] >= 0:
                found.append(self._ids[node])
            stack += self._children[node].values()
        return found
