"""What GitHub asks of jobs, steps and events beyond its schema.

Source: the converters of GitHub's parser (npm `@actions/workflow-parser`, folder
`model/converter`), and the forms in `rules/forms.py`.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter

from ..documents.json_text import Json
from ..rules.forms import ACCEPTED, CRON, Field
from .expressions import ExpressionError, allowed, read_template
from .problems import Path, Problem

__all__ = ["check_facts"]


_MOST_NAMES = 20  # in a message


def check_facts(workflow: dict[str, Json]) -> Iterator[Problem]:
    """The problems of a workflow; values of unexpected types are passed over."""
    events = _mapping(workflow.get("on"))
    for index, entry in enumerate(_list(events.get("schedule"))):
        cron = _mapping(entry).get("cron")
        if isinstance(cron, str) and not _is_cron(cron):
            path = ("on", "schedule", index, "cron")
            wanted = "minute, hour, day, month, weekday, such as '0 4 * * MON'"
            yield Problem("form", path, f"{cron!r}", wanted)
    for event in ("workflow_call", "workflow_dispatch"):
        inputs = _mapping(_mapping(events.get(event)).get("inputs"))
        for name, value in inputs.items():
            is_call = event == "workflow_call"
            yield from _input(value, ("on", event, "inputs", name), is_call=is_call)
    yield from _variables(workflow.get("env"), ("env",))
    yield from _shell(_run_defaults(workflow), ("defaults", "run", "shell"))
    jobs = _mapping(workflow.get("jobs"))
    for name, job in jobs.items():
        yield from _job(name, _mapping(job), ("jobs", name))
    yield from _needs(jobs)


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _text(value: Json) -> str | None:
    """A scalar as GitHub reads it where it wants a text; None if it is not known."""
    if isinstance(value, str):
        if "${{" not in value:
            return value
        with suppress(ExpressionError):
            return read_template(value, allowed(frozenset()))
        return None
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return None


def _form(
    name: str, value: Json, path: Path, *, is_key: bool = False
) -> Iterator[Problem]:
    """A problem if a text without expressions is not in a form."""
    form, text = ACCEPTED[name], _text(value)
    if text is not None and not re.fullmatch(form.pattern, text):
        yield Problem("form", path, f"{text[:80]!r}", form.description, is_key)


def _run_defaults(value: dict[str, Json]) -> Json:
    return _mapping(_mapping(value.get("defaults")).get("run")).get("shell")


def _shell(value: Json, path: Path) -> Iterator[Problem]:
    yield from _form("shell", value, path)


def _variables(value: Json, path: Path) -> Iterator[Problem]:
    for name in _mapping(value):
        yield from _form("variable", name, (*path, name), is_key=True)


def _only_mapping(value: Json, path: Path) -> Iterator[Problem]:
    """A problem if an expression stands for a whole mapping."""
    if isinstance(value, str):
        yield Problem("structure", path, "an expression", "a mapping")


# -- jobs and steps --------------------------------------------------------------------


def _job(name: str, job: dict[str, Json], path: Path) -> Iterator[Problem]:
    yield from _form("id", name, path, is_key=True)
    yield from _form("job-uses", job.get("uses"), (*path, "uses"))
    yield from _shell(_run_defaults(job), (*path, "defaults", "run", "shell"))
    yield from _variables(job.get("env"), (*path, "env"))
    for key in ("env", "services"):
        yield from _only_mapping(job.get(key), (*path, key))
    yield from _container(job.get("container"), (*path, "container"))
    for key, service in _mapping(job.get("services")).items():
        yield from _container(service, (*path, "services", key))
    yield from _steps(_list(job.get("steps")), (*path, "steps"))


def _container(value: Json, path: Path) -> Iterator[Problem]:
    """GitHub looks no further if there is any expression in it."""
    if isinstance(value, dict) and not value.get("image") and "${{" not in str(value):
        yield Problem("structure", path, "no image", "the name of an image")


def _steps(steps: list[Json], path: Path) -> Iterator[Problem]:
    ids: set[str] = set()
    for index, step in enumerate(map(_mapping, steps)):
        here = (*path, index)
        name = step.get("id")
        yield from _form("id", name, (*here, "id"))
        text = _text(name)
        if text in ids:
            found = f"step id {name!r} a second time"
            wanted = "an id that no other step of the job has"
            yield Problem("name", (*here, "id"), found, wanted)
        if text is not None:
            ids.add(text)
        yield from _form("step-uses", step.get("uses"), (*here, "uses"))
        yield from _shell(step.get("shell"), (*here, "shell"))
        yield from _variables(step.get("env"), (*here, "env"))
        yield from _only_mapping(step.get("env"), (*here, "env"))


def _needs(jobs: dict[str, Json]) -> Iterator[Problem]:
    """Jobs that do not exist, and circles; GitHub ignores the case of ids."""
    names = {name.lower(): name for name in jobs}
    some = ", ".join(sorted(jobs)[:_MOST_NAMES]) + ", …" * (len(jobs) > _MOST_NAMES)
    waiting: dict[str, list[str]] = {name: [] for name in names}
    for name, job in jobs.items():
        needs = _mapping(job).get("needs")
        for index, need in enumerate(needs if isinstance(needs, list) else [needs]):
            text = _text(need)
            if text is None:
                continue
            if text.lower() in names:
                waiting[name.lower()].append(text.lower())
                continue
            path: Path = ("jobs", name, "needs")
            path = (*path, index) if isinstance(needs, list) else path
            found = f"needs {text!r}, which is no job"
            yield Problem("name", path, found, f"one of the jobs {some}")
    try:
        TopologicalSorter(waiting).prepare()
    except CycleError as error:
        circle = [names[name] for name in reversed(error.args[1])]
        path = ("jobs", circle[0], "needs")
        found = f"needs in a circle: {' → '.join(circle[:_MOST_NAMES])}"
        yield Problem("name", path, found, "jobs that can start one after another")


# -- events ----------------------------------------------------------------------------


def _input(value: Json, path: Path, *, is_call: bool) -> Iterator[Problem]:
    """An input, its default and its options."""
    if not isinstance(value, dict):
        yield Problem("input", path, "no mapping", "a mapping, such as {type: string}")
        return
    kind = value.get("type", "string")
    if "default" in value:
        default = value["default"]
        is_open = is_call and isinstance(default, str) and "${{" in default
        fits = isinstance(default, bool) == (kind == "boolean")
        if kind in ("string", "choice", "environment"):
            fits = default is None or isinstance(default, str)
        if not is_open and kind != "number" and not fits:
            wanted = "true or false" if kind == "boolean" else "a text"
            found = f"default {default!r} of an input of type {kind}"
            yield Problem("input", (*path, "default"), found, wanted)
    options = value.get("options")
    if kind == "choice" and not options:
        yield Problem("input", path, "a choice without options", "a list of options")
    if kind != "choice" and options is not None:
        found = f"options of an input of type {kind}"
        yield Problem("input", (*path, "options"), found, "type: choice")


def _is_cron(text: str) -> bool:
    fields = re.split(" +", text)
    return len(fields) == len(CRON) and all(map(_is_field, fields, CRON))


def _is_field(text: str, field: Field) -> bool:
    """Commas part ranges, a slash precedes a step, a hyphen parts the ends."""
    return all(_is_range(part, field) for part in text.split(","))


def _is_range(text: str, field: Field) -> bool:
    span, slash, step = text.partition("/")
    if slash and not (_number(step, field) or 0) > 0:
        return False
    if span == "*":
        return True
    first, hyphen, last = span.partition("-")
    begin = _number(first, field)
    end = _number(last, field) if hyphen else begin
    return begin is not None and end is not None and begin <= end


def _number(text: str, field: Field) -> int | None:
    if text.lower() in field.names:
        return field.least + field.names.index(text.lower())
    if not re.fullmatch("[0-9]+", text):
        return None
    number = int(text)
    return number if field.least <= number <= field.most else None
