"""Decide whether a value satisfies a JSON Schema.

The schema is in the words that the compiler reads: `$ref` holds a JSON pointer, and
`dependencies` stands for its later forms.  Numbers are compared exactly, as the
decimals that their JSON texts name.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

from ..documents.json_text import Json
from .pointers import resolve

__all__ = ["Validator", "type_of"]

Evaluated = set[Any]
"""Keys, or indices of items, that a schema has looked at."""

_NAMES = {type(None): "null", bool: "boolean", str: "string"} | {
    list: "array",
    dict: "object",
}


def type_of(value: Json) -> str:
    """The JSON type of a value."""
    return _NAMES.get(type(value), "number")


class Validator:
    """Validates against the parts of one schema."""

    def __init__(
        self, schema: Any, matches: Callable[[str, str], bool], *, draft: int
    ) -> None:
        """Take a schema.

        Args:
            schema: well-formed, with references that lead somewhere.
            matches: whether a pattern of the schema matches in a text.
            draft: 4, 6, 7, 2019 or 2020.
        """
        self._schema = schema
        self._matches = matches
        self._draft = draft

    def allows(self, pointer: str, value: Json) -> bool:
        """Whether a value satisfies the schema at a JSON pointer."""
        return self._judge(resolve(self._schema, pointer), value) is not None

    def _judge(self, part: Any, value: Json) -> Evaluated | None:
        """What a schema evaluates of a valid value; None for an invalid one."""
        if isinstance(part, bool):
            return set() if part else None
        if self._draft < 2019 and "$ref" in part:  # its siblings are ignored
            return self._judge(self._target(part), value)
        if not self._has_type(part, value) or not _is_listed(part, value):
            return None
        if not self._scalar_holds(part, value):
            return None
        seen: Evaluated = set()
        judges: list[Callable[[dict[str, Any], Any, Evaluated], bool]] = []
        judges.append(self._combined)
        if isinstance(value, dict):
            judges += [self._keys, self._pairs]
        if isinstance(value, list):
            judges += [self._items, self._contained]
        judges.append(self._unevaluated)
        holds = all(judge(part, value, seen) for judge in judges)
        return seen if holds else None

    def _target(self, part: dict[str, Any]) -> Any:
        return resolve(self._schema, unquote(part["$ref"][1:]))

    # -- scalars -----------------------------------------------------------------------

    def _has_type(self, part: dict[str, Any], value: Json) -> bool:
        named = part.get("type")
        if named is None:
            return True
        names = [named] if isinstance(named, str) else named
        found = type_of(value)
        return found in names or (
            found == "number" and "integer" in names and self._is_integer(value)
        )

    def _is_integer(self, value: Any) -> bool:
        return isinstance(value, int) or (self._draft != 4 and value == int(value))

    def _scalar_holds(self, part: dict[str, Any], value: Any) -> bool:
        if isinstance(value, str):
            least, most = part.get("minLength", 0), part.get("maxLength", len(value))
            pattern = part.get("pattern")
            return least <= len(value) <= most and (
                pattern is None or self._matches(pattern, value)
            )
        if type_of(value) == "number":
            return _is_within(part, _exact(value))
        if isinstance(value, list):
            least, most = part.get("minItems", 0), part.get("maxItems", len(value))
            unique = not part.get("uniqueItems") or _differ(value)
            return least <= len(value) <= most and unique
        if isinstance(value, dict):
            least = part.get("minProperties", 0)
            most = part.get("maxProperties", len(value))
            return least <= len(value) <= most and value.keys() >= set(
                part.get("required", ())
            )
        return True

    # -- combinators -------------------------------------------------------------------

    def _combined(self, part: dict[str, Any], value: Json, seen: Evaluated) -> bool:
        for other in self._conjuncts(part, value):
            found = self._judge(other, value)
            if found is None:
                return False
            seen |= found
        for keyword in ("anyOf", "oneOf"):
            if keyword in part:
                judged = [self._judge(other, value) for other in part[keyword]]
                valid = [found for found in judged if found is not None]
                if not valid or (keyword == "oneOf" and len(valid) > 1):
                    return False
                seen.update(*valid)
        if "not" in part and self._judge(part["not"], value) is not None:
            return False
        if "if" not in part:
            return True
        found = self._judge(part["if"], value)
        seen |= found or set()
        following = part.get("else" if found is None else "then", True)
        found = self._judge(following, value)
        seen |= found or set()
        return found is not None

    def _conjuncts(self, part: dict[str, Any], value: Json) -> Iterator[Any]:
        """The schemas that must hold, too, at the same place."""
        if "$ref" in part:
            yield self._target(part)
        yield from part.get("allOf", ())
        if isinstance(value, dict):
            for key, needed in part.get("dependencies", {}).items():
                if key in value:
                    is_list = isinstance(needed, list)
                    yield {"required": needed} if is_list else needed

    # -- objects -----------------------------------------------------------------------

    def _keys(self, part: dict[str, Any], value: Any, seen: Evaluated) -> bool:
        names = part.get("propertyNames", True)
        return all(self._judge(names, key) is not None for key in value)

    def _pairs(self, part: dict[str, Any], value: Any, seen: Evaluated) -> bool:
        properties = part.get("properties", {})
        patterns = part.get("patternProperties", {})
        for key, item in value.items():
            rules = [properties[key]] if key in properties else []
            rules += [
                patterns[pattern] for pattern in patterns if self._matches(pattern, key)
            ]
            if not rules and "additionalProperties" in part:
                rules.append(part["additionalProperties"])
            if any(self._judge(rule, item) is None for rule in rules):
                return False
            if rules:
                seen.add(key)
        return True

    # -- arrays ------------------------------------------------------------------------

    def _items(self, part: dict[str, Any], value: Any, seen: Evaluated) -> bool:
        first, rest = part.get("prefixItems"), part.get("items")
        if first is None and isinstance(rest, list):
            first, rest = rest, part.get("additionalItems")
        for index, item in enumerate(value):
            rule = first[index] if first and index < len(first) else rest
            if rule is not None:
                if self._judge(rule, item) is None:
                    return False
                seen.add(index)
        return True

    def _contained(self, part: dict[str, Any], value: Any, seen: Evaluated) -> bool:
        if "contains" not in part:
            return True
        rule = part["contains"]
        found = {i for i, v in enumerate(value) if self._judge(rule, v) is not None}
        if self._draft == 2020:
            seen |= found
        least, most = part.get("minContains", 1), part.get("maxContains", len(value))
        return bool(least <= len(found) <= most)

    def _unevaluated(self, part: dict[str, Any], value: Any, seen: Evaluated) -> bool:
        name = "Properties" if isinstance(value, dict) else "Items"
        is_container = isinstance(value, dict | list)
        rule = part.get(f"unevaluated{name}") if is_container else None
        if rule is None:
            return True
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for place, item in pairs:
            if place not in seen and self._judge(rule, item) is None:
                return False
        seen.update(value if isinstance(value, dict) else range(len(value)))
        return True


def _exact(number: Any) -> Fraction:
    """The decimal that a number's JSON text names."""
    return Fraction(number if isinstance(number, int) else repr(number))


def _is_within(part: dict[str, Any], number: Fraction) -> bool:
    divisor = part.get("multipleOf")
    return (
        ("minimum" not in part or number >= _exact(part["minimum"]))
        and ("maximum" not in part or number <= _exact(part["maximum"]))
        and (
            "exclusiveMinimum" not in part or number > _exact(part["exclusiveMinimum"])
        )
        and (
            "exclusiveMaximum" not in part or number < _exact(part["exclusiveMaximum"])
        )
        and (divisor is None or number % _exact(divisor) == 0)
    )


def _is_listed(part: dict[str, Any], value: Json) -> bool:
    if "const" in part and _identity(part["const"]) != _identity(value):
        return False
    return "enum" not in part or _identity(value) in map(_identity, part["enum"])


def _differ(items: list[Json]) -> bool:
    return len(set(map(_identity, items))) == len(items)


def _identity(value: Json) -> Any:
    """Equal exactly for equal JSON values: 1 is 1.0, and neither is true."""
    if isinstance(value, list):
        return "array", tuple(map(_identity, value))
    if isinstance(value, dict):
        return "object", frozenset((k, _identity(v)) for k, v in value.items())
    return type_of(value), value
