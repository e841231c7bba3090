"""Measure what masks cost per token, and which invalid documents they accept.

`engines.py` has the engines; all read the same documents.
"""

import copy
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import click
import jsonschema_rs
import numpy as np
from engines import Engine, peer_engines, tct_engines
from schema import SCHEMA

from tct.data.documents.json_text import Json


@dataclass(kw_only=True)
class Row:
    """Measurements of one engine."""

    engine: Engine
    judged: bool = True
    """Whether invalid documents are tried."""
    every: int = 1
    """Measure only every n-th valid document."""
    tried: int = 0
    accepted: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    times: list[int] = field(default_factory=list)


def walk(engine: Engine, value: Json, times: list[int] | None) -> bool:
    """Whether a document is accepted; appends the nanoseconds of each of its masks.

    Without a list, no mask is made if the engine can be asked in another way.
    """
    cursor = engine.start()
    for token in engine.ids(value):
        if times is not None:
            begun = time.perf_counter_ns()
            cursor.fill()
            times.append(time.perf_counter_ns() - begun)
        if not cursor.advance(token):
            return False
    return cursor.is_complete


# -- documents -------------------------------------------------------------------------


def first_job(value: Any) -> dict[str, Any]:
    """The first job that has steps."""
    return next(job for job in value["jobs"].values() if "steps" in job)


def first_step(value: Any, key: str) -> dict[str, Any]:
    return next(step for step in first_job(value)["steps"] if key in step)


DAMAGES: dict[str, Callable[[Any], Any]] = {
    "step with `run` and `uses`": lambda v: first_step(v, "run").update(
        uses="actions/checkout@v4"
    ),
    "step with neither": lambda v: first_step(v, "uses").pop("uses"),
    "`branches` and `branches-ignore`": lambda v: v.update(
        on={"push": {"branches": ["main"], "branches-ignore": ["dev"]}}
    ),
    "job without `runs-on`": lambda v: first_job(v).pop("runs-on"),
    "no `on`": lambda v: v.pop("on"),
    "no jobs": lambda v: v.update(jobs={}),
    "unknown key of the root": lambda v: v.update(stages=["build"]),
    "unknown key of a step": lambda v: first_step(v, "run").update(script="make"),
    "unknown event": lambda v: v.update(on="pushed"),
    "unknown permission": lambda v: v.update(permissions="read-everything"),
    "wrong type": lambda v: first_job(v).update({"timeout-minutes": "ten"}),
    "no steps": lambda v: first_job(v).update(steps=[]),
}


def damaged(values: Sequence[Json]) -> list[tuple[str, Json]]:
    """Each document with one damage that the schema forbids, and the damage's name."""
    judge, names, result = jsonschema_rs.Draft7Validator(SCHEMA), list(DAMAGES), []
    for number, value in enumerate(values):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            broken = copy.deepcopy(value)
            try:
                DAMAGES[name](broken)
            except (KeyError, StopIteration):
                continue
            if not judge.is_valid(broken):
                result.append((name, broken))
                break
    return result


# -- table 2 ---------------------------------------------------------------------------


def compare(
    tokenizer: Any,
    model: Any,
    warm: Sequence[Json],
    test: Sequence[Json],
    *,
    documents: int,
    say: Callable[[str], None],
) -> None:
    """Print the tables; each document goes through every engine in turn.

    Args:
        tokenizer: ours.
        model: a byte-level BPE tokenizer of Hugging Face, or None.
        warm: fills our caches.
        test: other documents, of which `documents` that are valid are measured.
        documents: how many.
        say: receives progress messages.
    """
    judge = jsonschema_rs.Draft7Validator(SCHEMA)
    valid = [value for value in test if judge.is_valid(value)]
    values = random.Random(0).sample(valid, min(documents, len(valid)))
    click.echo("\n## Compiling the schema\n\n| | given | result |\n|---|---|---|")
    others = peer_engines(model, report)
    say(f"filling caches with {len(warm)} documents")
    known, anew = tct_engines(tokenizer, warm)
    rows = [Row(engine=known), Row(engine=anew, judged=False, every=4)]
    rows += [Row(engine=engine) for engine in others]
    for number, value in enumerate(values):
        if number % 20 == 0:
            say(f"masks of document {number} of {len(values)}")
        for row in rows:
            if number % row.every == 0:
                row.tried += 1
                row.accepted += walk(row.engine, value, row.times)
    broken = damaged(values)
    say(f"{len(broken)} invalid documents")
    for name, value in broken:
        for row in rows:
            if row.judged:
                row.wrong[name] += walk(row.engine, value, None)
    print_masks(rows, len(values), len(broken))
    print_wrong(rows, Counter(name for name, _ in broken))


def report(engine: str, given: str, result: str) -> None:
    click.echo(f"| {engine} | {given} | {result} |")


def print_masks(rows: list[Row], num_valid: int, num_broken: int) -> None:
    """Microseconds per mask, up to the first refused token of a document."""
    click.echo(
        f"\n## Masks, {num_valid} valid and {num_broken} invalid test documents\n"
    )
    click.echo(
        "| | keys | ready | accepted | wrongly accepted | masks | mean | median | p90 "
        "| p99 | max |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )
    for row in rows:
        micro = np.array(row.times) / 1000
        spread = " | ".join(
            f"{value:,.1f}" for value in np.percentile(micro, [50, 90, 99, 100])
        )
        wrong = f"{row.wrong.total()}" if row.judged else "as above"
        click.echo(
            f"| {row.engine.name} | {keys(row.engine)} | {row.engine.ready:.2f} s "
            f"| {row.accepted} of {row.tried} | {wrong} | {len(micro):,} "
            f"| {micro.mean():,.1f} | {spread} |"
        )


def print_wrong(rows: list[Row], tried: Counter[str]) -> None:
    """Print which damages were accepted."""
    judged = [row for row in rows if row.judged]
    names = " | ".join(f"{row.engine.name} ({keys(row.engine)})" for row in judged)
    click.echo(f"\n## Invalid documents accepted\n\n| damage | documents | {names} |")
    click.echo("|---" * (len(judged) + 2) + "|")
    for name, count in tried.items():
        accepted = " | ".join(str(row.wrong[name]) for row in judged)
        click.echo(f"| {name} | {count} | {accepted} |")


def keys(engine: Engine) -> str:
    return "sorted" if engine.in_order else "as written"
