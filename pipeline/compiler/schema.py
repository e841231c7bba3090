"""Compile a JSON Schema to a grammar.

A node of the grammar represents a *set* of schema positions that must all hold at once;
its clauses (`clauses.py`) are merged by JSON type.  Its children are again such sets,
and there are finitely many, so recursion ends.  What cannot be expressed exactly is
narrowed and noted, or refused with its JSON pointer: nothing invalid is allowed.
"""

import hashlib
import time
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Any

from interegular.fsm import FSM

from ...data.errors import SchemaError
from ...data.files import canonical_json
from ...data.tokenizer.dfa import Automaton
from ...data.tokenizer.grammar import NO_AUTOMATON, Grammar, Node
from .arrays import Arrays
from .checks import with_checks
from .clauses import Clause
from .drafts import as_draft_07, draft_of
from .expansion import expand
from .grammars import simplify, spelled_names, with_tags
from .keywords import Keywords
from .languages.algebra import TooManyStatesError, product
from .languages.automata import NOTHING, label_automaton
from .objects import Objects

__all__ = ["CompiledSchema", "compile_schema"]

_MAX_SECONDS = 10
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
    deadline = time.process_time() + _MAX_SECONDS
    grammar, notes = _compile(schema, deadline)
    if spelled := spelled_names(grammar):
        grammar, notes = _compile(schema, deadline, spelled)
    return CompiledSchema(
        grammar=grammar,
        sha256=hashlib.sha256(canonical_json(schema)).hexdigest(),
        notes=notes,
    )


def _compile(
    schema: dict[str, Any], deadline: float, spelled: frozenset[str] = frozenset()
) -> tuple[Grammar, tuple[str, ...]]:
    """The grammar of a schema, however many names are not spelled; and the notes."""
    compiler = _Compiler(as_draft_07(schema), draft_of(schema), deadline, spelled)
    any_node = compiler.node(frozenset())
    root = compiler.node(frozenset({""}))
    grammar = simplify(
        Grammar(
            nodes=tuple(compiler.nodes),
            automata=tuple(compiler.automata),
            root=root,
            any=any_node,
            literals=(),  # simplify lists those that are left
        )
    )
    grammar = with_tags(grammar)
    if any(node.checked for node in grammar.nodes):
        grammar = with_checks(grammar, compiler.schema, compiler.draft)
    return grammar, tuple(dict.fromkeys(compiler.notes))


@dataclass
class _Compiler:
    """Builds the nodes and automata of a grammar."""

    schema: dict[str, Any]
    draft: int
    deadline: float
    """Of the CPU time of this process, in seconds."""
    spelled: frozenset[str]
    """Keys and listed values that are no symbol of their own."""
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
            if time.process_time() > self.deadline:
                raise SchemaError(f"{where}: takes more than {_MAX_SECONDS} seconds")
            try:
                self.nodes[number] = self._build(
                    expand(self.schema, pointers), pointers
                )
            except TooManyStatesError as error:
                raise SchemaError(f"{where}: {error}") from error
            except RecursionError:
                raise SchemaError(f"{where}: nested too deep") from None
        return self._known[pointers]

    def _build(self, clauses: list[Clause], pointers: frozenset[str]) -> Node:
        where = min(pointers, default="")
        clauses = self._keywords.with_doubts(clauses)
        for clause in clauses:
            self._keywords.note(clause)
        node = Node(
            null=self._allows(clauses, pointers, None),
            true=self._allows(clauses, pointers, True),
            false=self._allows(clauses, pointers, False),
        )
        node = self._with_strings(node, clauses, pointers)
        node = self._with_numbers(node, clauses)
        for clause in clauses:
            if "array" in clause.types and not self._lists_others(clause, list):
                node = self._arrays.add(node, clause, where)
        objects = [clause for clause in clauses if "object" in clause.types]
        if objects:
            branches, free = self._objects.branches(objects, where)
            node = replace(node, branches=branches, keys=self._automaton(free))
            if any(branch.is_checked for branch in branches):
                node = replace(node, checked=node.checked | {"object"})
        return replace(node, checks=tuple(sorted(pointers))) if node.checked else node

    def _lists_others(self, clause: Clause, kind: type) -> bool:
        """Whether an `enum` has no value of a kind."""
        listed = self._keywords.enums(clause)
        return any(not any(isinstance(v, kind) for v in values) for values in listed)

    def _allows(
        self, clauses: list[Clause], pointers: frozenset[str], value: bool | None
    ) -> bool:
        """Whether null, true or false is allowed."""
        name = "null" if value is None else "boolean"
        allowing = [c for c in clauses if self._keywords.allows(c, value)]
        if all(clause.doubts_about(name) for clause in allowing):
            return bool(allowing) and self._keywords.is_valid(pointers, value)
        return True

    def _with_strings(
        self, node: Node, clauses: list[Clause], pointers: frozenset[str]
    ) -> Node:
        sets = [self._keywords.strings(clause) for clause in clauses]
        sure, doubtful = NOTHING, NOTHING
        for clause, strings in zip(clauses, sets, strict=True):
            for other, others in zip(clauses, sets, strict=True):
                if clause.excludes(other):
                    # With a second oneOf, `other` may lose some of these strings, too;
                    # then leaving them out here is too narrow.
                    if len(other.chosen) > 1 and strings & others:
                        where = min(pointers, default="")
                        self.notes.append(
                            f"{where}: strings of oneOf overlap; left out"
                        )
                    strings = strings - others
            if clause.doubts_about("string"):
                doubtful = doubtful | strings
            else:
                sure = sure | strings
        valid = {w for w in doubtful.words if self._keywords.is_valid(pointers, w)}
        sure = replace(sure, words=sure.words | valid).spell(self.spelled)
        node = replace(node, literals=sure.words)
        text = self._automaton([] if sure.language is None else [sure.language])
        if doubtful.language is None:
            return replace(node, text=text)
        either = (sure | doubtful).language
        assert either is not None
        return replace(
            node,
            text=self._automaton([either]),
            safe_text=text,
            checked=node.checked | {"string"},
        )

    def _with_numbers(self, node: Node, clauses: list[Clause]) -> Node:
        sure: list[FSM] = []
        doubtful: list[FSM] = []
        for clause in clauses:
            texts = self._keywords.numbers(clause)
            doubts = clause.doubts_about("number")
            if texts is None:
                continue
            if not doubts:
                sure.append(texts)
                continue
            doubtful.append(texts)
            if all(doubt.kind == "multiple" for doubt in doubts):
                safe = self._keywords.multiples(clause)
                sure += [safe] if safe is not None else []
        if not sure and not doubtful:
            return node
        text = self._automaton([_union(sure)] if sure else [])
        if not doubtful:
            return replace(node, number=text)
        either = self._automaton([_union([*sure, *doubtful])])
        checked = node.checked | {"number"}
        return replace(node, number=either, safe_number=text, checked=checked)

    # -- containers --------------------------------------------------------------------

    @cached_property
    def _arrays(self) -> Arrays:
        return Arrays(keywords=self._keywords, node=self.node)

    @cached_property
    def _objects(self) -> Objects:
        return Objects(
            keywords=self._keywords,
            node=self.node,
            pointers=self._pointers,
            spelled=self.spelled,
        )

    # -- automata ----------------------------------------------------------------------

    def _automaton(self, languages: list[FSM]) -> int:
        """The number of the automaton of some languages; equal ones are shared."""
        if not languages:
            return NO_AUTOMATON
        automaton = label_automaton(languages)
        if automaton not in self.automata:
            self.automata.append(automaton)
        return self.automata.index(automaton)


def _union(languages: list[FSM]) -> FSM:
    return reduce(lambda a, b: product(a, b, lambda x, y: x or y), languages)
