"""Rewrite a JSON Schema as a disjunction of clauses.

Combinators (`$ref`, `allOf`, `anyOf`, `oneOf`, `not`, `if`, `dependencies`) are
multiplied out until a schema is a list of alternatives with plain keywords only: the
`Clause`s that `schema.py` turns into grammar nodes.

A clause may allow more than the schema does.  Then it has a `Doubt`: values of that
type are checked when a document is encoded, and masks leave them out or narrow them.

`$ref` with siblings is read as `allOf` of both.  Drafts before 2019-09 ignore the
siblings, but a grammar may be narrower than its schema, never wider.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ...data.errors import SchemaError
from .clauses import (
    MAX_CLAUSES,
    NO_OBJECT,
    TYPES,
    Clause,
    few,
    lacking,
    product,
    types_of,
)
from .doubts import Doubt, doubts_of
from .pointers import quoted, resolve, target_of

__all__ = ["UNSUPPORTED", "expand", "has_siblings", "siblings_of_ref"]

# Those that `keywords.py` reads.
_PLAIN = {
    *("type", "enum", "const", "pattern", "minLength", "maxLength"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("items", "minItems", "maxItems", "properties", "patternProperties"),
    *("additionalProperties", "required", "minProperties", "maxProperties"),
    *("prefixItems", "additionalItems", "contains", "minContains", "maxContains"),
    *("uniqueItems", "multipleOf", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties"),
}
# Keywords of a draft that restrict values; those that no draft knows are annotations.
UNSUPPORTED = {"divisibleBy", "$dynamicRef", "$recursiveRef", "extends", "disallow"}
_COMBINATORS = {"$ref", "allOf", "anyOf", "oneOf", "not", "if", "dependencies"}
_IN_PLACE = ("not", "if", "then", "else")


def expand(schema: Any, pointers: Iterable[str]) -> list[Clause]:
    """The alternatives of a value for which all schemas at `pointers` hold.

    Raises:
        SchemaError: a keyword is not supported, or there are more than MAX_CLAUSES
            alternatives.
    """
    clauses = [Clause()]
    expansion = _Expansion(schema)
    for pointer in sorted(pointers):
        clauses = product(clauses, expansion.clauses(pointer), pointer)
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
        follow += [f"{current}/{k}" for k in _IN_PLACE if k in part]
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
    siblings = part.keys() & (_PLAIN | _COMBINATORS)
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
        if unread := UNSUPPORTED & part.keys():
            raise SchemaError(f"{pointer}/{min(unread)}: unsupported keyword")
        clauses = [Clause(types=types_of(part, pointer), atoms=(pointer,))]
        for factor in self.factors(part, pointer):
            clauses = product(clauses, factor, pointer)
        if "unevaluatedProperties" in part:
            clauses = [self.unevaluated(clause, pointer) for clause in clauses]
        return clauses

    def unevaluated(self, clause: Clause, pointer: str) -> Clause:
        """Doubt objects with other keys than those that the clause evaluates."""
        parts = [resolve(self.schema, atom) for atom in clause.atoms]
        keys = {key for part in parts for key in part.get("properties", ())}
        place = f"{pointer}/unevaluatedProperties"
        doubt = Doubt("object", place, "keys", tuple(sorted(keys)))
        return replace(clause, doubts=clause.doubts | {doubt})

    def factors(self, part: dict[str, Any], pointer: str) -> Iterator[list[Clause]]:
        """Each combinator of a schema as a disjunction."""
        if "$ref" in part:
            yield self.clauses(target_of(self.schema, part["$ref"], pointer))
        for index, _ in enumerate(part.get("allOf", ())):
            yield self.clauses(f"{pointer}/allOf/{index}")
        if "anyOf" in part:
            parts = [f"{pointer}/anyOf/{i}" for i, _ in enumerate(part["anyOf"])]
            union = (clause for p in parts for clause in self.clauses(p))
            yield few(union, f"{pointer}/anyOf")
        if "oneOf" in part:
            yield self.exactly_one(f"{pointer}/oneOf", len(part["oneOf"]))
        if "not" in part:
            negation = self.negation(f"{pointer}/not")
            yield self.denial(f"{pointer}/not") if negation is None else negation
        if "if" in part and part.keys() & {"then", "else"}:
            yield self.conditional(part, pointer)
        doubts = [*doubts_of(part, pointer), *self.doubts_of_names(part, pointer)]
        if doubts:
            yield [Clause(doubts=frozenset(doubts))]
        for key, needed in part.get("dependencies", {}).items():
            where = f"{pointer}/dependencies/{quoted(key)}"
            names = needed if isinstance(needed, list) else ()
            met = Clause(types=frozenset({"object"}), required=frozenset(names))
            implied = [Clause()] if isinstance(needed, list) else self.clauses(where)
            yield [NO_OBJECT, *lacking([key]), *product([met], implied, where)]

    def denial(self, place: str) -> list[Clause]:
        """What no schema at `place` allows, as far as that can be told by type."""
        part = resolve(self.schema, place)
        if isinstance(part, bool):
            return [] if part else [Clause()]
        if part.keys() & (_PLAIN | _COMBINATORS) == {"not"}:
            # `not` evaluates no keys, see `unevaluated`.
            doubts = frozenset({Doubt("object", place)})
            clauses = self.clauses(f"{place}/not")
            return product(clauses, [Clause(doubts=doubts)], place)
        types = self.types_at(place)
        others = [Clause(types=TYPES - types)] if types != TYPES else []
        rest = part.keys() & (_PLAIN | _COMBINATORS) - {"type"}
        if not rest and "integer" not in str(part.get("type")):
            return others
        if rest and rest <= {"enum", "const"} and "string" in types:
            words = Clause(types=frozenset({"string"}), denied=(place,))
            others, types = [*others, words], types - {"string"}
        doubts = frozenset(Doubt(name, place) for name in types)
        return [*others, Clause(types=types, doubts=doubts)] if types else others

    def types_at(self, place: str) -> frozenset[str]:
        """The types of which the schema at `place` may allow values."""
        if siblings_of_ref(self.schema, place) is not None:
            return TYPES  # it allows more than its clauses
        found = [clause.types for clause in self.clauses(place)]
        return frozenset[str]().union(*found)

    def conditional(self, part: dict[str, Any], pointer: str) -> list[Clause]:
        """`if`: what meets it and `then`, or `else` with a doubt whether it is met."""
        place = f"{pointer}/if"
        met = self.clauses(place)
        if "then" in part:
            met = product(met, self.clauses(f"{pointer}/then"), pointer)
        unmet = self.denial(place)
        if "else" in part:
            unmet = product(unmet, self.clauses(f"{pointer}/else"), pointer)
        return few([*met, *unmet], pointer)

    def doubts_of_names(self, part: dict[str, Any], pointer: str) -> Iterator[Doubt]:
        """The doubts about `propertyNames` that `objects.py` cannot resolve."""
        if "propertyNames" in part:
            place = f"{pointer}/propertyNames"
            if any(clause.doubts_about("string") for clause in self.clauses(place)):
                yield Doubt("object", place)

    def exactly_one(self, one_of: str, count: int) -> list[Clause]:
        """`oneOf`: an alternative, and none of the others if that can be expressed.

        If every alternative only requires keys, the others are excluded by forbidding
        theirs.  Otherwise each is marked, and `schema.py` removes what two share.
        """
        if count > MAX_CLAUSES:
            raise SchemaError(f"{one_of}: more than {MAX_CLAUSES} alternatives")
        places = [f"{one_of}/{index}" for index in range(count)]
        negations = [self.negation(place) for place in places]
        known = [negation for negation in negations if negation is not None]
        doubts = frozenset[Doubt]()
        if any(siblings_of_ref(self.schema, place) for place in places):
            # Narrowing an alternative widens the others.
            doubts = frozenset(Doubt(name, one_of) for name in TYPES)
        result: list[Clause] = []
        for index, place in enumerate(places):
            mark = Clause(chosen=frozenset({(one_of, index)}), doubts=doubts)
            clauses = product(self.clauses(place), [mark], place)
            # If only some can be negated, negate none: an alternative reduced by what
            # it shares with those would hide what it shares with the rest.
            if len(known) == count:
                for negation in known[:index] + known[index + 1 :]:
                    clauses = product(clauses, negation, one_of)
            result = few([*result, *clauses], one_of)
        return result

    def negation(self, pointer: str) -> list[Clause] | None:
        """The negation of a schema that only requires keys; None for any other.

        It allows objects that lack one of the keys.  Values of other types satisfy
        `required`, so it allows them only if the schema also says `type: object`.
        """
        part = resolve(self.schema, pointer)
        if not isinstance(part, dict) or not part.get("required"):
            return None
        read = _PLAIN | _COMBINATORS
        rest = part.keys() & read - {"required", "type", "properties"}
        trivial = all(p in (True, {}) for p in part.get("properties", {}).values())
        if rest or not trivial or part.get("type", "object") != "object":
            return None
        without = lacking(part["required"])
        return [NO_OBJECT, *without] if "type" in part else without
