"""Put the schemas that a schema refers to inside it.

That is what JSON Schema calls a bundle (Core 2020-12, section 9.3): each schema keeps
its `$id`, so that references need not change, and the whole needs no other file.
"""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urldefrag

from ...data.errors import SchemaError
from .drafts import APPLICATORS, draft_of, is_same_draft, named_draft
from .references import id_keyword, joined, reached, targets_of

__all__ = ["Found", "bundle", "root_uri"]

_KEPT = ("$schema", "title", "description", "definitions", "$defs")


class Found(NamedTuple):
    """A schema that a reference names."""

    uri: str
    schema: Any
    where: str
    """Its name in messages."""


def bundle(
    schema: dict[str, Any], uri: str, find: Callable[[str, str], Found | None]
) -> dict[str, Any]:
    """A copy of a schema that holds what it refers to, and what that refers to.

    A reference that nothing answers stays; it is refused where it is used.

    Args:
        schema: the first one.
        uri: of it, for references that are relative to it.
        find: from the URI of a schema, and the place of a reference to it, to the
            schema; None if there is none.

    Raises:
        SchemaError: one of them is no schema, or of another draft; or something that
            should be a URI is none.
    """
    whole = copy.deepcopy(schema)
    draft = draft_of(whole)
    inside, unknown, known = {uri: whole}, set[str](), dict[str, str]()
    waiting = [("", whole)]
    while waiting:
        where, document = waiting.pop(0)
        try:
            parts = reached(document, draft, APPLICATORS, uri)
        except ValueError as error:  # urljoin
            raise SchemaError(
                f"{where}: found no URI in a $ref or $id ({error})"
            ) from error
        known |= targets_of(parts, draft)
        for pointer, base, part in parts:
            if not isinstance(part.get("$ref"), str):
                continue
            named, fragment = urldefrag(joined(base, part["$ref"]))
            if named in known or named in inside or named in unknown:
                continue
            found = find(named, f"{where}{pointer}/$ref")
            if found is None:
                unknown.add(named)
                continue
            if found.uri != named:
                part["$ref"] = f"{found.uri}#{fragment}"
            if found.uri not in inside:
                inside[found.uri] = _resource(whole, found)
                waiting.append((found.where, inside[found.uri]))
    del inside[uri]
    return _embedded(whole, uri, inside) if inside else whole


def root_uri(schema: dict[str, Any]) -> str:
    """The URI that a schema gives itself; empty if none."""
    name = schema.get(id_keyword(draft_of(schema)))
    return urldefrag(name).url if isinstance(name, str) else ""


def _resource(whole: dict[str, Any], found: Found) -> dict[str, Any]:
    """A copy of a schema, to lie inside another one."""
    if not isinstance(found.schema, dict):
        kind = type(found.schema).__name__
        raise SchemaError(f"{found.where}: found a {kind}, expected a schema")
    if not is_same_draft(found.schema, whole):
        here, there = (one.get("$schema") for one in (found.schema, whole))
        raise SchemaError(
            f"{found.where}: found $schema {here!r}, expected {there!r}, as in the "
            "schema that refers to it",
            "name the same draft in both",
        )
    resource = _named(copy.deepcopy(found.schema), found.uri, whole)
    resource.pop("$schema", None)
    return resource


def _named(schema: dict[str, Any], uri: str, whole: dict[str, Any]) -> dict[str, Any]:
    """A schema with its URI, by the draft of the whole."""
    draft = draft_of(whole)
    if draft < 2019 and "$ref" in schema:
        # Older drafts ignore what is beside a `$ref`: a URI, too.
        reference = {"$ref": schema.pop("$ref")}
        if named_draft(whole):
            schema = {key: schema[key] for key in _KEPT if key in schema}
        schema["allOf"] = [*schema.get("allOf", ()), reference]
    schema.pop(id_keyword(draft), None)
    return {id_keyword(draft): uri, **schema}


def _embedded(
    whole: dict[str, Any], uri: str, others: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Place the other schemas among the definitions of the first."""
    draft = draft_of(whole)
    whole = _named(whole, uri, whole)
    keyword = "$defs" if draft >= 2019 else "definitions"
    definitions = whole.setdefault(keyword, {})
    if not isinstance(definitions, dict):
        raise SchemaError(f"/{keyword}: expected an object whose values are schemas")
    for other, schema in others.items():
        name = other
        while name in definitions:
            name += "_"
        definitions[name] = schema
    return whole
