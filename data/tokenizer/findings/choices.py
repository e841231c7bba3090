"""Find the choices that a schema lists, and which of them a document takes."""

from collections import defaultdict
from collections.abc import Iterator

from ...documents.json_text import Json
from ..grammar import Grammar

__all__ = ["KEYS", "choices"]

KEYS = "keys"
"""The field of the keys at the root."""

_Place = tuple[str, ...]


def choices(grammar: Grammar, value: Json) -> dict[str, set[str]]:
    """The values of a document where the grammar lists several.

    Args:
        grammar: of the schema.
        value: the document.

    Returns:
        By place, such as `services.*.restart`, the listed strings and the booleans that
        stand there: `*` is a key that the schema does not name, `[]` an item.  KEYS has
        the keys of the root.  What breaks the schema is left out.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    if isinstance(value, dict):
        found[KEYS].update(value)
    for place, name in _walk(grammar, grammar.root, value, ()):
        found[".".join(place).replace(".[]", "[]")].add(name)
    return dict(found)


def _walk(
    grammar: Grammar, number: int, value: Json, place: _Place
) -> Iterator[tuple[_Place, str]]:
    node = grammar.nodes[number]
    if isinstance(value, str):
        if value in node.literals and len(node.literals) > 1:
            yield place, value
    elif isinstance(value, bool):
        if node.true and node.false and number != grammar.any:
            yield place, "true" if value else "false"
    elif isinstance(value, list) and node.items >= 0:
        for item in value:
            yield from _walk(grammar, node.items, item, (*place, "[]"))
    elif isinstance(value, dict) and node.branches:
        known, alive = grammar.known_keys(number), grammar.all_branches(number)
        for count, (key, item) in enumerate(value.items()):
            label: str | int = key
            if key not in known:
                label = grammar.automata[node.keys].label(key) if node.keys >= 0 else -1
            if label == -1:
                continue
            child, kept = grammar.enter(number, alive, label, count)
            if child >= 0:
                alive = kept
                step = key if key in known else "*"
                yield from _walk(grammar, child, item, (*place, step))
