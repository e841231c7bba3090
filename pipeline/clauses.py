"""JSON Schema as a disjunction of clauses.

Combinators (`$ref`, `allOf`, `anyOf`, `oneOf`, `not`, `dependencies`) are multiplied
out until a schema is a list of alternatives, each of which only collects plain
keywords: a `Clause`.  `pipeline.schema` then turns clauses into grammar nodes.

`$ref` with siblings is read as `allOf` of both.  Draft-07 ignores the siblings; a
grammar may be narrower than its schema, never wider.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["TYPES", "Clause", "SchemaError", "expand", "quoted", "resolve"]

TYPES = frozenset({"null", "boolean", "number", "string", "array", "object"})

# Keywords that say nothing about validity, or that `pipeline.schema` reads.
_ANNOTATIONS = {
    *("$schema", "$id", "$comment", "title", "description", "default", "examples"),
    *("definitions", "format", "deprecated", "readOnly", "writeOnly"),
}
_PLAIN = {
    *("type", "enum", "const", "pattern", "minLength", "maxLength"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("items", "minItems", "maxItems", "properties", "patternProperties"),
    *("additionalProperties", "required", "minProperties", "maxProperties"),
}
_COMBINATORS = {"$ref", "allOf", "anyOf", "oneOf", "not", "dependencies"}


class SchemaError(ValueError):
    """A schema that cannot be compiled; the message names the JSON pointer."""


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One alternative: plain schemas that all hold, and rules about keys."""

    types: frozenset[str] = TYPES
    atoms: tuple[str, ...] = ()
    """JSON pointers of schemas whose plain keywords apply."""
    required: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    chosen: frozenset[tuple[str, int]] = frozenset()
    """Which alternative of each `oneOf` (by its JSON pointer) this clause took."""

    def excludes(self, other: "Clause") -> bool:
        """Whether a `oneOf` allows this clause or the other, but not both."""
        taken = dict(other.chosen)
        return any(taken.get(one_of, index) != index for one_of, index in self.chosen)


def quoted(key: str) -> str:
    """A key as a part of a JSON pointer (RFC 6901, section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def resolve(schema: Any, pointer: str) -> Any:
    """The part of `schema` at a JSON pointer such as ``/definitions/step``."""
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        schema = schema[int(part) if isinstance(schema, list) else part]
    return schema


def expand(schema: Any, pointers: Iterable[str]) -> list[Clause]:
    """The alternatives of a value for which all schemas at `pointers` hold.

    Raises:
        SchemaError: a keyword that is neither plain nor a known combinator.
    """
    clauses = [Clause()]
    for pointer in sorted(pointers):
        clauses = _product(clauses, _Expansion(schema).clauses(pointer))
    return clauses


@dataclass(frozen=True)
class _Expansion:
    schema: Any
    open: tuple[str, ...] = ()
    """Pointers being expanded: a schema may not be an alternative of itself."""

    def clauses(self, pointer: str) -> list[Clause]:
        """The alternatives of the schema at a pointer."""
        part = resolve(self.schema, pointer)
        if isinstance(part, bool):
            return [Clause()] if part else []
        if pointer in self.open:
            raise SchemaError(f"{pointer}: $ref to itself without a property between")
        unknown = set(part) - _ANNOTATIONS - _PLAIN - _COMBINATORS
        if unknown:
            raise SchemaError(f"{pointer}/{min(unknown)}: unsupported keyword")
        inner = replace(self, open=(*self.open, pointer))
        clauses = [Clause(types=_types(part), atoms=(pointer,))]
        for factor in inner.factors(part, pointer):
            clauses = _product(clauses, factor)
        return clauses

    def factors(self, part: dict[str, Any], pointer: str) -> Iterator[list[Clause]]:
        """Each combinator of a schema as a disjunction of its own."""
        if "$ref" in part:
            reference = part["$ref"]
            if not reference.startswith("#"):
                raise SchemaError(f"{pointer}/$ref: {reference!r} leaves the schema")
            yield self.clauses(reference[1:])
        for index, _ in enumerate(part.get("allOf", ())):
            yield self.clauses(f"{pointer}/allOf/{index}")
        if "anyOf" in part:
            parts = [f"{pointer}/anyOf/{i}" for i, _ in enumerate(part["anyOf"])]
            yield [clause for p in parts for clause in self.clauses(p)]
        if "oneOf" in part:
            yield self.exactly_one(f"{pointer}/oneOf", len(part["oneOf"]))
        if "not" in part:
            names = self.required_only(f"{pointer}/not")
            if names is None:
                raise SchemaError(f"{pointer}/not: only `required` can be negated")
            yield _lacking(names)
        for key, needed in part.get("dependencies", {}).items():
            if not isinstance(needed, list):
                raise SchemaError(f"{pointer}/dependencies/{key}: not a list of keys")
            yield [
                *_lacking([key]),
                Clause(types=frozenset({"object"}), required=frozenset(needed)),
            ]

    def exactly_one(self, one_of: str, count: int) -> list[Clause]:
        """`oneOf`: an alternative, and none of the others where that can be said.

        Alternatives that only require keys exclude each other by forbidding them.  All
        others are marked, and `pipeline.schema` removes what two of them share.
        """
        result = []
        for index in range(count):
            mark = Clause(chosen=frozenset({(one_of, index)}))
            clauses = _product(self.clauses(f"{one_of}/{index}"), [mark])
            for other in range(count):
                names = self.required_only(f"{one_of}/{other}")
                if names and other != index:
                    clauses = _product(clauses, _lacking(names))
            result.extend(clauses)
        return result

    def required_only(self, pointer: str) -> list[str] | None:
        """The keys that a schema requires, if it does nothing else."""
        part = resolve(self.schema, pointer)
        if not isinstance(part, dict) or not part.get("required"):
            return None
        rest = set(part) - _ANNOTATIONS - {"required", "type", "properties"}
        properties = part.get("properties", {}).values()
        if rest or part.get("type", "object") != "object":
            return None
        return part["required"] if all(p in (True, {}) for p in properties) else None


def _types(part: dict[str, Any]) -> frozenset[str]:
    named = part.get("type", list(TYPES))
    names = {named} if isinstance(named, str) else set(named)
    return frozenset("number" if name == "integer" else name for name in names)


def _lacking(keys: Sequence[str]) -> list[Clause]:
    """No object, or an object that lacks one of the keys."""
    lacking = [
        Clause(types=frozenset({"object"}), forbidden=frozenset({key})) for key in keys
    ]
    return [Clause(types=TYPES - {"object"}), *lacking]


def _product(left: list[Clause], right: list[Clause]) -> list[Clause]:
    """Both disjunctions at once, without the alternatives that no value can meet."""
    result = []
    for a, b in itertools.product(left, right):
        types = a.types & b.types
        required, forbidden = a.required | b.required, a.forbidden | b.forbidden
        if required & forbidden:
            types -= {"object"}
        if types and not a.excludes(b):
            clause = Clause(
                types=types,
                atoms=a.atoms + tuple(x for x in b.atoms if x not in a.atoms),
                required=required,
                forbidden=forbidden,
                chosen=a.chosen | b.chosen,
            )
            if clause not in result:
                result.append(clause)
    return result
