"""Alternatives of a schema, and their algebra.

A schema is a disjunction of clauses (`expansion.py`); a clause is a conjunction of
schemas with plain keywords only.  It may allow more than the schema does: then it has a
`Doubt` about the type of such values.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...data.errors import SchemaError
from .doubts import Doubt

__all__ = [
    "MAX_CLAUSES",
    "NO_OBJECT",
    "TYPES",
    "Clause",
    "few",
    "lacking",
    "product",
    "types_of",
]

TYPES = frozenset({"null", "boolean", "number", "string", "array", "object"})

# Alternatives multiply; the official schema has 9 at most.
MAX_CLAUSES = 512


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One alternative: plain schemas that must all hold, and rules about keys."""

    types: frozenset[str] = TYPES
    atoms: tuple[str, ...] = ()
    """JSON pointers of schemas whose plain keywords apply."""
    required: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    chosen: frozenset[tuple[str, int]] = frozenset()
    """The alternative that was taken of each `oneOf`, by JSON pointer."""
    denied: tuple[str, ...] = ()
    """JSON pointers of `enum` and `const` whose strings are left out."""
    doubts: frozenset[Doubt] = frozenset()

    def doubts_about(self, name: str) -> list[Doubt]:
        """The doubts about a type."""
        return sorted(doubt for doubt in self.doubts if doubt.type == name)

    def excludes(self, other: "Clause") -> str | None:
        """A `oneOf` of which both took different alternatives."""
        taken = dict(other.chosen)
        for one_of, index in sorted(self.chosen):
            if taken.get(one_of, index) != index:
                return one_of
        return None


def types_of(part: dict[str, Any], pointer: str) -> frozenset[str]:
    """The JSON types that `type`, `enum` and `const` of a schema leave."""
    named = part.get("type", list(TYPES))
    names = {named} if isinstance(named, str) else set(named)
    if not names <= TYPES | {"integer"}:
        raise SchemaError(f"{pointer}/type: {named!r} is not a JSON type")
    types = {"number" if name == "integer" else name for name in names}
    if "enum" in part:
        types &= {_type_of(value) for value in part["enum"]}
    if "const" in part:
        types &= {_type_of(part["const"])}
    return frozenset(types)


def _type_of(value: Any) -> str:
    names = {type(None): "null", bool: "boolean", str: "string", list: "array"}
    return {**names, dict: "object"}.get(type(value), "number")


NO_OBJECT = Clause(types=TYPES - {"object"})


def lacking(keys: Sequence[str]) -> list[Clause]:
    """The objects that lack one of the keys."""
    return [
        Clause(types=frozenset({"object"}), forbidden=frozenset({key})) for key in keys
    ]


def few(clauses: Iterable[Clause], pointer: str) -> list[Clause]:
    """Different clauses, in order.

    Raises:
        SchemaError: more than MAX_CLAUSES; then the rest is never generated.
    """
    found: dict[Clause, None] = {}
    for clause in clauses:
        found[clause] = None
        if len(found) > MAX_CLAUSES:
            raise SchemaError(f"{pointer}: more than {MAX_CLAUSES} alternatives")
    return list(found)


def product(left: list[Clause], right: list[Clause], pointer: str) -> list[Clause]:
    """The conjunction of two disjunctions, without unsatisfiable alternatives."""
    both = (_conjunction(a, b) for a, b in itertools.product(left, right))
    return few((clause for clause in both if clause is not None), pointer)


def _conjunction(a: Clause, b: Clause) -> Clause | None:
    types = a.types & b.types
    required, forbidden = a.required | b.required, a.forbidden | b.forbidden
    if required & forbidden:
        types -= {"object"}
    if not types or a.excludes(b):
        return None
    return Clause(
        types=types,
        atoms=a.atoms + tuple(x for x in b.atoms if x not in a.atoms),
        required=required,
        forbidden=forbidden,
        chosen=a.chosen | b.chosen,
        denied=a.denied + tuple(x for x in b.denied if x not in a.denied),
        doubts=frozenset(doubt for doubt in a.doubts | b.doubts if doubt.type in types),
    )
