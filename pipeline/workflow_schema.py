"""The official schema of GitHub Actions workflows, as check-jsonschema ships it."""

import fnmatch
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

from .compiler.pointers import quoted
from .shipped_schemas import read_vendored

__all__ = ["workflow_schema"]


def workflow_schema() -> dict[str, Any]:
    """The official workflow schema, with the overrides of `overrides.json`."""
    schema = read_vendored("github-workflows")
    overrides = resources.files(__package__) / "overrides.json"
    for override in json.loads(overrides.read_bytes()):
        for pointer, part in _walk(schema):
            if fnmatch.fnmatchcase(pointer, override["at"]):
                for keyword in override["drop"]:
                    part.pop(keyword, None)
    return schema


def _walk(part: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object inside a schema, with its JSON pointer."""
    if isinstance(part, dict):
        yield pointer, part
    items = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from _walk(value, f"{pointer}/{quoted(str(key))}")
