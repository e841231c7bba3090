"""The nodes of a grammar: sets of JSON values, given type by type."""

from collections.abc import Container, Set
from dataclasses import dataclass
from typing import Any

__all__ = [
    "NO_AUTOMATON",
    "NO_NODE",
    "Branch",
    "Node",
    "differ",
    "node_from_json",
    "node_to_json",
]

NO_NODE = -1
NO_AUTOMATON = -1


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
    is_checked: bool = False
    """Whether such objects are only encoded after a check."""
    safe_keys: frozenset[str] | None = None
    """Where objects are checked: the keys of those that are written; None for none."""

    is_written: bool = True
    """False in the grammar of masks: such objects are only read, see `writable`."""

    def may_close(self, seen: Set[str]) -> bool:
        """Whether an object with these keys is complete."""
        complete = len(seen) >= self.min_properties and self.required <= seen
        return complete and self.is_written


def differ(a: Branch, b: Branch, tags: Container[str | int]) -> bool:
    """Whether two branches of a node give different values to a key that is no tag."""
    known = a.properties.keys() & b.properties.keys()
    free = zip(a.free, b.free, strict=True)
    return any(
        a.properties[key] != b.properties[key] and key not in tags for key in known
    ) or any(x != y and min(x, y) >= 0 for x, y in free)


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
    has_choices: bool = False
    """Whether branches differ about the value of a key that is no tag."""
    checks: tuple[str, ...] = ()
    """JSON pointers of the schemas that a value of a checked type has to satisfy."""
    checked: frozenset[str] = frozenset()
    """Types of which the node allows more values than the schema."""
    safe_number: int = NO_AUTOMATON
    safe_text: int = NO_AUTOMATON
    """Where numbers or strings are checked: the automata of those that are written."""
    safe_items: int = NO_NODE
    """Where arrays are checked: the most items that are written, -1 for no array."""
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
    def is_empty(self) -> bool:
        """Whether no value is allowed."""
        return not self.has_scalar and self.items < 0 and not self.branches

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


def node_to_json(node: Node) -> dict[str, Any]:
    """Plain data, without default values."""
    data = _differing(node, _NODE_DEFAULT)
    if node.branches:
        data["branches"] = [_differing(b, _BRANCH_DEFAULT) for b in node.branches]
    return data | ({"tags": dict(node.tags)} if node.tags else {})


def _keys(listed: list[str] | None) -> frozenset[str] | None:
    return None if listed is None else frozenset(listed)


def node_from_json(data: dict[str, Any]) -> Node:
    """The inverse of `node_to_json`."""
    branches = tuple(
        Branch(
            properties=branch.get("properties", {}),
            free=tuple(branch.get("free", ())),
            required=frozenset(branch.get("required", ())),
            min_properties=branch.get("min_properties", 0),
            max_properties=branch.get("max_properties"),
            is_checked=branch.get("is_checked", False),
            safe_keys=_keys(branch.get("safe_keys")),
        )
        for branch in data.get("branches", ())
    )
    literals = frozenset(data.get("literals", ()))
    tags = tuple(data.get("tags", {}).items())
    fields = {"branches": branches, "literals": literals, "tags": tags}
    checks = {
        "checks": tuple(data.get("checks", ())),
        "checked": frozenset(data.get("checked", ())),
    }
    return Node(**{**data, **fields, **checks})
