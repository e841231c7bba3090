"""What a rule says of the values of a place.

What it does not mention stays as the schema has it, but texts are plain, so that no
expression stands where GitHub does not evaluate one.
"""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from .contexts import Place

__all__ = [
    "FILLED",
    "PLAIN",
    "Role",
    "Rule",
    "Wanted",
    "expression",
    "mapping",
    "rule",
    "template",
    "words",
]

Role: TypeAlias = Literal[
    "condition",
    "needs",
    "step-id",
    "step",
    "jobs",
    "job-outputs",
    "axes",
    "axis-item",
    "matrix",
    "included",
    "included-value",
    "call-inputs",
    "dispatch-inputs",
    "call-secrets",
    "",
]
"""What a text, or the keys of an object, mean to the rest of the document."""


Wanted: TypeAlias = Literal["scalar", "label", "boolean", "number", "any", "secret"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule:
    """What GitHub wants of a value beyond the schema."""

    text: str | None = "plain"
    """Name of the form of a spelled string; None for no such string."""
    where: Place | None = None
    """Which contexts its expressions may use; None for no expressions."""
    role: Role = ""
    words: frozenset[str] | None = None
    """The enum values that are left; None for all."""
    scalars: str = "null true false number"
    """Kinds of other scalars that are left."""
    number: str | None = None
    """Name of the form of a number; None for any."""
    drop: frozenset[str] = frozenset()
    """Known keys that are left out."""
    keys: str | None = "name"
    """Name of the form of free keys; None for no free keys."""
    children: MappingProxyType[str, "Rule"] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Rules of the values, by key."""
    others: "Rule | None" = None
    """Rule of the values of all other keys; None for a plain one."""
    items: "Rule | None" = None
    """Rule of the items of an array; None for a plain one."""
    objects: bool = True
    """Whether objects are left."""
    lists: bool = True
    """Whether arrays are left."""
    least: int = 0
    """Fewest keys."""
    required: frozenset[str] = frozenset()
    """Keys that must be there."""
    with_key: MappingProxyType[str, tuple[frozenset[str], frozenset[str]]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """By a key that tells what kind of object it is: the keys that such an object must
    have, and those that it must not have."""
    gives: Wanted = "scalar"
    """What an expression that is the whole text must give."""

    def child(self, key: str | None) -> "Rule":
        """The rule of the value of a key; None for a free key."""
        found = self.children.get(key) if key is not None else None
        return found or self.others or PLAIN

    def item(self) -> "Rule":
        """The rule of an array's items."""
        return self.items or PLAIN


PLAIN: Final = Rule()


def rule(children: dict[str, Rule] | None = None, **fields: Any) -> Rule:
    """A rule with rules for some keys."""
    return Rule(children=MappingProxyType(children or {}), **fields)


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def template(where: Place, *, filled: bool = False, **fields: Any) -> Rule:
    """A text with expressions in it."""
    text = "filled-template" if filled else "template"
    fields = {"scalars": "true false number", **fields}
    return rule(None, text=text, where=where, **fields)


def expression(where: Place, scalars: str, **fields: Any) -> Rule:
    """A boolean or a number, or an expression that gives one."""
    return rule(
        None,
        text="expression",
        where=where,
        scalars=scalars,
        gives="number" if scalars == "number" else "boolean",
        **fields,
    )


def mapping(where: Place, keys: str) -> Rule:
    """Names and texts of a user's own, such as `env`."""
    values = template(where)
    return rule(None, text=None, keys=keys, others=values, least=1)


FILLED = rule(None, text="filled", scalars="")
