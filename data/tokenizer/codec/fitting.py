"""Find the alternative of an object that a document means.

Where alternatives differ about a key, the encoder has to know which one fits before it
writes the key.  So it looks at the whole value first, each part once per node.
"""

import json

from ...documents.json_text import Json
from ..grammar import MAX_DEPTH, NO_NODE, Branch, Grammar, Node

__all__ = ["Fitting"]


class Fitting:
    """Compares the values of one document with the nodes of a grammar."""

    def __init__(self, grammar: Grammar) -> None:
        """Begin a document, which has to live as long as this."""
        self._grammar = grammar
        self._known: dict[tuple[int, int], bool] = {}  # by node and id(value)

    def branch(self, number: int, pairs: dict[str, Json]) -> int:
        """The first branch of a node that an object fits, else the one it fits best.

        Args:
            number: a node that allows objects.
            pairs: the object; few of its values fit if it is off the schema or only
                the beginning of a document.
        """
        branches = self._grammar.nodes[number].branches
        counts = [self._count(number, branch, pairs, 0) for branch in branches]
        for index, branch in enumerate(branches):
            if counts[index] == len(pairs) and branch.may_close(pairs.keys()):
                return index
        return counts.index(max(counts))

    def _fits(self, number: int, value: Json, depth: int) -> bool:
        """Whether a value is one of a node, so that it is encoded without an escape."""
        # Loops and few functions: a level of nesting takes two frames of the stack.
        place = number, id(value)
        if place in self._known:
            return self._known[place]
        node, fits = self._grammar.nodes[number], False
        if depth > MAX_DEPTH or not self._grammar.is_valid(number, value):
            pass
        elif isinstance(value, dict):
            for branch in node.branches:
                if not fits and branch.may_close(value.keys()):
                    fits = self._count(number, branch, value, depth) == len(value)
        elif isinstance(value, list):
            most = len(value) if node.max_items is None else node.max_items
            fits = node.items >= 0 and node.min_items <= len(value) <= most
            for item in value:
                fits = fits and self._fits(node.items, item, depth + 1)
        else:
            fits = self._is_scalar(node, value)
        self._known[place] = fits
        return fits

    def _is_scalar(self, node: Node, value: Json) -> bool:
        automata = self._grammar.automata
        match value:
            case None:
                return node.null
            case bool():
                return node.true if value else node.false
            case str():
                spelled = node.text >= 0 and automata[node.text].label(value) >= 0
                return spelled or value in node.literals
            case int() | float():
                text = json.dumps(value)
                return node.number >= 0 and automata[node.number].label(text) >= 0
        return False

    def _count(
        self, number: int, branch: Branch, pairs: dict[str, Json], depth: int
    ) -> int:
        """How many pairs of an object fit a branch."""
        most = branch.max_properties
        if most is not None and len(pairs) > most:
            return 0
        count = 0
        for key, value in pairs.items():
            child = self._child(number, branch, key)
            count += child >= 0 and self._fits(child, value, depth + 1)
        return count

    def _child(self, number: int, branch: Branch, key: str) -> int:
        """The node of the value of a key, NO_NODE if the branch forbids it."""
        if key in self._grammar.known_keys(number):
            return branch.properties.get(key, NO_NODE)
        keys = self._grammar.nodes[number].keys
        label = -1 if keys < 0 else self._grammar.automata[keys].label(key)
        return branch.free[label] if label >= 0 else NO_NODE
