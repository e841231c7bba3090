"""The vocabulary as a trie: which tokens continue after some of their symbols.

A `Cursor` is a set of nodes, because tokens that differ only in a text continue alike
once the text has ended.  Equal sets are one object, so cursors can be keys of a memo.
"""

from array import array
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...native import core
from .nodes import Nodes
from .pushdown import Pushdown

__all__ = ["Cursor", "Ids", "TextEnds", "Trie", "union"]

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
        """Build the trie, in the compiled core if there is one.

        Args:
            pushdown: reads texts.
            vocabulary: id to symbols.
        """
        self._pushdown = pushdown
        self._vocabulary = vocabulary
        self._native: Any = None
        if core is not None:
            automata = pushdown.grammar.automata
            self._native = core.Trie(
                list(vocabulary.values()),
                array("H", vocabulary).tobytes(),
                len(automata),
                lambda number: automata[number].plan(),
            )
        self._known: dict[frozenset[int], Cursor] = {}
        self._texts: dict[tuple[Cursor, int, int, bytes, int], TextEnds] = {}
        self.root = self.at([0])

    @cached_property
    def _nodes(self) -> Nodes:
        return Nodes(self._pushdown, self._vocabulary)

    def at(self, nodes: Iterable[int]) -> Cursor:
        """The cursor at some nodes."""
        key = frozenset(nodes)
        cursor = self._known.get(key)
        if cursor is None:
            ends = (self._native or self._nodes).ends(key)
            cursor = self._known[key] = Cursor(key, _ids(ends))
        return cursor

    def structure(self, cursor: Cursor) -> dict[str, Cursor]:
        """Structure symbols that may follow, each with the cursor after it."""
        if cursor.structure is None:
            found = (self._native or self._nodes).structure(cursor.nodes)
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
            place = cursor.nodes, automaton, state, pending, labels
            ends: Any = NotImplemented
            if self._native:
                ends = self._native.text(*place)
            if ends is NotImplemented:
                ends = self._nodes.text(*place)
            after = {label: self.at(nodes) for label, nodes in ends[1].items()}
            found = self._texts[memo] = TextEnds(_ids(ends[0]), after)
        return found

    def beginning(self, cursor: Cursor, symbols: str) -> list[int]:
        """Tokens that continue from the cursor with `symbols`."""
        found = (self._native or self._nodes).beginning(cursor.nodes, symbols)
        return list(array("H", found))


def _ids(found: bytes | list[int]) -> Ids:
    """Ids as the compiled core gives them, uint16, or as Python does."""
    if isinstance(found, bytes):
        return np.frombuffer(found, dtype=np.uint16)
    return np.array(found, dtype=np.uint16)


def union(parts: list[Ids]) -> Ids:
    """The ids of all parts, each once.

    np.unique does the same, but imports numpy.ma first, which takes 10 ms.
    """
    parts = [part for part in parts if len(part)]
    if len(parts) < 2:
        return parts[0] if parts else np.empty(0, dtype=np.uint16)
    ids = np.concatenate(parts)
    ids.sort()
    is_new = np.ones(len(ids), dtype=bool)
    np.not_equal(ids[1:], ids[:-1], out=is_new[1:])
    return ids[is_new]
