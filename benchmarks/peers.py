"""Masks per token: the tokenizer's own, xgrammar's and llguidance's.

Both engines get the workflow schema and a BPE vocabulary; where one refuses the schema
its message is printed, and it gets the smallest change that it compiles.
"""

import copy
import json
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path
from typing import Any

import click
import jsonschema_rs
import numpy as np

from tct.data.json_text import Json, canonical_bytes
from tct.data.tokenizer import Tokenizer
from tct.pipeline.workflow_schema import workflow_schema

SCHEMA = workflow_schema()
END = 8192
"""The id that ends a document, for the engines that need one."""

Walk = Callable[[Json, list[int] | None], bool]
"""Whether a document is accepted; appends the nanoseconds of each of its masks.

Without a list, masks are only made where there is no other way to ask.
"""


@dataclass(kw_only=True)
class Engine:
    """One row: a way to make masks and the form of the documents it is given."""

    name: str
    walk: Walk
    ready: float
    in_order: bool = False
    """Whether keys are sorted as the schema lists them before a document is read."""
    judged: bool = True
    """Whether invalid documents are tried."""
    every: int = 1
    """Only each so-many-th valid document is measured."""
    tried: int = 0
    accepted: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    times: list[int] = field(default_factory=list)

    def accepts(self, value: Json, times: list[int] | None) -> bool:
        """What `walk` says about a document in the right form."""
        return self.walk(
            in_schema_order(value, [SCHEMA]) if self.in_order else value, times
        )


# -- the tokenizer itself --------------------------------------------------------------


def walk_tct(tokenizer: Tokenizer, value: Json, times: list[int] | None) -> bool:
    state = tokenizer.start()
    for token in tokenizer.encode(value).tolist():
        begun = time.perf_counter_ns()
        allowed = state.allowed()
        if times is not None:
            times.append(time.perf_counter_ns() - begun)
        if not allowed[token]:
            return False
        state = state.advance(token)
    return state.is_complete


def tct_engines(tokenizer: Tokenizer, warm: Sequence[Json]) -> list[Engine]:
    """One with caches filled by other documents, one made anew for each document."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        tokenizer.save(path)
        begun = time.perf_counter()
        filled = Tokenizer.load(path)
        filled.start().allowed()
        ready = time.perf_counter() - begun
    for value in warm:
        walk_tct(filled, value, None)

    def walk_fresh(value: Json, times: list[int] | None) -> bool:
        fresh = Tokenizer(
            filled.grammar,
            characters=filled.characters,
            merges=filled.merges,
            schema_sha256=filled.schema_sha256,
        )
        return walk_tct(fresh, value, times)

    return [
        Engine(
            name="TCT, caches filled by training documents",
            walk=lambda value, times: walk_tct(filled, value, times),
            ready=ready,
        ),
        Engine(
            name="TCT, made anew for each document",
            walk=walk_fresh,
            ready=ready,
            judged=False,
            every=4,
        ),
    ]


# -- xgrammar --------------------------------------------------------------------------


def xgrammar_engines(model: Any) -> list[Engine]:
    """Fixed order of keys and any order, both on the schema with escaped newlines."""
    import torch
    import xgrammar

    torch.set_num_threads(1)
    info = xgrammar.TokenizerInfo(
        [model.id_to_token(number) for number in range(END)] + ["<end>"],
        xgrammar.VocabType.BYTE_LEVEL,
        stop_token_ids=[END],
    )
    compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
    try:
        compiler.compile_json_schema(json.dumps(SCHEMA))
        report("xgrammar", "as it is", "compiled")
    except RuntimeError as error:
        message = re.sub(r"^\[.*?\] \S+ ", "", str(error).strip())
        report("xgrammar", "as it is", f"refused: {message}")

    bits = xgrammar.allocate_token_bitmask(1, END + 1)

    def engine(name: str, *, in_order: bool, any_order: bool) -> Engine:
        begun = time.perf_counter()
        grammar = compiler.compile_json_schema(
            json.dumps(newlines_escaped(SCHEMA)), strict_mode=False, any_order=any_order
        )
        ready = time.perf_counter() - begun

        def walk(value: Json, times: list[int] | None) -> bool:
            matcher = xgrammar.GrammarMatcher(grammar)
            for token in model.encode(canonical_bytes(value).decode()).ids:
                if times is not None:
                    begun = time.perf_counter_ns()
                    matcher.fill_next_token_bitmask(bits)
                    times.append(time.perf_counter_ns() - begun)
                if not matcher.accept_token(token):
                    return False
            return bool(matcher.accept_token(END))

        return Engine(name=name, walk=walk, ready=ready, in_order=in_order)

    patched = "`strict_mode=False`, two patterns with newlines escaped"
    report("xgrammar", patched, "compiled")
    return [
        engine("xgrammar, fixed order", in_order=False, any_order=False),
        engine("xgrammar, fixed order", in_order=True, any_order=False),
        engine("xgrammar, any order", in_order=False, any_order=True),
    ]


def newlines_escaped(part: Any) -> Any:
    """The same schema, newlines inside patterns written as escapes."""
    if isinstance(part, list):
        return [newlines_escaped(item) for item in part]
    if not isinstance(part, dict):
        return part
    changed = {key: newlines_escaped(value) for key, value in part.items()}
    if isinstance(pattern := part.get("pattern"), str):
        changed["pattern"] = pattern.replace("\r", r"\r").replace("\n", r"\n")
    return changed


# -- llguidance ------------------------------------------------------------------------


def llguidance_engines(model: Any) -> list[Engine]:
    """The schema as it is, with the options that make llguidance take it."""
    import llguidance
    import llguidance.numpy
    from tokenizers import Tokenizer as HuggingFace

    ended = HuggingFace.from_str(model.to_str())
    ended.add_special_tokens(["<end>"])
    tokens = llguidance.LLTokenizer(ended.to_str(), eos_token=END)
    bits = llguidance.numpy.allocate_token_bitmask(1, END + 1)
    for options in ({}, {"lenient": True}):
        begun = time.perf_counter()
        grammar = llguidance.LLMatcher.grammar_from_json_schema(
            json.dumps(SCHEMA), overrides={"whitespace_flexible": False, **options}
        )
        compiled = llguidance.LLMatcher(tokens, grammar, log_level=0)
        ready = time.perf_counter() - begun
        refused = compiled.get_error().splitlines()
        notes = "; ".join(
            note.split(".")[0] for note in compiled.get_grammar_warnings()
        )
        given = ", ".join(f"`{option}`" for option in options) or "as it is"
        result = f"refused: {refused[0]}" if refused else f"compiled; {notes}"
        report("llguidance", given, result)

    def walk(value: Json, times: list[int] | None) -> bool:
        matcher = compiled.deep_copy()
        for token in model.encode(canonical_bytes(value).decode()).ids:
            begun = time.perf_counter_ns()
            llguidance.numpy.fill_next_token_bitmask(matcher, bits)
            if times is not None:
                times.append(time.perf_counter_ns() - begun)
            if not bits[0, token // 32] >> (token % 32) & 1:
                return False
            matcher.consume_token(token)
        return bool(matcher.is_accepting())

    return [
        Engine(name="llguidance", walk=walk, ready=ready, in_order=in_order)
        for in_order in (False, True)
    ]


# -- documents -------------------------------------------------------------------------


def in_schema_order(value: Json, parts: list[Any]) -> Json:
    """`value` with its keys in the order in which `parts` of the schema list them."""
    parts = [found for part in parts for found in alternatives(part)]
    if isinstance(value, list):
        items = [part["items"] for part in parts if isinstance(part.get("items"), dict)]
        return [in_schema_order(item, items) for item in value]
    if not isinstance(value, dict):
        return value
    listed = dict.fromkeys(key for part in parts for key in part.get("properties", {}))
    rank = {key: number for number, key in enumerate(listed)}
    return {
        key: in_schema_order(
            value[key], [child for part in parts for child in below(part, key)]
        )
        for key in sorted(value, key=lambda key: rank.get(key, len(rank)))
    }


def alternatives(part: Any) -> list[dict[str, Any]]:
    """A part of the schema and all that it refers to without going into a value."""
    if not isinstance(part, dict):
        return []
    inner = (
        [SCHEMA["definitions"][part["$ref"].rsplit("/")[-1]]] if "$ref" in part else []
    )
    for keyword in ("allOf", "anyOf", "oneOf"):
        inner += part.get(keyword, [])
    return [part, *(found for other in inner for found in alternatives(other))]


def below(part: dict[str, Any], key: str) -> list[Any]:
    """What a part of the schema says about the value of a key."""
    if key in part.get("properties", {}):
        return [part["properties"][key]]
    return [
        *part.get("patternProperties", {}).values(),
        part.get("additionalProperties"),
    ]


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
        say: is told what is going on.
    """
    judge = jsonschema_rs.Draft7Validator(SCHEMA)
    valid = [value for value in test if judge.is_valid(value)]
    values = random.Random(0).sample(valid, min(documents, len(valid)))
    click.echo("\n## Compiling the schema\n\n| | given | result |\n|---|---|---|")
    engines = []
    for name, make in (
        ("xgrammar", xgrammar_engines),
        ("llguidance", llguidance_engines),
    ):
        if model is None or util.find_spec(name) is None:
            report(name, "-", "not installed")
        else:
            engines += make(model)
    say(f"filling caches with {len(warm)} documents")
    engines = tct_engines(tokenizer, warm) + engines
    for number, value in enumerate(values):
        if number % 20 == 0:
            say(f"masks of document {number} of {len(values)}")
        for engine in engines:
            if number % engine.every == 0:
                engine.tried += 1
                engine.accepted += engine.accepts(value, engine.times)
    broken = damaged(values)
    say(f"{len(broken)} invalid documents")
    for name, value in broken:
        for engine in engines:
            if engine.judged:
                engine.wrong[name] += engine.accepts(value, None)
    print_masks(engines, len(values), len(broken))
    print_wrong(engines, Counter(name for name, _ in broken))


def report(engine: str, given: str, result: str) -> None:
    click.echo(f"| {engine} | {given} | {result} |")


def print_masks(engines: list[Engine], num_valid: int, num_broken: int) -> None:
    """Microseconds per mask, up to the first refused token of a document."""
    click.echo(
        f"\n## Masks, {num_valid} valid and {num_broken} invalid test documents\n"
    )
    click.echo(
        "| | keys | ready | accepted | wrongly accepted | masks | mean | median | p90 "
        "| p99 | max |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )
    for engine in engines:
        micro = np.array(engine.times) / 1000
        spread = " | ".join(
            f"{value:,.1f}" for value in np.percentile(micro, [50, 90, 99, 100])
        )
        wrong = f"{engine.wrong.total()}" if engine.judged else "as above"
        click.echo(
            f"| {engine.name} | {keys(engine)} | {engine.ready:.2f} s "
            f"| {engine.accepted} of {engine.tried} | {wrong} | {len(micro):,} "
            f"| {micro.mean():,.1f} | {spread} |"
        )


def print_wrong(engines: list[Engine], tried: Counter[str]) -> None:
    """Which damages were let through."""
    judged = [engine for engine in engines if engine.judged]
    names = " | ".join(f"{e.name.split(', caches')[0]} ({keys(e)})" for e in judged)
    click.echo(f"\n## Invalid documents accepted\n\n| damage | documents | {names} |")
    click.echo("|---" * (len(judged) + 2) + "|")
    for name, count in tried.items():
        accepted = " | ".join(str(engine.wrong[name]) for engine in judged)
        click.echo(f"| {name} | {count} | {accepted} |")


def keys(engine: Engine) -> str:
    return "sorted" if engine.in_order else "as written"
