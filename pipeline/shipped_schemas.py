"""The schemas that come with check-jsonschema, which tct depends on."""

import json
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from ..data.errors import SourceError

__all__ = ["read_vendored", "shipped_names", "shipped_schema"]

_FOLDER = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
_WORKFLOWS = "github-workflows"
"""Left out: without --schema documents are workflows, with more than their schema."""


def shipped_names() -> tuple[str, ...]:
    """The names of all schemas, such as `compose-spec`."""
    names = {file.name.removesuffix(".json") for file in _FOLDER.iterdir()}
    return tuple(sorted(n for n in names - {_WORKFLOWS} if _path(n).is_file()))


def shipped_schema(name: str) -> dict[str, Any]:
    """Read a schema by its name.

    Raises:
        SourceError: there is none of this name.
    """
    if name not in shipped_names():
        raise SourceError(
            f"{name}: found neither a file nor a schema of that name",
            f"give a file, or one of {', '.join(shipped_names())}",
        )
    return read_vendored(name)


def read_vendored(name: str) -> dict[str, Any]:
    """Read a schema of check-jsonschema."""
    return dict(json.loads(_path(name).read_bytes()))


def _path(name: str) -> Traversable:
    return _FOLDER / f"{name}.json"
