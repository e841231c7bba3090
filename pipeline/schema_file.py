"""Read a JSON Schema from a file that somebody names."""

from pathlib import Path
from typing import Any

from ..data.documents.rejects import RejectedError
from ..data.documents.yaml_reader import parse_yaml
from ..data.errors import SourceError
from ..data.files import canonical_json, open_regular, parse_json

__all__ = ["read_schema"]

_MAX_BYTES = 16 << 20  # the largest schema of a known tool has 2 MB
_EXPECTED = "give a file that holds one JSON Schema, as JSON or YAML"


def read_schema(path: Path) -> dict[str, Any]:
    """Read a schema: JSON, or YAML if the file is named `.yaml` or `.yml`.

    Raises:
        SourceError: the file is missing, or holds something else.
    """
    if not path.exists() or path.is_dir():
        found = "found a folder" if path.is_dir() else "not found"
        raise SourceError(f"{path}: {found}", _EXPECTED)
    with open_regular(path) as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise SourceError(f"{path}: more than {_MAX_BYTES:,} bytes", _EXPECTED)
    is_yaml = path.suffix.lower() in (".yaml", ".yml")
    try:
        schema = parse_yaml(data.decode("utf-8-sig")) if is_yaml else parse_json(data)
        # What a tokenizer.json cannot hold: nesting beyond its bound, lone surrogates.
        parse_json(canonical_json({"kind": {"schema": schema}}))
    except (ValueError, RejectedError) as problem:
        raise SourceError(f"{path}: {problem}", _EXPECTED) from problem
    if not isinstance(schema, dict):
        found = type(schema).__name__
        raise SourceError(f"{path}: found a {found}, expected an object", _EXPECTED)
    return schema
