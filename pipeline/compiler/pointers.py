"""JSON pointers (RFC 6901) into a schema, and the references that name them."""

from typing import Any
from urllib.parse import unquote

from ...data.errors import SchemaError

__all__ = ["quoted", "resolve", "target_of"]


def quoted(key: str) -> str:
    """Escape a key for a JSON pointer (RFC 6901, section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def resolve(schema: Any, pointer: str) -> Any:
    """The part of `schema` at a JSON pointer such as ``/definitions/step``."""
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        schema = schema[int(part) if isinstance(schema, list) else part]
    return schema


def target_of(schema: Any, reference: str, pointer: str) -> str:
    """The JSON pointer that a `$ref` at `pointer` refers to."""
    if reference != "#" and not reference.startswith("#/"):
        raise SchemaError(f"{pointer}/$ref: {reference!r} leaves the schema")
    if _has_own_id(schema, pointer):
        raise SchemaError(f"{pointer}/$ref: below a schema with an $id of its own")
    target = unquote(reference[1:])
    try:
        resolve(schema, target)
    except (LookupError, TypeError, ValueError):
        raise SchemaError(f"{pointer}/$ref: nothing at {reference!r}") from None
    return target


def _has_own_id(schema: Any, pointer: str) -> bool:
    """Whether references at a pointer start from a schema below the root."""
    place = schema
    for part in pointer.split("/")[1:]:
        place = resolve(place, f"/{part}")
        if isinstance(place, dict):
            names = place.get("$id"), place.get("id")
            if any(isinstance(n, str) and not n.startswith("#") for n in names):
                return True
    return False
