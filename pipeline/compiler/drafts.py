"""Check the shape of a JSON Schema, and spell it as draft-07 does.

Every draft since the fourth says the same in slightly different words, so the rest of
the compiler knows one spelling.  Keywords that no draft defines are annotations (JSON
Schema Core 2020-12, section 6.5) and stay where they are, since a `$ref` may point
into them.
"""

import re
from collections.abc import Callable
from typing import Any

from ...data.errors import SchemaError
from ...data.files import canonical_json
from .pointers import quoted
from .references import as_pointers

__all__ = ["APPLICATORS", "as_draft_07", "draft_of", "is_same_draft", "named_draft"]

# A schema may lie deeper than Python calls functions.
_MAX_DEPTH = 400

_DRAFT = re.compile(r"json-schema\.org/draft[-/](0?[467]|2019|2020)\b")

_Check = Callable[[Any], bool]


def _is_size(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict | bool)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_schemas(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_schema, value))


def _is_map(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_schema, value.values()))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_SIZE: tuple[_Check, str] = _is_size, "a whole number of at least 0"
_NUMBER: tuple[_Check, str] = _is_number, "a number"
_SCHEMA: tuple[_Check, str] = _is_schema, "a schema: an object, true or false"
_SCHEMAS: tuple[_Check, str] = _is_schemas, "an array of one schema or more"
_MAP: tuple[_Check, str] = _is_map, "an object whose values are schemas"
_TEXT: tuple[_Check, str] = _is_text, "a string"

_SHAPES: dict[str, tuple[_Check, str]] = {
    "type": (lambda v: _is_text(v) or (_is_names(v) and bool(v)), "a type or types"),
    "enum": (_is_list, "an array"),
    "required": (_is_names, "an array of strings"),
    "$ref": _TEXT,
    "pattern": _TEXT,
    **dict.fromkeys(("minimum", "maximum"), _NUMBER),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), _NUMBER),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _SIZE),
    **dict.fromkeys(("minProperties", "maxProperties"), _SIZE),
    **dict.fromkeys(("not", "additionalProperties", "contains"), _SCHEMA),
    **dict.fromkeys(("if", "then", "else", "propertyNames"), _SCHEMA),
    **dict.fromkeys(("additionalItems", "unevaluatedItems"), _SCHEMA),
    "unevaluatedProperties": _SCHEMA,
    "prefixItems": _SCHEMAS,
    **dict.fromkeys(("minContains", "maxContains"), _SIZE),
    "uniqueItems": (lambda v: isinstance(v, bool), "true or false"),
    "multipleOf": (lambda v: _is_number(v) and v > 0, "a number above 0"),
    "items": (lambda v: _is_schema(v) or _is_list(v), "a schema"),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), _SCHEMAS),
    **dict.fromkeys(("properties", "patternProperties"), _MAP),
    **dict.fromkeys(("definitions", "$defs"), _MAP),
    "dependencies": (
        lambda v: (
            isinstance(v, dict)
            and all(_is_schema(item) or _is_names(item) for item in v.values())
        ),
        "an object whose values are schemas or arrays of strings",
    ),
}
"""By keyword: whether a value has its shape, and that shape in words."""

_BELOW = (
    *("not", "if", "then", "else", "items", "additionalItems", "contains"),
    *("additionalProperties", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties"),
)
_BELOW_EACH = (
    *("allOf", "anyOf", "oneOf", "properties", "patternProperties", "prefixItems"),
    *("definitions", "$defs", "dependencies", "dependentSchemas"),
)
APPLICATORS = (*_BELOW, *_BELOW_EACH)
"""Keywords that hold schemas."""

_SINCE = {
    **dict.fromkeys(("const", "contains", "propertyNames"), 6),
    **dict.fromkeys(("if", "then", "else"), 7),
    **dict.fromkeys(("dependentRequired", "dependentSchemas"), 2019),
    **dict.fromkeys(("minContains", "maxContains"), 2019),
    **dict.fromkeys(("unevaluatedItems", "unevaluatedProperties"), 2019),
    "prefixItems": 2020,
}
"""The first draft that knows a keyword; in older ones it is an annotation."""


def draft_of(schema: dict[str, Any]) -> int:
    """The draft that `$schema` names: 4, 6, 7, 2019 or 2020; 7 for any other."""
    return named_draft(schema) or 7


def is_same_draft(part: dict[str, Any], whole: dict[str, Any]) -> bool:
    """Whether a schema means the same inside another one.

    Drafts 6 and 7 differ in `if` alone, and a schema that names no draft has that of
    the other one.
    """
    inner, outer = named_draft(part), named_draft(whole)
    if inner in (None, outer):
        return True
    return {inner, outer} == {6, 7} and not _has_key(part, "if")


def _has_key(value: Any, key: str) -> bool:
    """Whether an object somewhere inside has a key."""
    if isinstance(value, dict):
        return key in value or any(_has_key(item, key) for item in value.values())
    return isinstance(value, list) and any(_has_key(item, key) for item in value)


def named_draft(schema: dict[str, Any]) -> int | None:
    """The draft that `$schema` names; None if it names no known one."""
    named = _DRAFT.search(str(schema.get("$schema", "")))
    return int(named[1]) if named else None


def as_draft_07(schema: dict[str, Any]) -> dict[str, Any]:
    """A copy in the words of draft-07, with what later drafts have added.

    A boolean `exclusiveMinimum` (draft-04) takes the number of its `minimum`;
    `dependentRequired` and `dependentSchemas` (2019-09) are `dependencies` again, and
    `$ref` with siblings is one part of `allOf`.  References are pointers.  If `$schema`
    names a draft, keywords that it does not know are dropped; else all apply.

    Raises:
        SchemaError: a keyword has a value of the wrong shape; the message names the
            JSON pointer.
    """
    draft = named_draft(schema)
    spelled = _spelled(schema, draft, "")
    return as_pointers(
        spelled, draft or 7, APPLICATORS, lambda part, at: _spelled(part, draft, at)
    )


def _spelled(schema: Any, draft: int | None, pointer: str) -> Any:
    if not isinstance(schema, dict):
        return schema
    if pointer.count("/") > _MAX_DEPTH:
        raise SchemaError(f"{pointer}: nested too deep")
    known = draft or 2020
    part = {k: v for k, v in schema.items() if _SINCE.get(k, 0) <= known}
    if known >= 2019 and draft and "$ref" in part and len(part) > 1:
        _check("allOf", "allOf", part.get("allOf", [True]), pointer)
        part["allOf"] = [*part.get("allOf", ()), {"$ref": part.pop("$ref")}]
    for exclusive, inclusive in (
        ("exclusiveMinimum", "minimum"),
        ("exclusiveMaximum", "maximum"),
    ):
        if isinstance(part.get(exclusive), bool):
            is_exclusive = part.pop(exclusive)
            if is_exclusive and inclusive in part:
                part[exclusive] = part.pop(inclusive)
    for keyword in ("dependentRequired", "dependentSchemas"):
        if keyword in part:
            found = part.pop(keyword)
            _check(keyword, "dependencies", found, pointer)
            part["dependencies"] = _joined(part.get("dependencies", {}), found, pointer)
    for keyword in _SHAPES.keys() & part.keys():
        _check(keyword, keyword, part[keyword], pointer)
    for keyword in ("const", "enum"):
        if keyword in part:
            _spell_out(part, keyword)
    for keyword in _BELOW:
        if keyword in part:
            where = f"{pointer}/{keyword}"
            below = _each if isinstance(part[keyword], list) else _spelled
            part[keyword] = below(part[keyword], draft, where)
    for keyword in _BELOW_EACH:
        if keyword in part:
            part[keyword] = _each(part[keyword], draft, f"{pointer}/{keyword}")
    return part


def _spell_out(part: dict[str, Any], keyword: str) -> None:
    """Describe listed objects, and arrays of equal items, by plain keywords."""
    listed = part[keyword] if keyword == "enum" else [part[keyword]]
    shapes = [shape for value in listed if (shape := _shape(value)) is not None]
    if shapes:
        del part[keyword]
        others = [value for value in listed if _shape(value) is None]
        alternatives = [*shapes, *([{"enum": others}] if others else [])]
        part["allOf"] = [*part.get("allOf", ()), {"anyOf": alternatives}]


def _shape(value: Any) -> dict[str, Any] | None:
    """A schema of an object or of an array of equal items; None for other values."""
    if isinstance(value, dict):
        return {
            "type": "object",
            "properties": {k: _shape(v) or {"enum": [v]} for k, v in value.items()},
            "required": list(value),
            "additionalProperties": False,
        }
    if isinstance(value, list) and len({canonical_json(item) for item in value}) < 2:
        items = _shape(value[0]) or {"enum": value[:1]} if value else True
        counts = {"minItems": len(value), "maxItems": len(value)}
        return {"type": "array", "items": items, **counts}
    return None


def _check(keyword: str, shape: str, value: Any, pointer: str) -> None:
    is_fit, expected = _SHAPES[shape]
    if not is_fit(value):
        found = repr(value)
        found = found if len(found) <= 40 else f"{found[:40]}…"
        raise SchemaError(f"{pointer}/{keyword}: found {found}, expected {expected}")


def _each(parts: Any, draft: int | None, pointer: str) -> Any:
    if isinstance(parts, list):
        return [_spelled(p, draft, f"{pointer}/{i}") for i, p in enumerate(parts)]
    return {k: _spelled(p, draft, f"{pointer}/{quoted(k)}") for k, p in parts.items()}


def _joined(one: Any, other: dict[str, Any], pointer: str) -> dict[str, Any]:
    if shared := sorted(one.keys() & other.keys()):
        where = f"{pointer}/dependencies"
        raise SchemaError(f"{where}: names {shared[0]!r} a second time, in other words")
    return {**one, **other}
