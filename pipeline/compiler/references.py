"""Rewrite the references of a schema as JSON pointers from its root.

`$id` names a part by a URI, relative to the one around it, and `$anchor` by a fragment.
Nothing is fetched: a reference that no part of the schema answers stays as it is, and
is refused where it is used.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urljoin

from .pointers import quoted, resolve

__all__ = [
    "as_pointers",
    "id_keyword",
    "joined",
    "places",
    "reached",
    "targets_of",
]


def as_pointers(
    schema: dict[str, Any],
    draft: int,
    applicators: Collection[str],
    spell: Callable[[Any, str], Any],
) -> dict[str, Any]:
    """Rewrite `$ref`, and dynamic references that can only mean one part, in place.

    A schema below another keyword, such as `components`, is one because a reference
    names it.  The definitions get a copy of it, where whatever reads schemas finds it.

    Args:
        schema: well-formed.
        draft: 4, 6, 7, 2019 or 2020.
        applicators: keywords that hold schemas.
        spell: copies a schema below another keyword, at a JSON pointer, in the words
            that the others have already.
    """
    parts = list(places(schema, draft, applicators))
    bases = {pointer: base for pointer, base, _ in parts}
    copies: dict[str, str] = {}
    targets = targets_of(parts, draft)
    dynamic: dict[str, list[str]] = {}
    for pointer, _, part in parts:
        if isinstance(name := part.get("$dynamicAnchor"), str):
            dynamic.setdefault(name, []).append(pointer)
    recursive = any(part.get("$recursiveAnchor") is True for _, _, part in parts)
    for _, base, part in parts:  # grows while it is read
        _make_static(part, dynamic, recursive)
        if not isinstance(part.get("$ref"), str):
            continue
        found = _target(targets, joined(base, part["$ref"]))
        if found is None:
            continue
        if found not in bases and isinstance(there := _at(schema, found), dict):
            if found not in copies:
                copy = spell(there, found)
                copies[found] = where = _defined(schema, found, copy)
                around = _base_at(bases, found)
                parts += _places(copy, draft, applicators, where, around)
            found = copies[found]
        part["$ref"] = "#" + quote(found, safe="/~!$&'()*+,;=:@")
    return schema


def _defined(schema: dict[str, Any], pointer: str, copy: Any) -> str:
    """Put the copy of a part among the definitions, and return its pointer there."""
    definitions = schema.setdefault("definitions", {})
    name = pointer
    while name in definitions:
        name += "_"
    definitions[name] = copy
    return f"/definitions/{quoted(name)}"


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


def reached(
    schema: Any, draft: int, applicators: Collection[str], base: str
) -> list[Place]:
    """The `places` of a schema, and those below other keywords that it refers to."""
    parts = list(places(schema, draft, applicators, base))
    targets = targets_of(parts, draft)
    bases = {pointer: base for pointer, base, _ in parts}
    for _, around, part in parts:  # grows while it is read
        if not isinstance(part.get("$ref"), str):
            continue
        found = _target(targets, joined(around, part["$ref"]))
        if found is not None and found not in bases:
            inner = _base_at(bases, found)
            fresh = _places(_at(schema, found), draft, applicators, found, inner)
            added = [place for place in fresh if place[0] not in bases]
            bases |= {pointer: base for pointer, base, _ in added}
            parts += added
    return parts


def _base_at(bases: dict[str, str], pointer: str) -> str:
    """The URI that a part is relative to: that of the nearest schema around it."""
    while pointer not in bases:
        pointer = pointer.rpartition("/")[0]
    return bases[pointer]


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


def _target(targets: dict[str, str], uri: str) -> str | None:
    """The pointer that a URI means, though perhaps to nothing; None outside."""
    document, fragment = urldefrag(uri)
    if uri.removesuffix("#") in targets:
        return targets[uri.removesuffix("#")]
    if document not in targets or (fragment and not fragment.startswith("/")):
        return None
    return targets[document] + unquote(fragment)


def _at(schema: Any, pointer: str) -> Any:
    """The part at a pointer; None if there is nothing."""
    try:
        return resolve(schema, pointer)
    except (LookupError, TypeError, ValueError):
        return None


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
