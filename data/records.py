"""JSON with its own sha256, checked for damage and for types before it is used.

    {"format": "tct-checkpoint", "version": 4, …, "sha256": "…"}

The sha256 is that of the canonical JSON of everything else, so any flipped digit is
found.  It guards against damage, not against somebody who forges a record: `typed`
checks the types of the content as well.
"""

import dataclasses
import hashlib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from .errors import CorruptError
from .files import canonical_json, check_format, read_json, write_json

__all__ = [
    "RUN_VERSION",
    "read_record",
    "signed",
    "signed_right",
    "typed",
    "write_record",
]

_T = TypeVar("_T")
_SHA256 = "sha256"

RUN_VERSION = 1
"""Version of RUN/config.json."""

# Formats and versions from before records had a sha256; all others must have one.
_UNSIGNED: Mapping[str, tuple[str | None, int | None]] = {
    "store": ("tct-store", 2),  # its digest covers all but facts of the run
    "report": (None, None),
    "checkpoint": ("tct-checkpoint", 3),
    "run": (None, None),
    "export": ("tct-export", 1),
    "evaluation": ("tct-evaluation", 1),
}


def signed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Add the sha256 of its canonical JSON to `content`."""
    digest = hashlib.sha256(canonical_json(content)).hexdigest()
    return {**content, _SHA256: digest}


def signed_right(record: Mapping[str, Any]) -> bool:
    """Whether the sha256 of a record is that of its content."""
    content = {name: value for name, value in record.items() if name != _SHA256}
    return bool(signed(content)[_SHA256] == record.get(_SHA256))


def write_record(
    path: Path, content: Mapping[str, Any], *, name: str, version: int
) -> None:
    """Write `content` with its format, version and sha256 as JSON, atomically."""
    write_json(path, signed({"format": f"tct-{name}", "version": version, **content}))


def read_record(path: Path, *, name: str, version: int, remake: str) -> dict[str, Any]:
    """Read a record that `write_record` wrote.

    Args:
        path: the file.
        name: the format, without `tct-`.
        version: the version of the format.
        remake: what the user should do about another version.

    Raises:
        FormatError: another format or version, or no JSON object.
        CorruptError: not valid JSON, or a sha256 that does not fit the content.
    """
    record = read_json(path)
    kind = record.get("format"), record.get("version")
    if _SHA256 not in record and _UNSIGNED.get(name) == kind:
        return record
    check_format(record, path, name=name, version=version, remake=remake)
    if not signed_right(record):
        raise CorruptError(
            f"{path}: its content does not have the sha256 it records",
            f"restore it, or {remake}",
        )
    del record[_SHA256]
    return record


def typed(hint: type[_T], value: Any, where: str) -> _T:
    """Convert a JSON value to a type: a dataclass, a TypedDict or a type used in one.

    Integers pass for floats; nothing else is converted.  A dataclass takes no keys but
    its fields; a TypedDict may have more.

    Raises:
        ValueError: names `where`, what was found and what was expected.
    """
    return typing.cast("_T", _typed(hint, value, where))


def _typed(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is Literal:
        if value not in arguments:
            _refuse(where, value, " or ".join(map(str, arguments)))
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and types.NoneType in arguments:
            return None
        is_list = type(value) is list  # the only other choice there is
        lists = [each for each in arguments if typing.get_origin(each) is tuple]
        return _typed(lists[0] if is_list and lists else arguments[0], value, where)
    if origin is tuple:
        return _typed_tuple(arguments, value, where)
    if origin in (list, dict) and type(value) is origin:
        return _typed_items(arguments[-1], value, where)
    if dataclasses.is_dataclass(hint) or typing.is_typeddict(hint):
        return _typed_fields(hint, value, where)
    if hint is float and type(value) in (int, float):
        return float(value)
    if type(value) is not hint:
        _refuse(where, value, getattr(hint, "__name__", str(hint)))
    return value


def _typed_tuple(arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    if type(value) is not list:
        _refuse(where, value, "list")
    if arguments[-1] is ...:
        return tuple(_typed_items(arguments[0], value, where))
    if len(value) != len(arguments):
        _refuse(where, value, f"{len(arguments)} items")
    pairs = enumerate(zip(arguments, value, strict=True))
    return tuple(_typed(hint, item, f"{where}.{at}") for at, (hint, item) in pairs)


def _typed_items(hint: Any, value: Any, where: str) -> Any:
    items = value.values() if isinstance(value, dict) else value
    if hint in (int, str) and {type(item) for item in items} == {hint}:
        return value  # a tokenizer has thousands: check them together
    if isinstance(value, dict):
        return {k: _typed(hint, item, f"{where}.{k}") for k, item in value.items()}
    return [_typed(hint, item, f"{where}.{at}") for at, item in enumerate(value)]


def _typed_fields(kind: Any, value: Any, where: str) -> Any:
    if type(value) is not dict:
        _refuse(where, value, "dict")
    is_open = typing.is_typeddict(kind)
    hints, needed = typing.get_type_hints(kind), getattr(kind, "__required_keys__", ())
    if not is_open:
        fields = dataclasses.fields(kind)
        hints = {field.name: hints[field.name] for field in fields}
        needed = {field.name for field in fields if _is_needed(field)}
    for name in value:
        if name not in hints and not is_open:
            raise ValueError(f"{where}.{name[:40]!a}: no such field")
    for name in hints:
        if name in needed and name not in value:
            raise ValueError(f"{where}.{name}: missing")
    found = {
        name: _typed(hint, value[name], f"{where}.{name}")
        for name, hint in hints.items()
        if name in value
    }
    return {**value, **found} if is_open else kind(**found)


def _is_needed(field: "dataclasses.Field[Any]") -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _refuse(where: str, found: Any, expected: str) -> typing.NoReturn:
    shown = repr(found)
    shown = shown if len(shown) <= 40 else f"{shown[:40]}…"
    raise ValueError(f"{where}: found {shown}, expected {expected}")
