"""JSON pointers (RFC 6901) into a schema."""

from typing import Any

__all__ = ["quoted", "resolve"]


def quoted(key: str) -> str:
    """Escape a key for a JSON pointer (RFC 6901, section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def resolve(schema: Any, pointer: str) -> Any:
    """The part of `schema` at a JSON pointer such as ``/definitions/step``."""
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        schema = schema[int(part) if isinstance(schema, list) else part]
    return schema
