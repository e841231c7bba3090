"""Add the alternatives of an array to a node."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ...data.tokenizer.grammar import NO_NODE, Node
from .clauses import Clause
from .keywords import Keywords

__all__ = ["Arrays"]

_UNIONS = "\0unions"
"""A key of the schema below which the compiler puts schemas of its own."""
_MOST_WRITTEN = {"unique": 1, "tuple": 0}


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """Merges alternatives."""

    keywords: Keywords
    node: Callable[[frozenset[str]], int]
    """Makes the node of the values for which the schemas at some pointers hold."""
    _unions: dict[str, str] = field(default_factory=dict)
    """Of a list of items: the JSON pointer of a schema of them all."""

    def add(self, node: Node, clause: Clause, where: str) -> Node:
        """A node with the arrays of one more alternative."""
        pointers, longest = set(), self.keywords.most(clause, "maxItems")
        for pointer, part in self.keywords.atoms(clause):
            place, most = self._items(pointer, part)
            pointers |= {place} if place else set()
            if most is not None:
                longest = most if longest is None else min(longest, most)
        items = self.node(frozenset(pointers))
        least = self.keywords.least(clause, "minItems")
        if longest is not None and longest < least:
            return node
        doubts = clause.doubts_about("array")
        written = min((_MOST_WRITTEN.get(d.kind, NO_NODE) for d in doubts), default=0)
        if node.items < 0:
            node = replace(node, items=items, min_items=least, max_items=longest)
            if not doubts:
                return node
            checked = node.checked | {"array"}
            return replace(node, checked=checked, safe_items=written)
        if (node.items, node.max_items) != (items, longest):
            self.keywords.notes.append(
                f"{where}: only the first kind of array is allowed"
            )
            return node
        if doubts and "array" not in node.checked:
            return node  # the first kind is sure, this one is not
        safe = min(node.safe_items, written)
        return replace(node, min_items=min(least, node.min_items), safe_items=safe)

    def _items(
        self, pointer: str, part: dict[str, Any]
    ) -> tuple[str | None, int | None]:
        """The schema of all items, and how many there may be at most."""
        first, rest = "prefixItems", "items"
        if first not in part and isinstance(part.get("items"), list):
            first, rest = "items", "additionalItems"
        if first not in part or first == rest:
            return (f"{pointer}/items", None) if "items" in part else (None, None)
        parts = list(part[first])
        closed = part.get(rest) is False
        place = f"{pointer}/{first}"
        if place not in self._unions:
            others = [] if closed else [part.get(rest, True)]
            unions = self.keywords.schema.setdefault(_UNIONS, [])
            unions.append({"anyOf": [*parts, *others]} if parts or others else True)
            self._unions[place] = f"/{_UNIONS}/{len(unions) - 1}"
        return self._unions[place], len(parts) if closed else None
