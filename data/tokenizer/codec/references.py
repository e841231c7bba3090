"""References: a text that repeats an earlier one of the document is one symbol.

Workflows repeat themselves: the same action pinned to the same commit, the same script
line, the same path.  A text of MIN_TEXT to MAX_TEXT characters is remembered under the
node that types it; when it recurs at that node, a reference counts how many texts ago
it was.  That makes unseen workflows 7 % shorter.

References are total: one that points before the first text means the first text, and
without any text the shortest that the node allows.  So every sequence of symbols that
the grammar accepts is still a document that the schema accepts, and the symbols that
may follow do not depend on the texts.
"""

from collections import defaultdict

from ..grammar import Grammar
from ..symbols import NUM_REFERENCES, reference_number, reference_symbol

__all__ = ["MAX_TEXT", "MIN_TEXT", "History"]

MIN_TEXT = 16
"""Shorter texts are often a token of their own."""
MAX_TEXT = 1024
"""Bounds the text of one symbol, and so the size of a decoded document."""


class History:
    """The texts of one document that references can point to."""

    def __init__(self, grammar: Grammar) -> None:
        """Begin a document."""
        self._grammar = grammar
        self._texts: defaultdict[int, list[str]] = defaultdict(list)

    def add(self, node: int, text: str) -> None:
        """Remember a text that `node` types and that is spelled out."""
        if MIN_TEXT <= len(text) <= MAX_TEXT:
            texts = self._texts[node]
            texts.append(text)
            if len(texts) > 2 * NUM_REFERENCES:  # the oldest are out of reach
                del texts[:NUM_REFERENCES]

    def find(self, node: int, text: str) -> str | None:
        """The reference to a text; None if the text is not remembered."""
        if not MIN_TEXT <= len(text) <= MAX_TEXT:
            return None
        recent = self._texts[node][-NUM_REFERENCES:]
        if text not in recent:
            return None
        return reference_symbol(len(recent) - 1 - recent.index(text))

    def resolve(self, node: int, symbol: str) -> str:
        """The text that a reference means."""
        recent = self._texts[node][-NUM_REFERENCES:]
        if not recent:
            return self._grammar.shortest_text(node)
        return recent[max(0, len(recent) - 1 - reference_number(symbol))]
