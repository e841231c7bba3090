"""Rewrite a JSON Schema as a disjunction of clauses.

Combinators (`$ref`, `allOf`, `anyOf`, `oneOf`, `not`, `dependencies`) are multiplied
out until a schema is a list of alternatives with plain keywords only: the `Clause`s
that `schema.py` turns into grammar nodes.

`$ref` with siblings is read as `allOf` of both.  Draft-07 ignores the siblings, but a
grammar may be narrower than its schema, never wider.  Below `oneOf` such siblings are
refused: narrowing one alternative there widens the others.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...data.errors import SchemaError
from .pointers import quoted, resolve, target_of

__all__ = [
    "TYPES",
    "Clause",
    "expand",
    "has_siblings",
    "siblings_of_ref",
]

TYPES = frozenset({"null", "boolean", "number", "string", "array", "object"})

# Alternatives multiply; the official schema has 9 at most.
_MAX_CLAUSES = 512

# Those that `keywords.py` reads.
_PLAIN = {
    *("type", "enum", "const", "pattern", "minLength", "maxLength"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("items", "minItems", "maxItems", "properties", "patternProperties"),
    *("additionalProperties", "required", "minProperties", "maxProperties"),
}
# Keywords of a draft that restrict values; those that no draft knows are annotations.
_UNSUPPORTED = {
    *("additionalItems", "prefixItems", "contains", "minContains", "maxContains"),
    *("uniqueItems", "multipleOf", "divisibleBy", "propertyNames"),
    *("if", "then", "else", "unevaluatedItems", "unevaluatedProperties"),
    *("$dynamicRef", "$recursiveRef", "extends", "disallow"),
}
_COMBINATORS = {"$ref", "allOf", "anyOf", "oneOf", "not", "dependencies"}


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

    def excludes(self, other: "Clause") -> bool:
        """Whether both took different alternatives of one `oneOf`."""
        taken = dict(other.chosen)
        return any(taken.get(one_of, index) != index for one_of, index in self.chosen)


def expand(schema: Any, pointers: Iterable[str]) -> list[Clause]:
    """The alternatives of a value for which all schemas at `pointers` hold.

    Raises:
        SchemaError: a keyword is not supported, or there are more than _MAX_CLAUSES
            alternatives.
    """
    clauses = [Clause()]
    expansion = _Expansion(schema)
    for pointer in sorted(pointers):
        clauses = _product(clauses, expansion.clauses(pointer), pointer)
    return clauses


def siblings_of_ref(schema: Any, pointer: str) -> str | None:
    """The JSON pointer at which a schema has keywords beside a `$ref`, if any.

    Draft-07 ignores them; `expand` does not, so its clauses allow less there.
    """
    queue = [pointer]
    for current in queue:  # grows while it is read
        part = resolve(schema, current)
        if not isinstance(part, dict):
            continue
        follow = []
        if "$ref" in part:
            if has_siblings(part):
                return current
            follow.append(target_of(schema, part["$ref"], current))
        for keyword in ("allOf", "anyOf", "oneOf"):
            follow += [
                f"{current}/{keyword}/{i}" for i, _ in enumerate(part.get(keyword, ()))
            ]
        dependencies = part.get("dependencies", ())
        follow += [f"{current}/dependencies/{quoted(key)}" for key in dependencies]
        queue += [place for place in follow if place not in queue]
    return None


def has_siblings(part: dict[str, Any]) -> bool:
    """Whether a schema has keywords that restrict values beside a `$ref`."""
    siblings = part.keys() & (_PLAIN | _COMBINATORS | _UNSUPPORTED)
    return "$ref" in siblings and len(siblings) > 1


@dataclass(frozen=True)
class _Expansion:
    """Expands the schemas at JSON pointers, each once."""

    schema: Any
    open: tuple[str, ...] = ()
    """Pointers being expanded, to detect a schema that refers to itself."""
    _known: dict[str, list[Clause]] = field(default_factory=dict)
    """Results: without them, chains of `$ref` would take exponential time."""

    def clauses(self, pointer: str) -> list[Clause]:
        """The alternatives of the schema at a pointer."""
        if pointer in self.open:
            raise SchemaError(f"{pointer}: $ref to itself without a property between")
        if pointer not in self._known:
            inner = replace(self, open=(*self.open, pointer))
            self._known[pointer] = inner.multiplied(pointer)
        return self._known[pointer]

    def multiplied(self, pointer: str) -> list[Clause]:
        """Multiply the plain keywords of a schema by its combinators."""
        part = resolve(self.schema, pointer)
        if isinstance(part, bool):
            return [Clause()] if part else []
        if unread := _UNSUPPORTED & part.keys():
            raise SchemaError(f"{pointer}/{min(unread)}: unsupported keyword")
        clauses = [Clause(types=_types(part, pointer), atoms=(pointer,))]
        for factor in self.factors(part, pointer):
            clauses = _product(clauses, factor, pointer)
        return clauses

    def factors(self, part: dict[str, Any], pointer: str) -> Iterator[list[Clause]]:
        """Each combinator of a schema as a disjunction."""
        if "$ref" in part:
            yield self.clauses(target_of(self.schema, part["$ref"], pointer))
        for index, _ in enumerate(part.get("allOf", ())):
            yield self.clauses(f"{pointer}/allOf/{index}")
        if "anyOf" in part:
            parts = [f"{pointer}/anyOf/{i}" for i, _ in enumerate(part["anyOf"])]
            union = (clause for p in parts for clause in self.clauses(p))
            yield _few(union, f"{pointer}/anyOf")
        if "oneOf" in part:
            yield self.exactly_one(f"{pointer}/oneOf", len(part["oneOf"]))
        if "not" in part:
            negation = self.negation(f"{pointer}/not")
            if negation is None:
                raise SchemaError(f"{pointer}/not: only `required` can be negated")
            yield negation
        for key, needed in part.get("dependencies", {}).items():
            where = f"{pointer}/dependencies/{quoted(key)}"
            names = needed if isinstance(needed, list) else ()
            met = Clause(types=frozenset({"object"}), required=frozenset(names))
            implied = [Clause()] if isinstance(needed, list) else self.clauses(where)
            yield [_NO_OBJECT, *_lacking([key]), *_product([met], implied, where)]

    def exactly_one(self, one_of: str, count: int) -> list[Clause]:
        """`oneOf`: an alternative, and none of the others if that can be expressed.

        If every alternative only requires keys, the others are excluded by forbidding
        theirs.  Otherwise each is marked, and `schema.py` removes what two share.
        """
        if count > _MAX_CLAUSES:
            raise SchemaError(f"{one_of}: more than {_MAX_CLAUSES} alternatives")
        places = [f"{one_of}/{index}" for index in range(count)]
        negations = [self.negation(place) for place in places]
        known = [negation for negation in negations if negation is not None]
        result: list[Clause] = []
        for index, place in enumerate(places):
            siblings = siblings_of_ref(self.schema, place)
            if siblings is not None:
                raise SchemaError(f"{siblings}/$ref: has siblings, inside of oneOf")
            mark = Clause(chosen=frozenset({(one_of, index)}))
            clauses = _product(self.clauses(place), [mark], place)
            # If only some can be negated, negate none: an alternative reduced by what
            # it shares with those would hide what it shares with the rest.
            if len(known) == count:
                for negation in known[:index] + known[index + 1 :]:
                    clauses = _product(clauses, negation, one_of)
            result = _few([*result, *clauses], one_of)
        return result

    def negation(self, pointer: str) -> list[Clause] | None:
        """The negation of a schema that only requires keys; None for any other.

        It allows objects that lack one of the keys.  Values of other types satisfy
        `required`, so it allows them only if the schema also says `type: object`.
        """
        part = resolve(self.schema, pointer)
        if not isinstance(part, dict) or not part.get("required"):
            return None
        read = _PLAIN | _COMBINATORS | _UNSUPPORTED
        rest = part.keys() & read - {"required", "type", "properties"}
        trivial = all(p in (True, {}) for p in part.get("properties", {}).values())
        if rest or not trivial or part.get("type", "object") != "object":
            return None
        lacking = _lacking(part["required"])
        return [_NO_OBJECT, *lacking] if "type" in part else lacking


def _types(part: dict[str, Any], pointer: str) -> frozenset[str]:
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


_NO_OBJECT = Clause(types=TYPES - {"object"})


def _lacking(keys: Sequence[str]) -> list[Clause]:
    """The objects that lack one of the keys."""
    return [
        Clause(types=frozenset({"object"}), forbidden=frozenset({key})) for key in keys
    ]


def _few(clauses: Iterable[Clause], pointer: str) -> list[Clause]:
    """Different clauses, in order.

    Raises:
        SchemaError: more than _MAX_CLAUSES; then the rest is never generated.
    """
    found: dict[Clause, None] = {}
    for clause in clauses:
        found[clause] = None
        if len(found) > _MAX_CLAUSES:
            raise SchemaError(f"{pointer}: more than {_MAX_CLAUSES} alternatives")
    return list(found)


def _product(left: list[Clause], right: list[Clause], pointer: str) -> list[Clause]:
    """The conjunction of two disjunctions, without unsatisfiable alternatives."""
    both = (_conjunction(a, b) for a, b in itertools.product(left, right))
    return _few((clause for clause in both if clause is not None), pointer)


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
    )
