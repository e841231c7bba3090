"""GitHub Actions workflows, by the official schema that check-jsonschema ships."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Any, Final

from ..documents.json_text import Json
from ..documents.yaml_writer import BARE_KEYS
from .kind import Kind

__all__ = ["WORKFLOW"]


@cache
def _schema() -> dict[str, Any]:
    """The official schema, without the overrides of our compiler."""
    vendored = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    return dict(json.loads((vendored / "github-workflows.json").read_bytes()))


def _values(workflow: dict[str, Json]) -> dict[str, set[str]]:
    """What a workflow consists of.

    Events of `on`; labels of `runs-on`; actions of steps without their version; numbers
    of jobs, and of all their steps.
    """
    jobs = [job for job in _members(workflow.get("jobs")) if isinstance(job, dict)]
    steps = [step for job in jobs for step in _items(job.get("steps"))]
    return {
        "triggers": set(_names(workflow.get("on"))),
        "runners": {label for job in jobs for label in _runners(job)},
        "actions": set(_actions(steps)),
        "jobs": {str(len(jobs))},
        "steps": {str(len(steps))},
    }


def _members(value: Json) -> list[Json]:
    return list(value.values()) if isinstance(value, dict) else []


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _names(value: Json) -> Iterator[str]:
    """The strings of a string, a list, or the keys of an object."""
    names = [value] if isinstance(value, str) else value
    if isinstance(names, list | dict):
        yield from (name for name in names if isinstance(name, str))


def _runners(job: dict[str, Json]) -> Iterator[str]:
    runs_on = job.get("runs-on")
    return _names(runs_on.get("labels") if isinstance(runs_on, dict) else runs_on)


def _actions(steps: Sequence[Json]) -> Iterator[str]:
    for step in steps:
        uses = step.get("uses") if isinstance(step, dict) else None
        if isinstance(uses, str):
            yield uses.partition("@")[0]


WORKFLOW: Final = Kind(
    name="workflow",
    one="workflow",
    title="GitHub Actions workflows",
    schema=_schema,
    origin=f"schema of check-jsonschema {version('check-jsonschema')}",
    bare_keys=BARE_KEYS,
    row_keys=frozenset({"on", "jobs"}),
    folder=".github/workflows",
    own_keys=frozenset(
        ("jobs", "inputs", "outputs", "secrets", "env", "with", "services", "matrix")
    ),
    fields=("triggers", "runners", "actions", "jobs", "steps"),
    numbers=("jobs", "steps"),
    values=_values,
    programs=("github", "actionlint", "zizmor"),
    rules=("github", "schema"),
    has_shortcuts=True,
)
