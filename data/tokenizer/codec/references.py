"""References: a text that was written before in the same document is one symbol.

Workflows repeat themselves: the same action pinned to the same commit, the same script
line, the same path.  A text of MIN_TEXT to MAX_TEXT characters that is written out is
remembered under the node that typed it; where the same text comes again at that node, a
reference says how many texts ago it was.  That makes unseen workflows 7 % shorter.

References are total: one that points before the first text means the first, and where
there is none the shortest that the node allows.  So every sequence of symbols that the
grammar accepts still stands for a document that the schema accepts, and which symbols
may follow does not depend on what the texts were.
"""

from collections import defaultdict

from ..grammar import Grammar
from ..symbols import NUM_REFERENCES, reference_number, reference_symbol

__all__ = ["MAX_TEXT", "MIN_TEXT", "History"]

MIN_TEXT = 16
"""Shorter texts are often a token of their own."""
MAX_TEXT = 1024
"""Bounds what a symbol can stand for, and so the size of a decoded document."""


class History:
    """The texts of one document that can be referred to."""

    def __init__(self, grammar: Grammar) -> None:
        """Begin a document."""
        self._grammar = grammar
        self._texts: defaultdict[int, list[str]] = defaultdict(list)

    def add(self, node: int, text: str) -> None:
        """Remember a text that is written out as a value of `node`."""
        if MIN_TEXT <= len(text) <= MAX_TEXT:
            texts = self._texts[node]
            texts.append(text)
            if len(texts) > 2 * NUM_REFERENCES:  # the first ones are out of reach
                del texts[:NUM_REFERENCES]

    def find(self, node: int, text: str) -> str | None:
        """The reference to a text, if it can be referred to."""
        if not MIN_TEXT <= len(text) <= MAX_TEXT:
            return None
        recent = self._texts[node][-NUM_REFERENCES:]
        if text not in recent:
            return None
        return reference_symbol(len(recent) - 1 - recent.index(text))

    def resolve(self, node: int, symbol: str) -> str:
        """The text that a reference stands for."""
        recent = self._texts[node][-NUM_REFERENCES:]
        if not recent:
            return self._grammar.shortest_text(node)
        return recent[max(0, len(recent) - 1 - reference_number(symbol))]
