"""The compiled schema as plain data: which values are allowed where.

A `Node` is a set of JSON values, given type by type.  An object is a list of
alternative `Branch`es: reading a key keeps the branches that know it ("alive"), and the
object may close when an alive branch has all its required keys.  When alive branches
disagree about the value of a key, the first one decides and the others are dropped, so
encoder, reader and masks always agree; that narrows the grammar and never widens it.
A key whose value is a word in all of them is a tag: the word decides.

`pipeline.compiler` makes a grammar from a JSON Schema; `tokenizer.json` carries it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from ..documents.json_text import MAX_DEPTH
from .dfa import Automaton

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

NO_NODE = -1
NO_AUTOMATON = -1

Alive: TypeAlias = tuple[int, ...]
"""Indices of the branches of a node that are still possible, ascending."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """One alternative of an object."""

    properties: dict[str, int]
    """Known key to the node of its value; keys that only other branches know are
    forbidden."""
    free: tuple[int, ...]
    """Label of a free key (see Node.keys) to the node of its value, -1 where forbidden;
    empty if no branch of the node has free keys."""
    required: frozenset[str] = frozenset()
    min_properties: int = 0
    max_properties: int | None = None

    def may_close(self, seen: frozenset[str] | set[str]) -> bool:
        """Whether an object with these keys is complete."""
        return len(seen) >= self.min_properties and self.required <= seen


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A set of JSON values."""

    null: bool = False
    true: bool = False
    false: bool = False
    number: int = NO_AUTOMATON
    """Automaton of a number's text, -1 if no number is allowed."""
    literals: frozenset[str] = frozenset()
    """Strings that are one symbol each."""
    text: int = NO_AUTOMATON
    """Automaton of a spelled string, -1 if none is allowed."""
    items: int = NO_NODE
    """Node of an array's items, -1 if no array is allowed."""
    min_items: int = 0
    max_items: int | None = None
    branches: tuple[Branch, ...] = ()
    """Alternatives of an object; empty if no object is allowed."""
    keys: int = NO_AUTOMATON
    """Automaton that labels free keys, -1 if none is allowed."""
    tags: tuple[tuple[str, int], ...] = ()
    """Keys whose value, a literal, decides which branches stay alive; each with the
    node of the literals of all branches."""
    is_tagged: bool = False
    """Whether values have a type tag although one type is left, as in a grammar that
    was narrowed and reads the tokens of the wider one."""

    @property
    def has_scalar(self) -> bool:
        """Whether a value other than an array or object is allowed."""
        return (
            self.null
            or self.true
            or self.false
            or self.number >= 0
            or bool(self.literals)
            or self.text >= 0
        )

    @property
    def only_object(self) -> bool:
        """Whether only objects are allowed; they need no type tag."""
        one_type = self.items < 0 and not self.has_scalar
        return bool(self.branches) and one_type and not self.is_tagged

    @property
    def only_array(self) -> bool:
        """Whether only arrays are allowed; they need no type tag (see `Grammar`)."""
        one_type = not self.branches and not self.has_scalar
        return self.items >= 0 and one_type and not self.is_tagged


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

    def known_keys(self, node: int) -> frozenset[str]:
        """Keys that are one symbol each in the objects of a node."""
        return self._known[node]

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
        return child, tuple(kept)

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
        return tuple(i for i, child in children if word in self.nodes[child].literals)

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
        return self.automata[self.nodes[node].text].shortest()

    def to_json(self) -> dict[str, Any]:
        """Plain data for `tokenizer.json`, without default values."""
        return {
            "root": self.root,
            "any": self.any,
            "literals": list(self.literals),
            "nodes": [_node_to_json(node) for node in self.nodes],
            "automata": [item.to_json() for item in self.automata],
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Grammar":
        """The inverse of `to_json`."""
        return Grammar(
            root=data["root"],
            any=data["any"],
            literals=tuple(data["literals"]),
            nodes=tuple(_node_from_json(node) for node in data["nodes"]),
            automata=tuple(Automaton.from_json(item) for item in data["automata"]),
        )


_NODE_DEFAULT = Node()
_BRANCH_DEFAULT = Branch(properties={}, free=())


def _differing(record: Node | Branch, default: Node | Branch) -> dict[str, Any]:
    """The fields of a record that differ from their defaults."""
    fields = {name: getattr(record, name) for name in type(record).__slots__}
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in fields.items()
        if value != getattr(default, name)
    }


def _node_to_json(node: Node) -> dict[str, Any]:
    data = _differing(node, _NODE_DEFAULT)
    if node.branches:
        data["branches"] = [_differing(b, _BRANCH_DEFAULT) for b in node.branches]
    return data | ({"tags": dict(node.tags)} if node.tags else {})


def _node_from_json(data: dict[str, Any]) -> Node:
    branches = tuple(
        Branch(
            properties=branch.get("properties", {}),
            free=tuple(branch.get("free", ())),
            required=frozenset(branch.get("required", ())),
            min_properties=branch.get("min_properties", 0),
            max_properties=branch.get("max_properties"),
        )
        for branch in data.get("branches", ())
    )
    literals = frozenset(data.get("literals", ()))
    tags = tuple(data.get("tags", {}).items())
    return Node(**{**data, "branches": branches, "literals": literals, "tags": tags})
