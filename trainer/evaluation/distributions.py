"""Count what workflows consist of, and measure the distance between two sets."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ...data.documents.json_text import Json
from .documents import Document

__all__ = ["FIELDS", "Profile", "distance", "distances", "profile"]

Profile = dict[str, Counter[str]]
"""For each field, the number of documents with each value; see FIELDS."""

FIELDS = ("triggers", "runners", "actions", "jobs", "steps", "tokens")
"""Events of `on`; labels of `runs-on`; actions of steps without their version; numbers
of jobs, of all their steps, and of tokens, each rounded up to a power of two."""


def profile(documents: Sequence[Document]) -> Profile:
    """Count each value once per whole document."""
    counts: Profile = {field: Counter() for field in FIELDS}
    for document in documents:
        value = document.value
        if not document.is_whole or not isinstance(value, dict):
            continue
        jobs = [job for job in _values(value.get("jobs")) if isinstance(job, dict)]
        steps = [step for job in jobs for step in _items(job.get("steps"))]
        found: dict[str, set[str]] = {
            "triggers": set(_names(value.get("on"))),
            "runners": {label for job in jobs for label in _runners(job)},
            "actions": set(_actions(steps)),
            "jobs": {_up_to(len(jobs))},
            "steps": {_up_to(len(steps))},
            "tokens": {_up_to(len(document.ids))},
        }
        for field, values in found.items():
            counts[field].update(values)
    return counts


def distance(one: Counter[str], other: Counter[str]) -> float | None:
    """Total variation distance: 0 for equal, 1 for disjoint distributions.

    None if one of them is empty.
    """
    sums = one.total(), other.total()
    if not all(sums):
        return None
    values = sorted(one.keys() | other.keys())
    apart = (abs(one[key] / sums[0] - other[key] / sums[1]) for key in values)
    return sum(apart) / 2


def distances(one: Profile, other: Profile) -> dict[str, float | None]:
    """The distance of each field."""
    return {field: distance(one[field], other[field]) for field in FIELDS}


def _values(value: Json) -> list[Json]:
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


def _up_to(number: int) -> str:
    """Round a number up to a power of two, or 0."""
    return f"{1 << (number - 1).bit_length():,}" if number else "0"
