"""Compile a JSON Schema to a grammar.

A node of the grammar represents a *set* of schema positions that must all hold at once;
its clauses (`clauses.py`) are merged by JSON type.  Its children are again such sets,
and there are finitely many, so recursion ends.  What cannot be expressed exactly is
narrowed and noted, or refused with its JSON pointer: nothing invalid is allowed.
"""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from operator import or_
from typing import Any

from interegular.fsm import FSM

from ...data.errors import SchemaError
from ...data.files import canonical_json
from ...data.tokenizer.dfa import Automaton
from ...data.tokenizer.grammar import NO_AUTOMATON, NO_NODE, Branch, Grammar, Node
from ...data.tokenizer.symbols import MAX_LITERALS
from .automata import NOTHING, few_words, label_automaton, regions
from .clauses import Clause, expand
from .drafts import as_draft_07, draft_of
from .keywords import Keywords, pattern_at
from .pointers import quoted, resolve
from .simplify import simplify
from .tags import disagreements, with_tags

__all__ = ["CompiledSchema", "compile_schema"]

_MAX_NODES = 4_096  # the official schema has 257 before they are simplified


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledSchema:
    """A grammar, and the schema it comes from."""

    grammar: Grammar
    sha256: str
    """Of the schema's canonical JSON, overrides applied."""
    notes: tuple[str, ...]
    """One line for everything that was narrowed, with its JSON pointer."""


def compile_schema(schema: dict[str, Any]) -> CompiledSchema:
    """Compile a JSON Schema of draft 4, 6, 7, 2019-09 or 2020-12.

    Raises:
        SchemaError: a keyword or pattern is not supported, or no value fits.
    """
    if not isinstance(schema, dict):
        raise SchemaError(f"found a {type(schema).__name__}, expected a JSON object")
    compiler = _Compiler(as_draft_07(schema), draft_of(schema))
    any_node = compiler.node(frozenset())
    root = compiler.node(frozenset({""}))
    grammar, origins = simplify(
        Grammar(
            nodes=tuple(compiler.nodes),
            automata=tuple(compiler.automata),
            root=root,
            any=any_node,
            literals=(),  # simplify lists those that are left
        )
    )
    grammar = with_tags(grammar)
    for number, problem in disagreements(grammar):
        compiler.notes.append(f"{compiler.where(origins[number])}: {problem}")
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
    """Builds the nodes and automata of a grammar."""

    schema: dict[str, Any]
    draft: int
    nodes: list[Node] = field(default_factory=list)
    automata: list[Automaton] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _pointers: list[frozenset[str]] = field(default_factory=list)
    """The schema positions of each node."""
    _known: dict[frozenset[str], int] = field(default_factory=dict)

    @cached_property
    def _keywords(self) -> Keywords:
        return Keywords(self.schema, self.notes, self.draft)

    def where(self, number: int) -> str:
        """The first JSON pointer of a node, for messages."""
        return min(self._pointers[number], default="")

    def node(self, pointers: frozenset[str]) -> int:
        """The node of the values for which the schemas at all `pointers` hold."""
        if pointers not in self._known:
            number = self._known[pointers] = len(self.nodes)
            self.nodes.append(Node())  # a placeholder, so that recursion ends
            self._pointers.append(pointers)
            where = self.where(number)
            if number >= _MAX_NODES:
                raise SchemaError(f"{where}: more than {_MAX_NODES:,} nodes")
            try:
                self.nodes[number] = self._build(expand(self.schema, pointers), where)
            except RecursionError:
                raise SchemaError(f"{where}: nested too deep") from None
        return self._known[pointers]

    def _build(self, clauses: list[Clause], where: str) -> Node:
        for clause in clauses:
            self._keywords.note(clause)
        clauses = self._keywords.without_shared_types(clauses, where)
        node = Node(
            null=any(self._keywords.allows(clause, None) for clause in clauses),
            true=any(self._keywords.allows(clause, True) for clause in clauses),
            false=any(self._keywords.allows(clause, False) for clause in clauses),
        )
        node = self._with_strings(node, clauses, where)
        node = self._with_numbers(node, clauses)
        plain = [clause for clause in clauses if not self._keywords.enums(clause)]
        for clause in plain:
            if "array" in clause.types:
                node = self._with_array(node, clause, where)
        objects = [clause for clause in clauses if "object" in clause.types]
        return self._with_objects(node, objects, where) if objects else node

    def _with_strings(self, node: Node, clauses: list[Clause], where: str) -> Node:
        sets = [self._keywords.strings(clause) for clause in clauses]
        union = NOTHING
        for clause, strings in zip(clauses, sets, strict=True):
            for other, others in zip(clauses, sets, strict=True):
                if clause.excludes(other):
                    # With a second oneOf, `other` may lose some of these strings, too;
                    # then leaving them out here is too narrow.
                    if len(other.chosen) > 1 and strings & others:
                        self.notes.append(
                            f"{where}: strings of oneOf overlap; left out"
                        )
                    strings = strings - others
            union = union | strings
        languages = [] if union.language is None else [union.language]
        return replace(node, literals=union.words, text=self._automaton(languages))

    def _with_numbers(self, node: Node, clauses: list[Clause]) -> Node:
        sets = [self._keywords.numbers(clause) for clause in clauses]
        languages = [language for language in sets if language is not None]
        if not languages:
            return node
        union = reduce(or_, languages)
        return replace(node, number=self._automaton([union.reduce()]))

    def _with_array(self, node: Node, clause: Clause, where: str) -> Node:
        pointers = set()
        for pointer, part in self._keywords.atoms(clause):
            if isinstance(part.get("items"), list):
                raise SchemaError(f"{pointer}/items: a list of schemas is unsupported")
            if "items" in part:
                pointers.add(f"{pointer}/items")
        items = self.node(frozenset(pointers))
        least = self._keywords.least(clause, "minItems")
        most = self._keywords.most(clause, "maxItems")
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
        patterns = self._keywords.patterns(clauses)
        known = self._keywords.known_keys(clauses)
        for language in patterns.values():
            known |= few_words(language)
        if len(known) > MAX_LITERALS:
            raise SchemaError(f"{where}: {len(known)} keys, at most {MAX_LITERALS}")
        try:
            free = list(regions(patterns, known))
        except ValueError as error:
            raise SchemaError(f"{where}: {error}") from error
        branches = [
            (clause, branch)
            for clause in clauses
            if (branch := self._branch(clause, known, [hit for hit, _ in free]))
        ]
        kept = []
        for clause, branch in branches:
            if self._keywords.enums(clause):
                continue  # listed objects are left out, but still exclude others
            rivals = [other for c, other in branches if clause.excludes(c)]
            if all(self._disjoint(branch, rival) for rival in rivals):
                kept += self._with_room(branch, clause)
            else:
                self.notes.append(f"{where}: objects of oneOf may overlap; left out")
        keys = self._automaton([language for _, language in free])
        return replace(node, branches=tuple(kept), keys=keys)

    def _disjoint(self, a: Branch, b: Branch) -> bool:
        """Whether no object can be in both branches; False if that is hard to tell."""
        if a.required - b.properties.keys() or b.required - a.properties.keys():
            return True
        for key in a.required & b.required:
            in_a = self._keywords.words(self._pointers[a.properties[key]])
            in_b = self._keywords.words(self._pointers[b.properties[key]])
            if in_a is not None and in_b is not None and not in_a & in_b:
                return True
        return False

    def _branch(
        self, clause: Clause, known: set[str], regions: list[frozenset[str]]
    ) -> Branch | None:
        properties = {}
        for key in sorted(known - clause.forbidden):
            child = self._child(clause, key, None)
            if child >= 0:
                properties[key] = child
        required = clause.required | {
            key for keys in self._keywords.each(clause, "required") for key in keys
        }
        if not required <= properties.keys():
            return None
        return Branch(
            properties=properties,
            free=tuple(self._child(clause, None, hit) for hit in regions),
            required=frozenset(required),
            min_properties=self._keywords.least(clause, "minProperties"),
            max_properties=self._keywords.most(clause, "maxProperties"),
        )

    def _with_room(self, branch: Branch, clause: Clause) -> list[Branch]:
        """Narrow a branch with `maxProperties`, so that required keys always fit.

        The grammar counts keys, but not how many required ones are still missing; an
        object could be full without them.  So keep only as many optional keys as there
        is room for.
        """
        most = branch.max_properties
        if most is None:
            return [branch]
        room = most - len(branch.required)
        if room < 0 or most < branch.min_properties:
            return []
        if not branch.required:
            return [branch]
        optional = sorted(branch.properties.keys() - branch.required)
        if len(optional) > room or any(child >= 0 for child in branch.free):
            for pointer, part in self._keywords.atoms(clause):
                if "maxProperties" in part:
                    where = f"{pointer}/maxProperties"
                    self.notes.append(f"{where}: some optional keys are left out")
        fitting = branch.required | set(optional[:room])
        properties = {k: c for k, c in branch.properties.items() if k in fitting}
        free = (NO_NODE,) * len(branch.free)
        return [replace(branch, properties=properties, free=free, max_properties=None)]

    def _child(
        self, clause: Clause, key: str | None, hit: frozenset[str] | None
    ) -> int:
        """The node of the values of a known `key`, or of the keys in region `hit`."""
        pointers = set()
        for pointer, part in self._keywords.atoms(clause):
            rules = []
            if key is not None and key in part.get("properties", {}):
                rules.append(f"{pointer}/properties/{quoted(key)}")
            for pattern in part.get("patternProperties", {}):
                matches = (
                    pattern_at(pattern, pointer).accepts(key)
                    if key is not None
                    else pattern in (hit or ())
                )
                if matches:
                    rules.append(f"{pointer}/patternProperties/{quoted(pattern)}")
            if not rules and "additionalProperties" in part:
                rules.append(f"{pointer}/additionalProperties")
            pointers.update(rules)
        if any(resolve(self.schema, pointer) is False for pointer in pointers):
            return NO_NODE
        return self.node(frozenset(pointers))

    # -- automata ----------------------------------------------------------------------

    def _automaton(self, languages: list[FSM]) -> int:
        """The number of the automaton of some languages; equal ones are shared."""
        if not languages:
            return NO_AUTOMATON
        automaton = label_automaton(languages)
        if automaton not in self.automata:
            self.automata.append(automaton)
        return self.automata.index(automaton)
