"""The vocabulary as a trie: which tokens continue after some of their symbols.

A `Cursor` is a set of nodes, because tokens that differ only in a text continue alike
once the text has ended.  Equal sets are one object, so cursors can be keys of a memo.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..symbols import Control, is_text
from .pushdown import Pushdown

__all__ = ["Cursor", "Ids", "TextEnds", "Trie"]

Ids = NDArray[np.uint16]


class Cursor:
    """Some nodes of the trie; only `Trie` makes cursors."""

    __slots__ = ("ends", "nodes", "structure")

    def __init__(self, nodes: frozenset[int], ends: Ids) -> None:
        """Take the nodes; `Trie.structure` fills in the rest."""
        self.nodes = nodes
        self.ends = ends
        """Tokens that end here."""
        self.structure: dict[str, Cursor] | None = None

    def __bool__(self) -> bool:
        """Whether any token continues or ends here."""
        return bool(self.nodes)


class TextEnds(NamedTuple):
    """The courses of tokens inside a text."""

    inside: Ids
    """Tokens that end before the text does."""
    after: dict[int, Cursor]
    """Label of the text's language to the cursor after its END."""


class Trie:
    """The trie of a vocabulary."""

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
            self._insert(symbols, number)
        self._known: dict[frozenset[int], Cursor] = {}
        self._texts: dict[tuple[Cursor, int, int, bytes, int], TextEnds] = {}
        self.root = self.at([0])

    def _insert(self, symbols: str, number: int) -> None:
        node = 0
        for symbol in symbols:
            following = self._children[node].get(symbol)
            if following is None:
                following = self._children[node][symbol] = len(self._children)
                self._children.append({})
                self._ids.append(-1)
            node = following
        self._ids[node] = number

    def at(self, nodes: Iterable[int]) -> Cursor:
        """The cursor at some nodes."""
        key = frozenset(nodes)
        cursor = self._known.get(key)
        if cursor is None:
            ends = [self._ids[node] for node in key if self._ids[node] >= 0]
            cursor = Cursor(key, np.array(ends, dtype=np.uint16))
            self._known[key] = cursor
        return cursor

    def structure(self, cursor: Cursor) -> dict[str, Cursor]:
        """Structure symbols that may follow, each with the cursor after it."""
        if cursor.structure is None:
            found: defaultdict[str, set[int]] = defaultdict(set)
            for node in cursor.nodes:
                for symbol, child in self._children[node].items():
                    if not is_text(symbol) and symbol != Control.END:
                        found[symbol].add(child)
            cursor.structure = {s: self.at(nodes) for s, nodes in found.items()}
        return cursor.structure

    def text(
        self, cursor: Cursor, automaton: int, state: int, pending: bytes, labels: int
    ) -> TextEnds:
        """Follow all tokens inside a text, as far as its languages allow.

        Args:
            cursor: inside the text.
            automaton: number of the automaton that reads the text.
            state: its state.
            pending: bytes of an incomplete character.
            labels: bit set of the acceptable languages.
        """
        memo = cursor, automaton, state, pending, labels
        found = self._texts.get(memo)
        if found is None:
            found = self._texts[memo] = self._text(*memo)
        return found

    def _text(
        self, cursor: Cursor, automaton: int, state: int, pending: bytes, labels: int
    ) -> TextEnds:
        read = self._pushdown.read
        label_of = self._pushdown.grammar.automata[automaton].labels
        inside: list[int] = []
        after: defaultdict[int, set[int]] = defaultdict(set)
        stack = [(node, state, pending) for node in cursor.nodes]
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
        return TextEnds(
            np.array(inside, dtype=np.uint16),
            {label: self.at(nodes) for label, nodes in after.items()},
        )

    def beginning(self, cursor: Cursor, symbols: str) -> list[int]:
        """Tokens that continue from the cursor with `symbols`."""
        stack = []
        for node in cursor.nodes:
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
