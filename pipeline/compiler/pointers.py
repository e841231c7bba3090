"""JSON pointers (RFC 6901) into a schema, and the references that name them."""

from typing import Any
from urllib.parse import unquote

from ...data.errors import SchemaError
from ...data.schema import quoted, resolve

__all__ = ["quoted", "resolve", "target_of"]


def target_of(schema: Any, reference: str, pointer: str) -> str:
    """The JSON pointer that a `$ref` at `pointer` refers to."""
    if reference != "#" and not reference.startswith("#/"):
        raise SchemaError(f"{pointer}/$ref: {reference!r} leaves the schema")
    target = unquote(reference[1:])
    try:
        resolve(schema, target)
    except (LookupError, TypeError, ValueError):
        raise SchemaError(f"{pointer}/$ref: nothing at {reference!r}") from None
    return target
