"""Judge a workflow by its schema, and by facts that no schema can state.

Facts: https://docs.github.com/actions/reference/workflow-syntax-for-github-actions
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import yaml

from ..documents.parse import parse_document
from ..documents.rejects import RejectedError
from ..tokenizer import Tokenizer
from ..tokenizer.violations import Violation, find_violations

__all__ = ["Finding", "check_workflow"]


_ACCEPTED = re.compile(
    r"jobs\.\*\.strategy: lacks a required key"
    r"|on\.workflow_call\.secrets\.\*: null is not allowed here"
    r"|(.+\.)?(env|with|outputs)\.\*: null is not allowed here"
    r"|on\.push\.tags(-ignore)?: this text is not allowed here"
    r"|on\.\w+\.((branches|paths)(-ignore)?|workflows): this text is not allowed here"
)
"""What the schema forbids and GitHub's parser (@actions/workflow-parser) accepts."""


class Finding(NamedTuple):
    """One problem; line and column count from 1."""

    line: int
    column: int
    found: str
    allowed: str


def check_workflow(source: bytes, tokenizer: Tokenizer) -> list[Finding]:
    """The problems of one workflow, in the order of their places.

    A text that is not a document has one problem.

    Args:
        source: YAML or JSON.
        tokenizer: of the workflow schema.
    """
    try:
        value = parse_document(source)
    except RejectedError as error:
        return [_unreadable(source, error)]
    try:
        root = yaml.compose(source.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):  # YAML 1.2 that PyYAML cannot read
        root = None
    broken = find_violations(tokenizer, tokenizer.encode(value))
    found = [
        _located(root, violation)
        for violation in broken
        if not _ACCEPTED.fullmatch(f"{violation.place}: {violation.problem}")
    ]
    return sorted({*found, *_jobs(_pairs(root).get("jobs"))})


def _unreadable(source: bytes, error: RejectedError) -> Finding:
    line, column = 1, 1
    try:
        yaml.compose(source.decode("utf-8-sig", "replace"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as marked:
        if marked.problem_mark is not None:
            mark = marked.problem_mark
            line, column = mark.line + 1, mark.column + 1
    except (yaml.YAMLError, RecursionError):
        pass
    return Finding(line, column, str(error), "one YAML or JSON object")


def _located(root: yaml.Node | None, violation: Violation) -> Finding:
    """The violation, at the value that breaks the schema or at its key."""
    node = root
    for step in violation.path:
        if isinstance(step, str):
            node = _pairs(node).get(step, node)
        elif step < len(items := _items(node)):
            node = items[step]
    found = f"{violation.place}: {violation.problem}"
    if isinstance(node, yaml.MappingNode) and violation.key is not None:
        keys = (key for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        node = next((key for key in keys if key.value == violation.key), node)
    allowed = "what the schema of workflows allows"
    return (
        Finding(1, 1, found, allowed)
        if node is None
        else _finding(node, found, allowed)
    )


def _pairs(node: yaml.Node | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {
        key.value: value
        for key, value in node.value
        if isinstance(key, yaml.ScalarNode)
    }


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _finding(node: yaml.Node, found: str, allowed: str) -> Finding:
    mark = node.start_mark
    return Finding(mark.line + 1, mark.column + 1, found, allowed)


def _jobs(node: yaml.Node | None) -> Iterator[Finding]:
    jobs = _pairs(node)
    known = {name.lower() for name in jobs}  # GitHub ignores the case of ids
    for job in map(_pairs, jobs.values()):
        needs = job.get("needs")
        for need in [needs] if isinstance(needs, yaml.ScalarNode) else _items(needs):
            if isinstance(need, yaml.ScalarNode) and need.value.lower() not in known:
                allowed = "one of the jobs " + ", ".join(sorted(jobs))
                yield _finding(need, f"needs {need.value!r}, which is no job", allowed)
        yield from _steps(job.get("steps"))


def _steps(node: yaml.Node | None) -> Iterator[Finding]:
    seen: set[str] = set()
    for step in map(_pairs, _items(node)):
        name = step.get("id")
        if isinstance(name, yaml.ScalarNode):
            if name.value in seen:
                found = f"step id {name.value!r} a second time"
                yield _finding(name, found, "an id that no other step of the job has")
            seen.add(name.value)
        run = step.get("run")
        if isinstance(run, yaml.ScalarNode):
            _, opened, rest = run.value.rpartition("${{")
            if opened and "}}" not in rest:
                yield _finding(run, "an expression that never closes", "${{ … }}")
