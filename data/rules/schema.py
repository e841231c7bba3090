"""GitHub's own schema of workflows, `github.json`: which type of value has what form.

Source: `workflow-v1.0.json` of npm `@actions/workflow-parser`, MIT licence; the file
says what differs.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

__all__ = ["ROOT", "Definition", "Scalar", "Shape", "definitions"]

ROOT: Final = "workflow-root-strict"
"""The type of a whole workflow."""

ScalarKind: TypeAlias = Literal["null", "boolean", "number", "string"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A kind of scalar that a type allows."""

    kind: ScalarKind
    constant: str | None = None
    """The only string that is allowed; None for any."""
    is_filled: bool = False
    """Whether a string must not be empty."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of mapping that a type allows."""

    properties: dict[str, str]
    """Known keys to the types of their values."""
    required: frozenset[str]
    key: str | None
    """Type of all other keys; None if there are no others."""
    value: str
    """Type of their values."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A type."""

    contexts: frozenset[str]
    """Contexts and functions, such as `hashFiles(1,255)`, that expressions in a value
    may use, beside those that its parents allow."""
    scalars: tuple[Scalar, ...]
    item: str | None
    """Type of the items of a list; None if a list is not allowed."""
    shapes: tuple[Shape, ...]


_BUILT_IN: dict[str, Any] = {
    "null": {"null": {}},
    "boolean": {"boolean": {}},
    "number": {"number": {}},
    "string": {"string": {}},
    "sequence": {"sequence": {"item-type": "any"}},
    "mapping": {"mapping": {"loose-key-type": "string", "loose-value-type": "any"}},
    "any": {"one-of": ["null", "boolean", "number", "string", "sequence", "mapping"]},
}


@cache
def definitions() -> dict[str, Definition]:
    """All types by name."""
    text = Path(__file__).with_name("github.json").read_text("utf-8")
    raw = {**_BUILT_IN, **json.loads(text)["definitions"]}
    return {name: _definition(raw, name) for name in raw}


def _definition(raw: dict[str, Any], name: str) -> Definition:
    options = [raw[option] for option in raw[name].get("one-of", [name])]
    lists = [option["sequence"] for option in options if "sequence" in option]
    return Definition(
        contexts=frozenset(raw[name].get("context", ())),
        scalars=tuple(_scalars(raw, name)),
        item=lists[0]["item-type"] if lists else None,
        shapes=tuple(_shape(o["mapping"]) for o in options if "mapping" in o),
    )


def _scalars(raw: dict[str, Any], name: str) -> list[Scalar]:
    found = []
    for option in raw[name].get("one-of", ()):
        found += _scalars(raw, option)
    found += [Scalar("string", word) for word in raw[name].get("allowed-values", ())]
    kinds: tuple[ScalarKind, ...] = ("null", "boolean", "number", "string")
    for kind in kinds:
        if (form := raw[name].get(kind)) is not None:
            filled = form.get("require-non-empty", False)
            found.append(Scalar(kind, form.get("constant"), filled))
    return found


def _shape(mapping: dict[str, Any]) -> Shape:
    properties = {
        key: form if isinstance(form, dict) else {"type": form}
        for key, form in mapping.get("properties", {}).items()
    }
    return Shape(
        properties={key: form["type"] for key, form in properties.items()},
        required=frozenset(k for k, form in properties.items() if form.get("required")),
        key=mapping.get("loose-key-type"),
        value=mapping.get("loose-value-type", "any"),
    )
