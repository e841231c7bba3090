"""Parse one text, YAML 1.2 core or JSON, into one document, strictly.

Anything but exactly one JSON object is rejected with a named reason, so a document
never means something else here than to its author.
"""

import json
from pathlib import Path

from ..errors import SourceError
from ..files import open_regular
from .json_text import MAX_DEPTH, Json
from .rejects import MAX_NODES, RejectedError
from .yaml_reader import parse_yaml
from .yaml_scalars import bounded_integer, finite_float

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "READING_VERSION",
    "parse_document",
    "read_document",
]

MAX_DOCUMENT_BYTES = 1 << 20

_SPACE = " \t\r\n"

READING_VERSION = 2
"""Incremented when some text parses to a different document or reject than before.

Part of the cache key of a store."""


def parse_document(source: bytes) -> dict[str, Json]:
    """Parse a YAML or JSON text that holds one JSON object.

    Args:
        source: the bytes of one file or record.

    Raises:
        RejectedError: `source` is not exactly one JSON object.
    """
    if len(source) > MAX_DOCUMENT_BYTES:
        message = f"{len(source):,} bytes, at most {MAX_DOCUMENT_BYTES:,}"
        raise RejectedError("too_large", message)
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RejectedError("not_utf8", str(error)) from error
    if not text.strip(_SPACE):
        raise RejectedError("empty", "no text")
    # JSON is not quite a subset of YAML (tabs, surrogate escapes), so try JSON first.
    value = _parse_json(text) if text.lstrip(_SPACE).startswith("{") else None
    if value is None:
        value = parse_yaml(text)
    if not isinstance(value, dict):
        raise RejectedError("not_an_object", f"the root is {_kind(value)}")
    return value


def read_document(path: Path) -> dict[str, Json]:
    """Parse a YAML or JSON file that holds one JSON object.

    Raises:
        SourceError: the file is missing, is not a regular file, or is not exactly one
            JSON object.
    """
    if not path.exists() or path.is_dir():
        found = "found a folder" if path.is_dir() else "not found"
        raise SourceError(f"{path}: {found}", "give a YAML or JSON file")
    with open_regular(path) as file:
        source = file.read(MAX_DOCUMENT_BYTES + 1)
    try:
        if len(source) > MAX_DOCUMENT_BYTES:
            message = f"more than {MAX_DOCUMENT_BYTES:,} bytes"
            raise RejectedError("too_large", message)
        return parse_document(source)
    except RejectedError as problem:
        raise SourceError(
            f"{path}: {problem}", "give a file that holds one YAML or JSON object"
        ) from problem


def _kind(value: Json) -> str:
    names = {list: "an array", str: "a string", type(None): "null", bool: "a boolean"}
    return names.get(type(value), "a number")


# -- JSON ------------------------------------------------------------------------------


def _parse_json(text: str) -> Json:
    """The value of a JSON text; None if it is not JSON."""
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=_unique_pairs,
            parse_constant=_refuse_constant,
            parse_float=finite_float,
            parse_int=bounded_integer,
        )
    except json.JSONDecodeError:
        return None
    except RecursionError as error:
        raise RejectedError("too_deep", f"nested deeper than {MAX_DEPTH}") from error
    _check_size(value)
    return value


def _unique_pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise RejectedError("duplicate_key", repr(key[:100]))
            seen.add(key)
    return result


def _refuse_constant(name: str) -> Json:
    raise RejectedError("bad_number", f"{name} is not a JSON number")


def _check_size(value: Json) -> None:
    """Check the bounds on depth and values, level by level, without recursion."""
    level, depth, nodes = [value], 0, 1
    while level := [item for item in level if isinstance(item, list | dict)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise RejectedError("too_deep", f"nested deeper than {MAX_DEPTH}")
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        nodes += len(level)
        if nodes > MAX_NODES:
            raise RejectedError("too_many_nodes", f"more than {MAX_NODES:,} values")
