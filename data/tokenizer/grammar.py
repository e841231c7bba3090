"""The compiled schema as plain data: which values are allowed where.

A `Node` is a set of JSON values, given type by type.  An object is a list of
alternative `Branch`es: reading a key keeps the branches that know it ("alive"), and the
object may close when an alive branch has all its required keys.  When alive branches
differ about the value of a key, the first one decides and the others are dropped, so
encoder, reader and masks always agree.  The symbol NEXT_ALTERNATIVE drops the first
one, so that another decides.
A key whose value is a word in all of them is a tag: the word decides.

`pipeline.compiler` makes a grammar from a JSON Schema; `tokenizer.json` carries it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any, TypeAlias

from ..documents.json_text import MAX_DEPTH
from ..schema.validator import Validator, type_of
from .dfa import Automaton
from .nodes import (
    NO_AUTOMATON,
    NO_NODE,
    Branch,
    Node,
    differ,
    node_from_json,
    node_to_json,
)

__all__ = [
    "MAX_DEPTH",
    "MAX_TAGGED_DEPTH",
    "NO_AUTOMATON",
    "NO_NODE",
    "Alive",
    "Automaton",
    "Branch",
    "Grammar",
    "Node",
]

MAX_TAGGED_DEPTH = 64
"""Greatest depth at which the grammar allows an array or object where a scalar would
do, too; deeper levels are for values that a schema requires."""

Alive: TypeAlias = tuple[int, ...]
"""Indices of the branches of a node that are still possible, ascending."""


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """Nodes and automata by number.

    A value of an `only_object` node is written without a tag, and so is one of an
    `only_array` node unless it is itself an item of an array, where the closer of an
    empty inner array could be taken for the outer one's.
    """

    nodes: tuple[Node, ...]
    automata: tuple[Automaton, ...]
    root: int
    any: int
    """The node of all JSON values; types escaped values."""
    literals: tuple[str, ...]
    """Every key and enum value, in the order of their symbols."""
    schema: Any = None
    """What checked values have to satisfy, as `data.schema` reads it; None without
    checks."""
    patterns: dict[str, int] = field(default_factory=dict)
    """Pattern in that schema to its automaton."""
    draft: int = 7

    def is_valid(self, node: int, value: Any) -> bool:
        """Whether a value passes the checks of a node."""
        checked = self.nodes[node].checked
        return not checked or (
            type_of(value) not in checked
            or all(self._validator.allows(p, value) for p in self.nodes[node].checks)
        )

    @cached_property
    def _validator(self) -> Validator:
        def matches(pattern: str, text: str) -> bool:
            return self.automata[self.patterns[pattern]].label(text) >= 0

        return Validator(self.schema, matches, draft=self.draft)

    def known_keys(self, node: int) -> frozenset[str]:
        """Keys that are one symbol each in the objects of a node."""
        return self._known[node]

    def keys_apart(self, node: int) -> frozenset[str]:
        """Keys with a symbol or a label of their own."""
        return self._apart[node]

    @cached_property
    def _apart(self) -> tuple[frozenset[str], ...]:
        return tuple(
            known | spelled.keys()
            for known, spelled in zip(self._known, self._spelled, strict=True)
        )

    def spelled_keys(self, node: int) -> dict[str, int]:
        """Free keys with a label of their own, and the label."""
        return self._spelled[node]

    @cached_property
    def _spelled(self) -> tuple[dict[str, int], ...]:
        return tuple(
            {
                key: label
                for label in range(len(node.branches[0].free) if node.branches else 0)
                if (key := self.automata[node.keys].only_text(label)) is not None
            }
            for node in self.nodes
        )

    @cached_property
    def _known(self) -> tuple[frozenset[str], ...]:
        nodes = self.nodes
        return tuple(
            frozenset(k for b in n.branches for k in b.properties) for n in nodes
        )

    def all_branches(self, node: int) -> Alive:
        """The branches alive in an object that has no key yet."""
        return self._all_branches[node]

    @cached_property
    def _all_branches(self) -> tuple[Alive, ...]:
        return tuple(tuple(range(len(node.branches))) for node in self.nodes)

    def enter(
        self, node: int, alive: Alive, key: str | int, count: int
    ) -> tuple[int, Alive]:
        """Read a key: the node of its value and the branches that stay alive.

        Args:
            node: an object's node.
            alive: its branches before the key.
            key: a known key, or the label of a free one.
            count: keys read before this one.

        Returns:
            The value's node, or -1 if the key is not allowed here.
        """
        memo = node, alive, key, min(count, self._count_bounds[node])
        found = self._entered.get(memo)
        if found is None:
            found = self._entered[memo] = self._enter(node, alive, key, count)
        return found

    def _enter(
        self, node: int, alive: Alive, key: str | int, count: int
    ) -> tuple[int, Alive]:
        branches = self.nodes[node].branches
        tag = self.tag(node, key)
        child, kept = NO_NODE, []
        for index in alive:
            branch = branches[index]
            if branch.max_properties is not None and count >= branch.max_properties:
                continue
            found = (
                branch.properties.get(key, NO_NODE)
                if isinstance(key, str)
                else branch.free[key]
            )
            if found >= 0 and (tag is not None or child in (NO_NODE, found)):
                child = found if tag is None else tag
                kept.append(index)
        if child < 0 or self.nodes[child].is_empty or not self._is_written(node, kept):
            return NO_NODE, ()
        return child, tuple(kept)

    def _is_written(self, node: int, alive: Iterable[int]) -> bool:
        """Whether masks may write an object of one of these branches."""
        branches = self.nodes[node].branches
        return any(branches[index].is_written for index in alive)

    def next_alternative(self, node: int, alive: Alive) -> Alive:
        """The branches without the first; none if no choice is left between them."""
        if not self.nodes[node].has_choices:
            return ()
        found = self._choices.get((node, alive))
        if found is None:
            rest = alive[1:]
            is_choice = self._is_written(node, rest) and self._differ(node, alive)
            found = self._choices[node, alive] = rest if is_choice else ()
        return found

    def _differ(self, node: int, alive: Alive) -> bool:
        """Whether branches differ about the value of a key that is no tag."""
        branches = [self.nodes[node].branches[index] for index in alive]
        return any(differ(a, b, self._tags[node]) for a, b in combinations(branches, 2))

    @cached_property
    def has_choices(self) -> bool:
        """Whether some node has choices."""
        return any(node.has_choices for node in self.nodes)

    @cached_property
    def _choices(self) -> dict[tuple[int, Alive], Alive]:
        return {}

    def tag(self, node: int, key: str | int) -> int | None:
        """The node of the values of a key that is a tag; None for any other key."""
        return self._tags[node].get(key)

    @cached_property
    def _tags(self) -> tuple[dict[str | int, int], ...]:
        return tuple(dict(node.tags) for node in self.nodes)

    def choose(self, node: int, alive: Alive, key: str, word: Any) -> Alive:
        """The branches that stay alive when a tag has a value."""
        if not isinstance(word, str):
            return ()
        branches = self.nodes[node].branches
        children = [(index, branches[index].properties[key]) for index in alive]
        kept = tuple(i for i, child in children if word in self.nodes[child].literals)
        return kept if self._is_written(node, kept) else ()

    def counts_keys(self, node: int) -> bool:
        """Whether the keys that may follow depend on the number of keys before."""
        return self._count_bounds[node] > 0

    @cached_property
    def _entered(self) -> dict[tuple[int, Alive, str | int, int], tuple[int, Alive]]:
        return {}  # few: counts matter up to the largest bound only

    @cached_property
    def _count_bounds(self) -> tuple[int, ...]:
        return tuple(
            max((branch.max_properties or 0 for branch in node.branches), default=0)
            for node in self.nodes
        )

    def may_close(
        self, node: int, alive: Alive, seen: frozenset[str] | set[str]
    ) -> bool:
        """Whether an object with these keys is complete in some alive branch."""
        branches = self.nodes[node].branches
        return any(branches[index].may_close(seen) for index in alive)

    def escaped_child(self, node: int, key: str) -> int:
        """The node of the value of a known key that breaks the rules of its object.

        NO_NODE for a free key, whose value `any` types.
        """
        for branch in self.nodes[node].branches:
            if key in branch.properties:
                return branch.properties[key]
        return NO_NODE

    def shortest_text(self, node: int) -> str:
        """The shortest spelled string that a node allows."""
        is_checked = "string" in self.nodes[node].checked
        number = self.nodes[node].safe_text if is_checked else self.nodes[node].text
        return self.automata[number].shortest() if number >= 0 else ""

    def to_json(self) -> dict[str, Any]:
        """Plain data for `tokenizer.json`, without default values."""
        return {
            "root": self.root,
            "any": self.any,
            "literals": list(self.literals),
            "nodes": [node_to_json(node) for node in self.nodes],
            "automata": [item.to_json() for item in self.automata],
            **(
                {}
                if self.schema is None
                else {
                    "schema": self.schema,
                    "patterns": self.patterns,
                    "draft": self.draft,
                }
            ),
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Grammar":
        """The inverse of `to_json`."""
        return Grammar(
            root=data["root"],
            any=data["any"],
            literals=tuple(data["literals"]),
            nodes=tuple(node_from_json(node) for node in data["nodes"]),
            automata=tuple(Automaton.from_json(item) for item in data["automata"]),
            **{k: data[k] for k in ("schema", "patterns", "draft") if k in data},
        )
