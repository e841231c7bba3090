"""Rewrite the references of a schema as JSON pointers from its root.

`$id` names a part by a URI, relative to the one around it, and `$anchor` by a fragment.
Nothing is fetched: a reference that no part of the schema answers stays as it is, and
is refused where it is used.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urljoin

from .pointers import quoted, resolve

__all__ = ["as_pointers", "id_keyword", "joined", "places", "targets_of"]


def as_pointers(
    schema: dict[str, Any], draft: int, applicators: Collection[str]
) -> dict[str, Any]:
    """Rewrite `$ref`, and dynamic references that can only mean one part, in place.

    Args:
        schema: well-formed.
        draft: 4, 6, 7, 2019 or 2020.
        applicators: keywords that hold schemas.
    """
    parts = list(places(schema, draft, applicators))
    targets = targets_of(parts, draft)
    dynamic: dict[str, list[str]] = {}
    for pointer, _, part in parts:
        if isinstance(name := part.get("$dynamicAnchor"), str):
            dynamic.setdefault(name, []).append(pointer)
    recursive = any(part.get("$recursiveAnchor") is True for _, _, part in parts)
    for _, base, part in parts:
        _make_static(part, dynamic, recursive)
        if isinstance(part.get("$ref"), str):
            found = _target(schema, targets, joined(base, part["$ref"]))
            if found is not None:
                part["$ref"] = "#" + quote(found, safe="/~!$&'()*+,;=:@")
    return schema


Place = tuple[str, str, dict[str, Any]]
"""The pointer of a schema inside another one, the URI it is relative to, itself."""


def targets_of(parts: Iterable[Place], draft: int) -> dict[str, str]:
    """The pointer of each part that a URI names."""
    targets: dict[str, str] = {}
    for pointer, base, part in parts:
        targets.setdefault(base, pointer)
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(name := part.get(keyword), str):
                targets.setdefault(f"{base}#{name}", pointer)
        name = part.get(id_keyword(draft))
        if isinstance(name, str) and name.startswith("#"):
            targets.setdefault(f"{base}{name}", pointer)
    return targets


def places(
    schema: Any, draft: int, applicators: Collection[str], base: str = ""
) -> Iterator[Place]:
    """Each schema inside a schema, which `base` names if it does not name itself."""
    yield from _places(schema, draft, applicators, "", base)


def _places(
    part: Any, draft: int, applicators: Collection[str], pointer: str, base: str
) -> Iterator[Place]:
    if isinstance(part, list):
        for index, item in enumerate(part):
            yield from _places(item, draft, applicators, f"{pointer}/{index}", base)
        return
    if not isinstance(part, dict):
        return
    name = part.get(id_keyword(draft))
    is_ignored = draft < 2019 and "$ref" in part
    if isinstance(name, str) and not name.startswith("#") and not is_ignored:
        base = urldefrag(joined(base, name)).url
    yield pointer, base, part
    for keyword in applicators:
        found, where = part.get(keyword), f"{pointer}/{keyword}"
        if keyword in _MAPS and isinstance(found, dict):
            for key, item in found.items():
                if isinstance(item, dict):
                    below = f"{where}/{quoted(key)}"
                    yield from _places(item, draft, applicators, below, base)
        else:
            yield from _places(found, draft, applicators, where, base)


_MAPS = {
    *("properties", "patternProperties", "definitions", "$defs", "dependencies"),
    "dependentSchemas",
}


def id_keyword(draft: int) -> str:
    """The keyword by which a schema names itself."""
    return "id" if draft == 4 else "$id"


def joined(base: str, reference: str) -> str:
    """The URI of a reference in a schema that `base` names."""
    if reference.startswith("#"):  # urljoin knows no urn
        return base + reference
    return urljoin(base, reference)


def _target(schema: Any, targets: dict[str, str], uri: str) -> str | None:
    """The pointer that a URI means; None if it leaves the schema."""
    document, fragment = urldefrag(uri)
    if uri.removesuffix("#") in targets:
        return targets[uri.removesuffix("#")]
    if document not in targets or (fragment and not fragment.startswith("/")):
        return None
    found = targets[document] + unquote(fragment)
    try:
        resolve(schema, found)
    except (LookupError, TypeError, ValueError):
        return None
    return found


def _make_static(
    part: dict[str, Any], dynamic: dict[str, list[str]], recursive: bool
) -> None:
    """Turn a dynamic reference with one possible target into a plain one."""
    name = part.get("$dynamicRef")
    if isinstance(name, str) and "$ref" not in part:
        anchor = name.rpartition("#")[2]
        if len(dynamic.get(anchor, ("",))) == 1:
            part["$ref"] = part.pop("$dynamicRef")
    if part.get("$recursiveRef") == "#" and "$ref" not in part and not recursive:
        part["$ref"] = part.pop("$recursiveRef")
