"""Canonical JSON text: minified, UTF-8, keys in document order.

A document's size and id are those of its canonical text.  Numbers are written as
Python writes them (integers in full, floats in the shortest form that reads back), so
1 and 1.0 stay different.  Lone surrogates, which UTF-8 cannot hold, are escaped.
"""

import json
import re
from typing import TypeAlias

from ..native import core

__all__ = ["MAX_DEPTH", "Json", "canonical_bytes", "dump", "is_number", "quote"]

MAX_DEPTH = 128
"""Deepest nesting of arrays and objects; the root is at depth 1."""

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False
).encode
_MAX_NUMBER_CHARACTERS = 4300  # Python reads no longer integer
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def canonical_bytes(value: Json) -> bytes:
    """The canonical JSON text of `value`, as UTF-8."""
    found = NotImplemented if core is None else core.canonical_bytes(value)
    return dump(value).encode() if found is NotImplemented else bytes(found)


def dump(value: Json, *, indent: int | None = None) -> str:
    """The canonical text; with `indent`, readable, with this many spaces per level."""
    if indent is None:
        return _escape_surrogates(_encode(value))
    return _escape_surrogates(json.dumps(value, indent=indent, ensure_ascii=False))


def quote(text: str) -> str:
    """`text` as a JSON string, quotes included."""
    return _escape_surrogates(_encode(text))


def _escape_surrogates(text: str) -> str:
    if text.isascii():
        return text
    return _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def is_number(text: str) -> bool:
    """Whether Python reads a JSON number from `text`, and a finite one."""
    match = _NUMBER.fullmatch(text)
    if match is None or len(text.removeprefix("-")) > _MAX_NUMBER_CHARACTERS:
        return False
    is_float = match[2] or match[3]
    return not is_float or abs(float(text)) < float("inf")
