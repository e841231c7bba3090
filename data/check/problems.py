"""What is wrong with a value, before it has a line."""

from typing import Literal, NamedTuple, TypeAlias

__all__ = ["Path", "Problem", "Rule", "place"]

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the root to a value."""

Rule: TypeAlias = Literal["yaml", "structure", "expression", "name", "form", "input"]
"""The kind of rule that is broken:

    yaml         the text is one YAML or JSON object
    structure    keys and types of values, as in GitHub's schema
    expression   GitHub's expression language, and what it may use where
    name         jobs and steps that others name
    form         `uses`, `cron`, `shell`, ids, names of variables
    input        defaults and options of inputs
"""


class Problem(NamedTuple):
    """A problem at the value, or the key, that a path leads to."""

    rule: Rule
    path: Path
    found: str
    allowed: str
    is_key: bool = False
    """Whether the last key of the path is what is wrong."""
    part: str = ""
    """Part of the text that is wrong."""


def place(path: Path) -> str:
    """A path as people write it: `jobs.build.steps[0].run`."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(parts).removeprefix(".") or "the document"
