"""Count the documents that pass each stage: finished, JSON, then one judge at a time.

Failures stay in the denominator: a document that fails one stage fails all later ones,
and every share is of all documents.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ...data.documents.json_text import Json, canonical_bytes
from .documents import Document
from .judges import Complaints, Judge

__all__ = ["Funnel", "Judged", "Stage", "funnel", "judge_all", "most_common"]

_MOST_COMPLAINTS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A document with the complaints of each installed judge."""

    document: Document
    complaints: dict[str, Complaints]
    """By the judge's name; empty for a document that is not whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One stage of a funnel."""

    name: str
    passed: list[int] | None
    """For each seed, documents that passed this stage and all before it.  None if the
    judge is not installed; later stages ignore it."""
    right: int | None
    """Documents of all seeds that pass this stage, whatever the other stages say."""
    complaints: list[tuple[str, int]]
    """The most frequent complaints, with their numbers of documents."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Funnel:
    """The documents that pass each stage."""

    documents: list[int]
    """For each seed."""
    endings: dict[str, int]
    """Number of documents by ending."""
    whole: int
    """Complete documents, which alone are judged."""
    stages: list[Stage]


def judge_all(documents: Sequence[Document], judges: Sequence[Judge]) -> list[Judged]:
    """Ask each installed judge about all whole documents at once."""
    whole = [number for number, one in enumerate(documents) if one.is_whole]
    complaints: list[dict[str, Complaints]] = [{} for _ in documents]
    for judge in judges:
        if judge.version is None or not whole:
            continue
        found = judge.find([documents[number] for number in whole])
        for number, of_document in zip(whole, found, strict=True):
            complaints[number][judge.name] = of_document
    return [
        Judged(document=document, complaints=found)
        for document, found in zip(documents, complaints, strict=True)
    ]


def funnel(by_seed: Sequence[Sequence[Judged]], judges: Sequence[Judge]) -> Funnel:
    """Count the documents that pass each stage.

    Args:
        by_seed: the documents of each seed.
        judges: in the order of the stages.
    """
    everyone = [one for of_seed in by_seed for one in of_seed]
    alive = [list(of_seed) for of_seed in by_seed]
    stages = []
    for name, is_asked in (
        ("finished", True),
        ("JSON", True),
        *((judge.name, judge.version is not None) for judge in judges),
    ):
        if not is_asked:
            stages.append(Stage(name=name, passed=None, right=None, complaints=[]))
            continue
        alive = [[one for one in left if _passes(one, name)] for left in alive]
        stages.append(
            Stage(
                name=name,
                passed=[len(left) for left in alive],
                right=sum(_passes(one, name) for one in everyone),
                complaints=most_common(everyone, name),
            )
        )
    return Funnel(
        documents=[len(of_seed) for of_seed in by_seed],
        endings=dict(Counter(one.document.ending for one in everyone)),
        whole=sum(one.document.is_whole for one in everyone),
        stages=stages,
    )


def most_common(judged: Sequence[Judged], name: str) -> list[tuple[str, int]]:
    """The most frequent complaints of a judge, with their numbers of documents."""
    counts: Counter[str] = Counter()
    for one in judged:
        counts.update(set(one.complaints.get(name, ())))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ordered[:_MOST_COMPLAINTS]


def _passes(one: Judged, name: str) -> bool:
    if name == "finished":
        return one.document.ending == "finished"
    if name == "JSON":
        return one.document.is_whole and _is_json(one.document.value)
    return name in one.complaints and not one.complaints[name]


def _is_json(value: Json) -> bool:
    """Whether the value is an object whose JSON text reads back equal."""
    return isinstance(value, dict) and json.loads(canonical_bytes(value)) == value
