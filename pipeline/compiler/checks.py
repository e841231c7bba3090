"""Put into a grammar what encoding needs to check documents."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ...data.errors import SchemaError
from ...data.tokenizer.grammar import Grammar
from ...data.tokenizer.masks.writable import writable
from .drafts import APPLICATORS
from .expansion import UNSUPPORTED
from .keywords import pattern_at
from .languages.automata import label_automaton
from .pointers import target_of
from .references import places

__all__ = ["with_checks"]


def with_checks(grammar: Grammar, schema: dict[str, Any], draft: int) -> Grammar:
    """Add the schema and the automata of its patterns.

    Raises:
        SchemaError: a part of the schema cannot be checked, or no value can be written.
    """
    automata = list(grammar.automata)
    patterns: dict[str, int] = {}
    for pointer, pattern in _patterns(schema, draft):
        automaton = label_automaton([pattern_at(pattern, pointer)])
        if automaton not in automata:
            automata.append(automaton)
        patterns[pattern] = automata.index(automaton)
    checked = replace(
        grammar,
        automata=tuple(automata),
        schema=schema,
        patterns=patterns,
        draft=draft,
    )
    narrowed = writable(checked)
    root = narrowed.nodes[narrowed.root]
    if not (root.has_scalar or root.items >= 0 or root.branches):
        raise SchemaError("no value can be written, only checked")
    return checked


def _patterns(schema: dict[str, Any], draft: int) -> Iterator[tuple[str, str]]:
    """The patterns of all parts, with their JSON pointers."""
    for pointer, _, part in places(schema, draft, APPLICATORS):
        if unread := UNSUPPORTED & part.keys():
            raise SchemaError(f"{pointer}/{min(unread)}: unsupported keyword")
        if "$ref" in part:
            target_of(schema, part["$ref"], pointer)
        if "pattern" in part:
            yield pointer, part["pattern"]
        for pattern in part.get("patternProperties", ()):
            yield pointer, pattern
