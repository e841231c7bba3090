"""Compile a JSON Schema to a grammar.

A node of the grammar stands for a *set* of schema positions that must all hold at once;
its clauses (`pipeline.clauses`) are merged by JSON type.  Children are again sets of
positions, so recursion ends because there are finitely many sets.  What cannot be
expressed exactly is narrowed and noted, or refused with its JSON pointer; the grammar
never allows what the schema forbids.
"""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from interegular.fsm import FSM

from ..data.files import canonical_json
from ..data.grammar import DEAD, Automaton, Branch, Grammar, Node
from ..data.symbols import MAX_LITERALS
from .automata import (
    ANYTHING,
    NOTHING,
    Strings,
    ecma_pattern,
    few_words,
    label_automaton,
    of_length,
    regions,
)
from .clauses import Clause, SchemaError, expand, quoted, resolve
from .simplify import simplify

__all__ = ["CompiledSchema", "SchemaError", "compile_schema"]

# Generated numbers stay within what every JSON reader takes exactly: no overflow to
# infinity, no integer beyond 64 bits.  Other numbers are encoded behind an escape.
_INTEGER = r"-?(0|[1-9][0-9]{0,17})"
_NUMBER = rf"{_INTEGER}(\.[0-9]{{1,17}})?([eE][+-]?[0-9]{{1,2}})?"
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledSchema:
    """A grammar and where it comes from."""

    grammar: Grammar
    sha256: str
    """Of the schema's canonical JSON, overrides applied."""
    notes: tuple[str, ...]
    """What was narrowed, one line each, with its JSON pointer."""


def compile_schema(schema: dict[str, Any]) -> CompiledSchema:
    """Compile a draft-07 JSON Schema.

    Raises:
        SchemaError: a keyword or pattern that has no counterpart, or a schema that no
            value satisfies; the message names the JSON pointer.
    """
    compiler = _Compiler(schema)
    compiler.any = compiler.node(frozenset())
    root = compiler.node(frozenset({""}))
    grammar = simplify(
        Grammar(
            nodes=tuple(compiler.nodes),
            automata=tuple(compiler.automata),
            root=root,
            any=compiler.any,
            literals=(),  # simplify lists those that are left
        )
    )
    if len(grammar.literals) > MAX_LITERALS:
        raise SchemaError(
            f"{len(grammar.literals):,} keys and enum values, at most {MAX_LITERALS}"
        )
    return CompiledSchema(
        grammar=grammar,
        sha256=hashlib.sha256(canonical_json(schema)).hexdigest(),
        notes=tuple(dict.fromkeys(compiler.notes)),
    )


@dataclass
class _Compiler:
    schema: dict[str, Any]
    nodes: list[Node] = field(default_factory=list)
    automata: list[Automaton] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    any: int = DEAD
    _known: dict[frozenset[str], int] = field(default_factory=dict)

    def node(self, pointers: frozenset[str]) -> int:
        """The node of the values for which the schemas at all `pointers` hold."""
        if pointers not in self._known:
            number = self._known[pointers] = len(self.nodes)
            self.nodes.append(Node())  # a place for recursion to refer to
            where = min(pointers, default="")
            clauses = expand(self.schema, pointers)
            self.nodes[number] = self._build(clauses, where)
        return self._known[pointers]

    def _build(self, clauses: list[Clause], where: str) -> Node:
        clauses = self._without_shared_kinds(clauses, where)
        node = self._with_strings(Node(), clauses)
        for clause in clauses:
            if "null" in clause.types and self._enum_allows(clause, None):
                node = replace(node, null=True)
            if "boolean" in clause.types:
                node = replace(
                    node,
                    true=node.true or self._enum_allows(clause, True),
                    false=node.false or self._enum_allows(clause, False),
                )
            if "number" in clause.types:
                node = self._with_number(node, clause)
            if "array" in clause.types:
                node = self._with_array(node, clause, where)
        objects = [
            clause
            for clause in clauses
            if "object" in clause.types and not self._enums(clause)
        ]
        return self._with_objects(node, objects, where) if objects else node

    def _without_shared_kinds(self, clauses: list[Clause], where: str) -> list[Clause]:
        """Drop from `oneOf` alternatives the JSON types that two of them allow.

        Strings and objects are left to `_with_strings` and `_with_objects`, which can
        tell more exactly what two alternatives share.
        """
        result = []
        for clause in clauses:
            shared: set[str] = set()
            for other in clauses:
                if clause.excludes(other):
                    shared |= clause.types & other.types - {"string", "object"}
            if shared:
                names = ", ".join(sorted(shared))
                self.notes.append(f"{where}: several of oneOf allow {names}; left out")
            result.append(replace(clause, types=clause.types - shared))
        return result

    # -- the plain keywords of a clause ------------------------------------------------

    def _atoms(self, clause: Clause) -> list[tuple[str, dict[str, Any]]]:
        return [(pointer, resolve(self.schema, pointer)) for pointer in clause.atoms]

    def _each(self, clause: Clause, keyword: str) -> list[Any]:
        return [part[keyword] for _, part in self._atoms(clause) if keyword in part]

    def _enums(self, clause: Clause) -> list[list[Any]]:
        return [
            *self._each(clause, "enum"),
            *([value] for value in self._each(clause, "const")),
        ]

    def _enum_allows(self, clause: Clause, value: object) -> bool:
        return all(
            any(
                value is item or (type(value) is type(item) and value == item)
                for item in values
            )
            for values in self._enums(clause)
        )

    def _strings(self, clause: Clause) -> Strings:
        if "string" not in clause.types:
            return NOTHING
        strings = ANYTHING
        for values in self._enums(clause):
            words = frozenset(value for value in values if isinstance(value, str))
            strings = strings & Strings(words=words)
        for pointer, part in self._atoms(clause):
            strings = strings & _text_rules(pointer, part)
        return strings

    def _with_strings(self, node: Node, clauses: list[Clause]) -> Node:
        sets = [self._strings(clause) for clause in clauses]
        union = NOTHING
        for clause, strings in zip(clauses, sets, strict=True):
            for other, others in zip(clauses, sets, strict=True):
                if clause.excludes(other):
                    strings = strings - others
            union = union | strings
        languages = [] if union.language is None else [union.language]
        return replace(node, literals=union.words, text=self._automaton(languages))

    def _with_number(self, node: Node, clause: Clause) -> Node:
        pointer = clause.atoms[0] if clause.atoms else ""
        if self._enums(clause):
            if any(type(v) in (int, float) for vs in self._enums(clause) for v in vs):
                self.notes.append(f"{pointer}: numbers in an enum are left out")
            return node
        if any(self._each(clause, name) for name in _BOUNDS):
            self.notes.append(f"{pointer}: bounded numbers are left out")
            return node
        whole = "integer" in self._each(clause, "type")
        number = self._automaton([ecma_pattern(f"^{_INTEGER if whole else _NUMBER}$")])
        both = node.number >= 0 and whole  # a node that allows all numbers keeps them
        return node if both else replace(node, number=number)

    def _with_array(self, node: Node, clause: Clause, where: str) -> Node:
        if self._enums(clause):
            return node
        pointers = set()
        for pointer, part in self._atoms(clause):
            if isinstance(part.get("items"), list):
                raise SchemaError(f"{pointer}/items: a list of schemas is unsupported")
            if "items" in part:
                pointers.add(f"{pointer}/items")
        items = self.node(frozenset(pointers))
        least = max(self._each(clause, "minItems"), default=0)
        most = min(self._each(clause, "maxItems"), default=None)
        if most is not None and most < least:
            return node
        if node.items < 0:
            return replace(node, items=items, min_items=least, max_items=most)
        if (node.items, node.max_items) != (items, most):
            self.notes.append(f"{where}: only the first kind of array is allowed")
            return node
        return replace(node, min_items=min(least, node.min_items))

    # -- objects -----------------------------------------------------------------------

    def _with_objects(self, node: Node, clauses: list[Clause], where: str) -> Node:
        patterns = self._patterns(clauses)
        known = self._known_keys(clauses)
        for language in patterns.values():
            known |= few_words(language)
        free = list(regions(patterns, known))
        branches = [
            (clause, branch)
            for clause in clauses
            if (branch := self._branch(clause, known, [hit for hit, _ in free]))
        ]
        kept = []
        for clause, branch in branches:
            rivals = [other for c, other in branches if clause.excludes(c)]
            if all(self._disjoint(branch, rival) for rival in rivals):
                kept.append(branch)
            else:
                self.notes.append(f"{where}: objects of oneOf may overlap; left out")
        keys = self._automaton([language for _, language in free])
        return replace(node, branches=tuple(kept), keys=keys)

    def _disjoint(self, a: Branch, b: Branch) -> bool:
        """Whether no object can be in both branches, as far as is easily seen."""
        if a.required - b.properties.keys() or b.required - a.properties.keys():
            return True
        return any(
            x.only_words and y.only_words and not x.literals & y.literals
            for x, y in (
                (self.nodes[a.properties[key]], self.nodes[b.properties[key]])
                for key in a.required & b.required
            )
        )

    def _patterns(self, clauses: list[Clause]) -> dict[str, FSM]:
        patterns = {}
        for clause in clauses:
            for pointer, part in self._atoms(clause):
                for pattern in part.get("patternProperties", {}):
                    patterns[pattern] = _pattern(pattern, pointer)
        return patterns

    def _known_keys(self, clauses: list[Clause]) -> set[str]:
        keys: set[str] = set()
        for clause in clauses:
            keys |= clause.required | clause.forbidden
            for _, part in self._atoms(clause):
                keys |= {*part.get("properties", ()), *part.get("required", ())}
        return keys

    def _branch(
        self, clause: Clause, known: set[str], regions: list[frozenset[str]]
    ) -> Branch | None:
        properties = {}
        for key in sorted(known - clause.forbidden):
            child = self._child(clause, key, None)
            if child >= 0:
                properties[key] = child
        required = clause.required | {
            key for keys in self._each(clause, "required") for key in keys
        }
        if not required <= properties.keys():
            return None
        return Branch(
            properties=properties,
            free=tuple(self._child(clause, None, hit) for hit in regions),
            required=frozenset(required),
            min_properties=max(self._each(clause, "minProperties"), default=0),
            max_properties=min(self._each(clause, "maxProperties"), default=None),
        )

    def _child(
        self, clause: Clause, key: str | None, hit: frozenset[str] | None
    ) -> int:
        """The node of a key's value: a known `key`, or one that matches `hit` only."""
        pointers = set()
        for pointer, part in self._atoms(clause):
            rules = []
            if key is not None and key in part.get("properties", {}):
                rules.append(f"{pointer}/properties/{quoted(key)}")
            for pattern in part.get("patternProperties", {}):
                matches = (
                    _pattern(pattern, pointer).accepts(key)
                    if key is not None
                    else pattern in (hit or ())
                )
                if matches:
                    rules.append(f"{pointer}/patternProperties/{quoted(pattern)}")
            if not rules and "additionalProperties" in part:
                rules.append(f"{pointer}/additionalProperties")
            pointers.update(rules)
        if any(resolve(self.schema, pointer) is False for pointer in pointers):
            return DEAD
        return self.node(frozenset(pointers))

    # -- what is shared ----------------------------------------------------------------

    def _automaton(self, languages: list[FSM]) -> int:
        if not languages:
            return DEAD
        automaton = label_automaton(languages)
        if automaton not in self.automata:
            self.automata.append(automaton)
        return self.automata.index(automaton)


def _text_rules(pointer: str, part: dict[str, Any]) -> Strings:
    """The strings that `pattern`, `minLength` and `maxLength` allow."""
    strings = ANYTHING
    if "pattern" in part:
        strings = strings & Strings(language=_pattern(part["pattern"], pointer))
    least, most = part.get("minLength", 0), part.get("maxLength")
    if least or most is not None:
        strings = strings & Strings(language=of_length(least, most))
    return strings


def _pattern(pattern: str, pointer: str) -> FSM:
    try:
        return ecma_pattern(pattern)
    except ValueError as error:
        raise SchemaError(f"{pointer}: {error}") from error
