"""What a grammar cannot express, and is checked when a document is encoded."""

from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["Doubt", "doubts_of"]


class Doubt(NamedTuple):
    """A type whose values a clause allows, although the schema may forbid some."""

    type: str
    pointer: str
    """The keyword that forbids them."""
    kind: str = ""
    """Which of them masks still allow: `unique`, arrays of one item at most; `tuple`,
    empty arrays; `multiple`, multiples that an automaton tells; `keys`, objects with
    no other keys; else none."""
    keys: tuple[str, ...] = ()


def doubts_of(part: dict[str, Any], pointer: str) -> Iterator[Doubt]:
    """The doubts about keywords that a grammar cannot express."""
    if part.get("uniqueItems"):
        yield Doubt("array", f"{pointer}/uniqueItems", "unique")
    if "contains" in part and (part.get("minContains") != 0 or "maxContains" in part):
        yield Doubt("array", f"{pointer}/contains")
    first = "prefixItems" if "prefixItems" in part else "items"
    if isinstance(part.get(first), list) and part[first]:
        yield Doubt("array", f"{pointer}/{first}", "tuple")
    if "multipleOf" in part:
        yield Doubt("number", f"{pointer}/multipleOf", "multiple")
    if "unevaluatedItems" in part:
        yield Doubt("array", f"{pointer}/unevaluatedItems", "tuple")
    listed = [*part.get("enum", ()), part.get("const")]
    for name, kind in (("array", list), ("object", dict)):
        if any(isinstance(value, kind) for value in listed):
            yield Doubt(name, f"{pointer}/{'enum' if 'enum' in part else 'const'}")
