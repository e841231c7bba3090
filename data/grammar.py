"""The compiled schema: what may stand where, as plain data.

A `Node` is a set of JSON values; it says for each JSON type what of it is allowed.  An
object is a list of alternative `Branch`es: reading a key keeps the branches that know
it ("alive"), and the object may close when an alive branch has all it requires.  When
alive branches disagree about the value of a key, the first one decides and the others
are dropped, so the encoder, the decoder and the masks always agree; that only ever
narrows the grammar, never widens it.

`pipeline.schema` makes a grammar from a JSON Schema; `tokenizer.json` carries it.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

__all__ = ["DEAD", "Alive", "Automaton", "Branch", "Grammar", "Node"]

Alive: TypeAlias = tuple[int, ...]
"""Indices of the branches of a node that are still possible, ascending."""

DEAD = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Automaton:
    """A deterministic automaton over characters, trimmed: every state can accept."""

    classes: dict[str, int]
    """Character to column; every other character is column 0."""
    table: tuple[tuple[int, ...], ...]
    """table[state][column] is the next state or -1; state 0 is the start."""
    labels: tuple[int, ...]
    """labels[state] says which language the text so far is in, -1 for none."""
    reach: tuple[int, ...] = field(default=(), compare=False)
    """Bit set of the labels that can still be reached from each state."""

    def __post_init__(self) -> None:
        """Derive `reach`."""
        reach = [0 if label < 0 else 1 << label for label in self.labels]
        changed = True
        while changed:
            changed = False
            for state, row in enumerate(self.table):
                bits = reach[state]
                for target in row:
                    bits |= reach[target] if target >= 0 else 0
                changed |= bits != reach[state]
                reach[state] = bits
        object.__setattr__(self, "reach", tuple(reach))

    @property
    def is_universal(self) -> bool:
        """Whether every text is accepted with the same label."""
        return len(self.table) == 1 and DEAD not in self.table[0]

    def step(self, state: int, character: str) -> int:
        """The next state, or -1."""
        return self.table[state][self.classes.get(character, 0)]

    def label(self, text: str) -> int:
        """The label of a whole text, -1 if no language has it."""
        if self.is_universal:
            return self.labels[0]
        state, table, column = 0, self.table, self.classes.get
        for character in text:
            state = table[state][column(character, 0)]
            if state < 0:
                return DEAD
        return self.labels[state]


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """One alternative of an object."""

    properties: dict[str, int]
    """Known key to the node of its value; a known key that is absent is forbidden."""
    free: tuple[int, ...]
    """Node of a free key's value by the label of Node.keys, -1 where forbidden; empty
    where no branch of the node has free keys."""
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
    number: int = DEAD
    """Automaton of a number's text, -1 if no number is allowed."""
    literals: frozenset[str] = frozenset()
    """Strings that are one symbol each here."""
    text: int = DEAD
    """Automaton of a string that is spelled, -1 if none is allowed."""
    items: int = DEAD
    """Node of an array's items, -1 if no array is allowed."""
    min_items: int = 0
    max_items: int | None = None
    branches: tuple[Branch, ...] = ()
    """Alternatives of an object; none if no object is allowed."""
    keys: int = DEAD
    """Automaton that labels free keys, -1 if there are none."""

    @property
    def has_scalar(self) -> bool:
        """Whether anything but arrays and objects is allowed."""
        return (
            self.null
            or self.true
            or self.false
            or self.number >= 0
            or bool(self.literals)
            or self.text >= 0
        )

    @property
    def only_words(self) -> bool:
        """Whether nothing but strings of one symbol is allowed."""
        return self == Node(literals=self.literals)

    @property
    def only_object(self) -> bool:
        """Objects alone are allowed, so they need no type tag."""
        return bool(self.branches) and self.items < 0 and not self.has_scalar

    @property
    def only_array(self) -> bool:
        """Arrays alone are allowed, so they need no type tag (but see `Grammar`)."""
        return self.items >= 0 and not self.branches and not self.has_scalar


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
    """The node of all JSON values, which also types whatever is escaped."""
    literals: tuple[str, ...]
    """Every key and enum value, in the order of their symbols."""

    def known_keys(self, node: int) -> frozenset[str]:
        """Keys that are one symbol each in this node's objects."""
        return self._known[node]

    @cached_property
    def _known(self) -> tuple[frozenset[str], ...]:
        return tuple(
            frozenset(key for branch in node.branches for key in branch.properties)
            for node in self.nodes
        )

    def all_branches(self, node: int) -> Alive:
        """The branches alive in an object that has no key yet."""
        return tuple(range(len(self.nodes[node].branches)))

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
        branches = self.nodes[node].branches
        child, kept = DEAD, []
        for index in alive:
            branch = branches[index]
            if branch.max_properties is not None and count >= branch.max_properties:
                continue
            found = (
                branch.properties.get(key, DEAD)
                if isinstance(key, str)
                else branch.free[key]
            )
            if found >= 0 and child in (DEAD, found):
                child = found
                kept.append(index)
        return child, tuple(kept)

    def may_close(
        self, node: int, alive: Alive, seen: frozenset[str] | set[str]
    ) -> bool:
        """Whether an object with these keys is complete in some alive branch."""
        branches = self.nodes[node].branches
        return any(branches[index].may_close(seen) for index in alive)

    def escaped_child(self, node: int, key: str) -> int:
        """The node of a known key's value where the key breaks the object's rules.

        -1 for a free key, whose value is then typed by `any`.
        """
        for branch in self.nodes[node].branches:
            if key in branch.properties:
                return branch.properties[key]
        return DEAD

    def to_json(self) -> dict[str, Any]:
        """Plain data for `tokenizer.json`; defaults are left out."""
        return {
            "root": self.root,
            "any": self.any,
            "literals": list(self.literals),
            "nodes": [_node_to_json(node) for node in self.nodes],
            "automata": [_automaton_to_json(item) for item in self.automata],
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Grammar":
        """The inverse of `to_json`."""
        return Grammar(
            root=data["root"],
            any=data["any"],
            literals=tuple(data["literals"]),
            nodes=tuple(_node_from_json(node) for node in data["nodes"]),
            automata=tuple(_automaton_from_json(item) for item in data["automata"]),
        )


_NODE_DEFAULT = Node()
_BRANCH_DEFAULT = Branch(properties={}, free=())


def _differing(record: Node | Branch, default: Node | Branch) -> dict[str, Any]:
    """The fields of a record that are not at their default."""
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
    return data


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
    return Node(**{**data, "branches": branches, "literals": literals})


def _automaton_to_json(automaton: Automaton) -> dict[str, Any]:
    columns = [""] * len(automaton.table[0])
    for character, column in automaton.classes.items():
        columns[column] += character
    return {
        "classes": columns,
        "table": [list(row) for row in automaton.table],
        "labels": list(automaton.labels),
    }


def _automaton_from_json(data: dict[str, Any]) -> Automaton:
    return Automaton(
        classes={
            character: column
            for column, characters in enumerate(data["classes"])
            for character in characters
        },
        table=tuple(tuple(row) for row in data["table"]),
        labels=tuple(data["labels"]),
    )
