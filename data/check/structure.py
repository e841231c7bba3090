"""Find keys, types and expressions that GitHub's schema does not allow."""

import re

from ..documents.json_text import Json
from ..rules.schema import ROOT, Definition, Scalar, Shape, definitions
from .expressions import ExpressionError, allowed, check_expression, read_template
from .problems import Path, Problem, Rule

__all__ = ["check_structure"]

_CONDITIONS = frozenset({"job-if", "step-if"})
"""Types of texts that are expressions even without braces."""

_INSERT = re.compile(r"\$\{\{\s*insert\s*\}\}")
"""A key whose value is a mapping to merge."""

_WORDS = {"null": "nothing", "boolean": "true or false", "number": "a number"}


def check_structure(value: Json) -> list[Problem]:
    """The problems of a workflow, in the order of the document."""
    reader = _Reader()
    reader.value(value, ROOT, frozenset(), ())
    return reader.problems


class _Reader:
    """`contexts` are what expressions may use; `path` leads to the value."""

    def __init__(self) -> None:
        self.types = definitions()
        self.problems: list[Problem] = []

    def value(
        self, value: Json, name: str, contexts: frozenset[str], path: Path
    ) -> None:
        kind = self.types[name]
        if kind.contexts:
            contexts |= kind.contexts
        if isinstance(value, dict):
            if kind.shapes:
                self.mapping(value, kind.shapes, contexts, path)
            else:
                self.refuse(path, "a mapping", _described(kind))
        elif isinstance(value, list):
            if kind.item is None:
                self.refuse(path, "a list", _described(kind))
                return
            for index, item in enumerate(value):
                self.value(item, kind.item, contexts, (*path, index))
        else:
            self.scalar(value, name, contexts, path)

    # -- mappings ----------------------------------------------------------------------

    def mapping(
        self,
        value: dict[str, Json],
        shapes: tuple[Shape, ...],
        contexts: frozenset[str],
        path: Path,
    ) -> None:
        free = shapes[0]
        seen: set[str] = set()
        has_expression = False
        for key, child in value.items():
            below = (*path, key)
            if "${{" in key:
                has_expression = True
                if not (contexts and _INSERT.fullmatch(key)):
                    self.template(key, contexts, below, is_key=True)
                self.value(child, free.value, contexts, below)
                continue
            if key.upper() in seen:
                self.refuse(
                    below, f"key {key!r} a second time", "each key once", is_key=True
                )
                continue
            seen.add(key.upper())
            matching = tuple(shape for shape in shapes if key in shape.properties)
            if matching:
                shapes = matching
                self.value(child, matching[-1].properties[key], contexts, below)
            elif free.key is not None:
                if not self.accepts(key, free.key):
                    self.refuse(below, "an empty key", "a name", is_key=True)
                self.value(child, free.value, contexts, below)
            else:
                known = sorted(
                    {k for s in shapes for k in s.properties if k not in value}
                )
                self.refuse(below, f"key {key!r}", _one_of(known), is_key=True)
        if len(shapes) > 1:
            keys = sorted({key for shape in shapes for key in shape.required})
            self.refuse(path, f"neither of {', '.join(keys)}", "one of them")
        elif not has_expression:
            for key in sorted(shapes[0].required):
                if key.upper() not in seen:
                    self.refuse(path, f"no key {key!r}", "one, since it is required")

    # -- scalars -----------------------------------------------------------------------

    def accepts(self, value: Json, name: str) -> bool:
        """Whether a scalar has a type; all scalars can be read as strings."""
        return any(_is(value, scalar) for scalar in self.types[name].scalars)

    def scalar(
        self, value: Json, name: str, contexts: frozenset[str], path: Path
    ) -> None:
        if isinstance(value, str) and "${{" in value:
            value = self.template(value, contexts, path)
            if value is None:
                return
        if not self.accepts(value, name):
            found = "nothing" if value is None else _shown(value)
            self.refuse(path, found, _described(self.types[name]))
        elif name in _CONDITIONS and isinstance(value, str):
            try:
                check_expression(value.strip(), allowed(contexts))
            except ExpressionError as error:
                self.refuse(path, error.found, error.expected, rule="expression")

    def template(
        self, text: str, contexts: frozenset[str], path: Path, *, is_key: bool = False
    ) -> str | None:
        """The text that a template stands for; None if it is not known or wrong."""
        try:
            literal = read_template(text, allowed(contexts))
            if literal is not None or contexts:
                return literal
            found, part = "an expression", text
            expected = "plain text, since GitHub evaluates no expression here"
        except ExpressionError as error:
            found, expected, part = error.found, error.expected, error.part
        self.problems.append(Problem("expression", path, found, expected, is_key, part))
        return None

    def refuse(
        self,
        path: Path,
        found: str,
        expected: str,
        *,
        is_key: bool = False,
        rule: Rule = "structure",
    ) -> None:
        self.problems.append(Problem(rule, path, found, expected, is_key))


def _is(value: Json, scalar: Scalar) -> bool:
    match scalar.kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    if scalar.constant is not None:
        return value == scalar.constant
    return not (scalar.is_filled and (value is None or value == ""))


def _shown(value: Json) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _described(kind: Definition) -> str:
    """What a type allows, in words."""
    found = []
    for scalar in kind.scalars:
        if scalar.kind != "string":
            found.append(_WORDS[scalar.kind])
        elif scalar.constant is not None:
            found.append(scalar.constant)
        else:
            found.append("a text that is not empty" if scalar.is_filled else "a text")
    found += ["a list"] * (kind.item is not None) + ["a mapping"] * bool(kind.shapes)
    return _one_of(found)


def _one_of(names: list[str]) -> str:
    if len(names) > 1:
        return "one of " + ", ".join(names)
    return names[0] if names else "nothing here"
