"""A kind as the field `kind` of a tokenizer.json.

Workflows have none, so that the tokenizers of old versions are those of workflows, with
the digests that they had.  Another kind that ships has its name; a kind of somebody's
own has its schema, too.
"""

from collections.abc import Mapping
from typing import Any, Final

from .kind import Kind, of_schema
from .workflow import WORKFLOW

__all__ = ["KINDS", "from_record", "to_record"]

KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in (WORKFLOW,)}
"""The kinds that ship, by name."""


def to_record(kind: Kind) -> dict[str, Any]:
    """The field, alone in an object; an empty one for workflows."""
    if kind is WORKFLOW:
        return {}
    if KINDS.get(kind.name) is kind:
        return {"kind": {"name": kind.name}}
    record = {"name": kind.name, "format": kind.format, "schema": kind.schema()}
    return {"kind": record}


def from_record(content: Mapping[str, Any]) -> Kind:
    """The inverse of `to_record`.

    Args:
        content: of a tokenizer.json, checked.

    Raises:
        ValueError: no kind of this name ships.
    """
    record = content.get("kind")
    if record is None:
        return WORKFLOW
    if "schema" in record:
        style = record.get("format", "yaml")
        return of_schema(record["name"], record["schema"], style)
    if record["name"] not in KINDS:
        raise ValueError(f"unknown kind {record['name'][:40]!r}")
    return KINDS[record["name"]]
