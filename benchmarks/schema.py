"""The workflow schema, and the changes that engines need in it or in documents."""

from typing import Any

from tct.data.documents.json_text import Json
from tct.pipeline.workflow_schema import workflow_schema

SCHEMA = workflow_schema()


def newlines_escaped(part: Any) -> Any:
    """The same schema, newlines inside patterns written as escapes."""
    if isinstance(part, list):
        return [newlines_escaped(item) for item in part]
    if not isinstance(part, dict):
        return part
    changed = {key: newlines_escaped(value) for key, value in part.items()}
    if isinstance(pattern := part.get("pattern"), str):
        changed["pattern"] = pattern.replace("\r", r"\r").replace("\n", r"\n")
    return changed


def in_schema_order(value: Json, parts: list[Any]) -> Json:
    """`value` with its keys in the order in which `parts` of the schema list them."""
    parts = [found for part in parts for found in alternatives(part)]
    if isinstance(value, list):
        items = [part["items"] for part in parts if isinstance(part.get("items"), dict)]
        return [in_schema_order(item, items) for item in value]
    if not isinstance(value, dict):
        return value
    listed = dict.fromkeys(key for part in parts for key in part.get("properties", {}))
    rank = {key: number for number, key in enumerate(listed)}
    return {
        key: in_schema_order(
            value[key], [child for part in parts for child in below(part, key)]
        )
        for key in sorted(value, key=lambda key: rank.get(key, len(rank)))
    }


def alternatives(part: Any) -> list[dict[str, Any]]:
    """A part of the schema and everything it refers to at the same value."""
    if not isinstance(part, dict):
        return []
    inner = (
        [SCHEMA["definitions"][part["$ref"].rsplit("/")[-1]]] if "$ref" in part else []
    )
    for keyword in ("allOf", "anyOf", "oneOf"):
        inner += part.get(keyword, [])
    return [part, *(found for other in inner for found in alternatives(other))]


def below(part: dict[str, Any], key: str) -> list[Any]:
    """The schema that a part gives for the value of a key."""
    if key in part.get("properties", {}):
        return [part["properties"][key]]
    return [
        *part.get("patternProperties", {}).values(),
        part.get("additionalProperties"),
    ]
