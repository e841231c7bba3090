"""The schemas that come with check-jsonschema, which tct depends on, by their names."""

import json
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ..data.errors import SourceError
from ..data.files import name_text
from .schema_file import read_schema

__all__ = ["open_schema", "read_vendored", "shipped_names"]

_WORKFLOWS = "github-workflows"
"""Left out: without --schema documents are workflows, with more than their schema."""


def shipped_names() -> tuple[str, ...]:
    """The names of all schemas, such as `compose-spec`."""
    files = (Path(file.name) for file in _folder().iterdir())
    names = {file.stem for file in files if file.suffix == ".json"}
    return tuple(sorted(names - {_WORKFLOWS}))


def open_schema(named: Path) -> dict[str, Any]:
    """Read a schema: a file, or one that ships.

    Args:
        named: a path; a name without a suffix is that of a schema that ships, unless
            there is such a file.

    Raises:
        SourceError: there is neither, or the file holds something else.
        SchemaError: a file that it refers to is of another draft.
    """
    if named.exists() or named.suffix or len(named.parts) > 1:
        return read_schema(named)
    name = name_text(named.name)
    if name not in shipped_names():
        raise SourceError(
            f"{name}: found neither a file nor a schema of that name",
            f"give a file, or one of {', '.join(shipped_names())}",
        )
    return read_vendored(name)


def read_vendored(name: str) -> dict[str, Any]:
    """Read a schema of check-jsonschema."""
    return dict(json.loads((_folder() / f"{name}.json").read_bytes()))


def _folder() -> Traversable:
    # Only when it is needed: this imports check-jsonschema.
    return resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
