"""What is wrong with a value, before it has a line."""

from typing import Final, Literal, NamedTuple, TypeAlias

__all__ = ["RULES", "Path", "Problem", "Rule", "place"]

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the root to a value."""

Rule: TypeAlias = Literal["yaml", "structure", "expression", "name", "form", "input"]

RULES: Final[dict[Rule, str]] = {
    "yaml": "The text is one YAML or JSON object.",
    "structure": "Keys and types of values are those of GitHub's schema.",
    "expression": "Expressions are whole, and use what GitHub allows at their place.",
    "name": "Jobs in needs exist and end; ids of steps are unique.",
    "form": "uses, cron, shell, ids and variables have a form that GitHub reads.",
    "input": "Defaults and options of inputs fit their type.",
}
"""The kinds of rules."""


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
