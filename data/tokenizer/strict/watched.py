"""Tokens that continue a text which the rules watch over, such as an expression.

The trie of the vocabulary is followed with that text's own steps.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..symbols import Control, is_text
from .expressions import CLOSED
from .scope import Active, Scopes

__all__ = ["Watched"]

Ids = NDArray[np.uint16]

_MAX_MEMO = 1 << 14


class Watched:
    """The trie, and what was found in it by state of the text."""

    def __init__(self, scopes: Scopes, vocabulary: Mapping[int, str]) -> None:
        """Take the steps and the tokens."""
        self._scopes = scopes
        self._children: list[dict[str, int]] = [{}]
        self._ids: list[int] = [-1]
        for number, symbols in vocabulary.items():
            self._insert(symbols, number)
        self._known: dict[Active, tuple[Ids, list[int]]] = {}

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

    def following(self, active: Active) -> tuple[Ids, list[int]]:
        """Tokens that end inside a watched text, and those that may go beyond."""
        found = self._known.get(active)
        if found is None:
            if len(self._known) >= _MAX_MEMO:
                self._known.clear()
            found = self._known[active] = self._follow(active)
        return found

    def _follow(self, active: Active) -> tuple[Ids, list[int]]:
        read = self._scopes.read
        inside: list[int] = []
        beyond: list[int] = []
        waiting = [(0, active)]
        while waiting:
            node, state = waiting.pop()
            for symbol, child in self._children[node].items():
                if symbol == Control.END:
                    beyond += self._below(child)
                elif is_text(symbol):
                    moved = read(state, symbol)
                    if moved == CLOSED:
                        beyond += self._below(child)
                    elif moved is not None:
                        if self._ids[child] >= 0:
                            inside.append(self._ids[child])
                        waiting.append((child, moved))
        return np.array(inside, dtype=np.uint16), beyond

    def _below(self, node: int) -> list[int]:
        """All tokens that continue from a node of the trie."""
        found, waiting = [], [node]
        while waiting:
            node = waiting.pop()
            if self._ids[node] >= 0:
                found.append(self._ids[node])
            waiting += self._children[node].values()
        return found
