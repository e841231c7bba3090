"""Judge a workflow, and find the lines of what is wrong."""

import re
from typing import Any, NamedTuple

import yaml

from ..documents.json_text import Json
from ..documents.parse import parse_document
from ..documents.rejects import RejectedError
from .facts import check_facts
from .problems import Path, Problem, Rule, place
from .structure import check_structure

__all__ = ["CHECK_VERSION", "Finding", "check_workflow", "find_problem"]

CHECK_VERSION = 1
"""Incremented when some document passes or fails that did not before.

Part of the cache key of a store of valid documents only."""

MAX_FINDINGS = 100
"""Most problems of a file that are located: a bound on the time for a hostile one."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Finding(NamedTuple):
    """One problem; line and column count from 1."""

    line: int
    column: int
    rule: Rule
    found: str
    allowed: str

    @property
    def message(self) -> str:
        """The problem in one line."""
        return f"{self.found}; expected {self.allowed}"


def check_workflow(source: bytes) -> list[Finding]:
    """The problems of one workflow, 100 at most, in the order of their places.

    A text that is not a document has one problem.

    Args:
        source: YAML or JSON.
    """
    try:
        value = parse_document(source)
    except RejectedError as error:
        return [_unreadable(source, error)]
    problems = _problems(value)
    if not problems:
        return []
    text = source.decode("utf-8-sig")
    root = _composed(text)
    shown = problems[:MAX_FINDINGS]
    return sorted({_located(root, text, problem) for problem in shown})


def find_problem(value: dict[str, Json]) -> str | None:
    """The first problem of a document, with its place; None if there is none."""
    problems = _problems(value)
    return _described(problems[0]) if problems else None


def _problems(value: dict[str, Json]) -> list[Problem]:
    return [*check_structure(value), *check_facts(value)]


def _described(problem: Problem) -> str:
    return f"{place(_owner(problem))}: {problem.found}; expected {problem.allowed}"


def _owner(problem: Problem) -> Path:
    """The path to the value that is wrong, or that has the wrong key."""
    return problem.path[:-1] if problem.is_key else problem.path


def _unreadable(source: bytes, error: RejectedError) -> Finding:
    """The place that the message names, or that of a key that is there twice."""
    line, column = 1, 1
    if said := re.search(r"line ([\d,]*\d)(?:, column ([\d,]*\d))?", error.message):
        line, column = (int((n or "1").replace(",", "")) for n in said.groups())
    elif error.reason == "duplicate_key":
        root = _composed(source.decode("utf-8-sig"))
        if (key := _repeated(root)) is not None:
            line, column = key.start_mark.line + 1, key.start_mark.column + 1
    return Finding(line, column, "yaml", str(error), "one YAML or JSON object")


def _repeated(node: yaml.Node | None) -> yaml.Node | None:
    """The first key of a mapping that equals an earlier one."""
    waiting, visited = [node], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in visited:  # an alias
            continue
        visited.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)
        elif isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, _ in node.value:
                if key.value in keys:
                    repeated: yaml.Node = key
                    return repeated
                keys.add(key.value)
            waiting += reversed([child for _, child in node.value])
    return None


def _composed(text: str) -> yaml.Node | None:
    """The nodes of a YAML text; None for YAML 1.2 that PyYAML cannot read."""
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError):
        return None
    return root


# -- places ----------------------------------------------------------------------------


def _located(root: yaml.Node | None, text: str, problem: Problem) -> Finding:
    """The problem at its value or key, or at the part of the text that is wrong."""
    path = _owner(problem)
    found = f"{place(path)}: {problem.found}"
    node = _node(root, path)
    if problem.is_key and isinstance(node, yaml.MappingNode):
        keys = (key for key, _ in node.value)
        node = next((key for key in keys if key.value == problem.path[-1]), node)
    if node is None:
        return Finding(1, 1, problem.rule, found, problem.allowed)
    at = node.start_mark.index
    if problem.part:
        inside = text.find(problem.part, at, node.end_mark.index)
        at = inside if inside >= 0 else at
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return Finding(line, column, problem.rule, found, problem.allowed)


def _node(root: yaml.Node | None, path: Path) -> yaml.Node | None:
    """The node that a path leads to, or the last one on the way."""
    node = root
    for step in path:
        below = None
        if isinstance(node, yaml.MappingNode):
            below = next((child for k, child in node.value if k.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            below = node.value[step]
        if below is None:
            break
        node = below
    return node
