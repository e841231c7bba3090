"""Judge a workflow by facts that hold for all workflows, so no alarm is false.

Facts: https://docs.github.com/actions/reference/workflow-syntax-for-github-actions
"""

from collections.abc import Iterator
from typing import NamedTuple

import yaml

from ..documents.parse import parse_document
from ..documents.rejects import RejectedError

__all__ = ["Finding", "check_workflow"]


class Finding(NamedTuple):
    """One problem; line and column count from 1."""

    line: int
    column: int
    found: str
    allowed: str


def check_workflow(source: bytes) -> list[Finding]:
    """The problems of one workflow, in the order of their places.

    A text that is not a document has one problem, at its beginning.
    """
    try:
        parse_document(source)
    except RejectedError as error:
        return [Finding(1, 1, str(error), "one YAML or JSON object")]
    try:
        root = yaml.compose(source.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):  # YAML 1.2 that PyYAML cannot read
        return []
    return sorted(_jobs(_pairs(root).get("jobs")))


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
