"""Masks under GitHub's rules: what they refuse, and what they promise."""

import json
import os
import subprocess
import sys
from importlib.resources import files
from typing import Any

import jsonschema_rs
import numpy as np
import pytest

from tct.data.documents.json_text import Json
from tct.data.rules.contexts import AVAILABILITY
from tct.data.tokenizer import State, StrictState, Tokenizer
from tct.data.tokenizer.strict.expressions import CLOSED, Expression, Expressions
from tct.data.tokenizer.strict.languages import common, form
from tct.data.tokenizer.strict.names import Job, Names
from tct.data.tokenizer.strict.words import site

TOKENIZER = Tokenizer.default()
_SCHEMA = files("check_jsonschema") / "builtin_schemas/vendor/github-workflows.json"
VALIDATOR = jsonschema_rs.Draft7Validator(json.loads(_SCHEMA.read_bytes()))


def start() -> State | StrictState:
    return TOKENIZER.open(None, rules="github").state


def accepts(value: Json) -> bool:
    """Whether the masks let a model write a document."""
    state = start()
    for token in TOKENIZER.encode(value).tolist():
        if not state.allowed()[token]:
            return False
        state = state.advance(token)
    return state.is_complete


def job(**fields: Json) -> dict[str, Json]:
    return {"runs-on": "ubuntu-latest", "steps": [{"run": "make"}], **fields}


def workflow(**jobs: Json) -> Json:
    return {"on": "push", "jobs": jobs}


def step(**fields: Any) -> Json:
    return workflow(a=job(steps=[fields]))


GOOD: dict[str, Json] = {
    "a script": step(run="make"),
    "an expression": step(run="echo ${{ github.ref }} and ${{secrets.A_B}}"),
    "a call": step(run="echo ${{ hashFiles('**/go.sum') }}"),
    "a nested call": step(run="${{ format('a {0}', toJSON(vars.X)) }}", name="x"),
    "a bare condition": step(run="x", **{"if": "always() && github.ref == 'a'"}),
    "a wrapped condition": step(run="x", **{"if": "${{ !cancelled() }}"}),
    "an action": step(uses="actions/checkout@v4", **{"with": {"path": "x"}}),
    "a local action": step(uses="./.github/actions/x"),
    "an image": step(uses="docker://alpine:3.8"),
    "a reusable workflow": workflow(a={"uses": "./.github/workflows/x.yml"}),
    "an earlier job": workflow(a=job(), b=job(needs="a")),
    "its result": workflow(
        a=job(outputs={"v": "x"}),
        b=job(needs=["a"], **{"if": "needs.a.outputs.v == 'x'"}),
    ),
    "an earlier step": workflow(
        a=job(steps=[{"run": "x", "id": "s"}, {"run": "${{ steps.s.outputs.v }}"}])
    ),
    "an axis": workflow(
        a={
            "strategy": {"matrix": {"os": ["x"]}},
            "runs-on": "${{ matrix.os }}",
            "steps": [{"run": "x"}],
        }
    ),
    "a schedule": {"on": {"schedule": [{"cron": "0 3 * * 1"}]}, "jobs": {"a": job()}},
}

BAD: dict[str, Json] = {
    "an expression that is not closed": step(run="echo ${{ github.ref"),
    "an empty expression": step(run="echo ${{ }}"),
    "an unknown context": step(run="echo ${{ foo.bar }}"),
    "an unknown property": step(run="echo ${{ github.foo }}"),
    "an unknown function": step(run="echo ${{ upper(github.ref) }}"),
    "too few arguments": step(run="echo ${{ contains(github.ref) }}"),
    "too many arguments": step(run="echo ${{ toJSON(github, github) }}"),
    "an object in a text": step(run="echo ${{ github }}"),
    "a status function in a script": step(run="echo ${{ always() }}"),
    "a context that is not there yet": {
        "run-name": "${{ secrets.X }}",
        **dict(workflow(a=job())),  # type: ignore[arg-type]
    },
    "a constant condition": step(run="x", **{"if": "true == false"}),
    "an expression in a name": {
        "name": "${{ github.ref }}",
        **dict(workflow(a=job())),  # type: ignore[arg-type]
    },
    "an action without a ref": step(uses="actions/checkout"),
    "an empty script": step(run=""),
    "an input of a script": step(run="x", **{"with": {"a": "b"}}),
    "a name of a variable with a dash": step(run="x", env={"A-B": "x"}),
    "an id with a dot": step(run="x", id="a.b"),
    "an unknown label": workflow(a={"runs-on": "foo", "steps": [{"run": "x"}]}),
    "a job without steps": workflow(a={"runs-on": "ubuntu-latest"}),
    "an unknown job": workflow(a=job(needs="b")),
    "a job that is written later": workflow(a=job(), b=job(needs="c"), c=job()),
    "a job that needs itself": workflow(a=job(), b=job(needs="b")),
    "a job that needs another twice": workflow(a=job(), b=job(needs=["a", "a"])),
    "an output that is not declared": workflow(
        a=job(), b=job(needs="a", name="${{ needs.a.outputs.v }}")
    ),
    "a step that comes later": workflow(
        a=job(steps=[{"run": "${{ steps.s.outputs.v }}"}, {"run": "x", "id": "s"}])
    ),
    "the same id twice": workflow(
        a=job(steps=[{"run": "x", "id": "s"}, {"run": "x", "id": "s"}])
    ),
    "an unknown axis": step(run="echo ${{ matrix.os }}"),
    "an axis of objects": workflow(
        a={
            "strategy": {"matrix": {"os": [{"a": "x"}]}},
            "runs-on": "${{ matrix.os }}",
            "steps": [{"run": "x"}],
        }
    ),
    "a schedule of six fields": {
        "on": {"schedule": [{"cron": "0 0 3 * * 1"}]},
        "jobs": {"a": job()},
    },
}


@pytest.mark.parametrize("value", GOOD.values(), ids=list(GOOD))
def test_what_github_takes_can_be_written(value: Json) -> None:
    assert VALIDATOR.is_valid(value)
    assert accepts(value)


@pytest.mark.parametrize("value", BAD.values(), ids=list(BAD))
def test_what_breaks_a_rule_cannot_be_written(value: Json) -> None:
    assert VALIDATOR.is_valid(value)
    assert not accepts(value)


@pytest.mark.parametrize("seed", range(12))
def test_any_walk_closes_within_its_budget(seed: int) -> None:
    random, budget = np.random.default_rng(seed), 60 + 20 * seed
    state: State | StrictState = start()
    ids: list[int] = []
    while not state.is_complete:
        allowed = np.flatnonzero(state.allowed())
        assert len(allowed)
        following = state.advance(token := int(random.choice(allowed)))
        if not following.fits(budget - len(ids) - 1):
            ids += state.shortest_completion()
            break
        ids.append(token)
        state = following

    assert len(ids) <= budget
    assert VALIDATOR.is_valid(TOKENIZER.decode(ids))
    state = start()
    for token in ids:  # the completion keeps the rules, too
        state = state.advance(token)
    assert state.is_complete


def test_a_mask_has_every_token_that_keeps_the_rules() -> None:
    state = start()
    for token in TOKENIZER.encode(GOOD["its result"]).tolist():
        tried = np.flatnonzero(TOKENIZER.start().allowed())[::40]
        for other in tried.tolist():
            try:
                state.advance(other)
            except ValueError:
                assert not state.allowed()[other]
            else:
                assert state.allowed()[other]
        state = state.advance(token)


@pytest.mark.parametrize("place", AVAILABILITY)
def test_every_expression_can_be_completed(place: str) -> None:
    names = Names(
        jobs=(Job("a", ("v",)),),
        needs=("a",),
        steps=("s",),
        axes=("os",),
        inputs=("i",),
    )
    machine, random = Expressions(), np.random.default_rng(0)
    characters = [chr(code) for code in range(0x20, 0x7F)]
    for number in range(30):
        at = site(place, names)  # type: ignore[arg-type]
        state = Expression(
            "template", at, "operand", "secret" if place == "password" else "scalar"
        )
        for _ in range(number):
            moves = [m for c in characters if (m := machine.step(state, c))]
            moved = moves[int(random.integers(len(moves)))]
            if not isinstance(moved, Expression):
                break
            state = moved
        rest = machine.closing(state)
        for character in rest[:-1]:
            following = machine.step(state, character)
            assert isinstance(following, Expression)
            state = following
        assert machine.step(state, rest[-1]) == CLOSED


def test_a_prompt_may_have_texts_that_are_never_written() -> None:
    value = workflow(a=job(steps=[{"run": "  ${{   github.ref   }}", "id": "s"}]))
    state = TOKENIZER.open(value, rules="github").state

    assert not accepts(value)
    assert state.allowed().any()


def test_a_prompt_with_a_key_that_is_never_written_goes_on_under_the_schema() -> None:
    value = workflow(a=job(steps=[{"run": "x", "background": True}]))
    prompt = TOKENIZER.open(value, rules="github")
    assert prompt.rules == "schema"
    assert prompt == TOKENIZER.open(value, rules="schema")
    assert TOKENIZER.open(workflow(a=job()), rules="github").rules == "github"
    assert TOKENIZER.open(None, rules="github").rules == "github"


def test_common_texts_are_those_of_both() -> None:
    both = common(form("id"), form("variable"))
    assert both is not None
    assert [both.label(text) for text in ("a_1", "a-1", "1a")] == [0, -1, -1]
    assert common(form("minutes"), form("variable")) is None


@pytest.mark.parametrize("seed", [4, 10])
def test_tokens_that_could_break_a_rule_can_be_taken_if_allowed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    state = TOKENIZER.open(None, rules="github").state
    assert isinstance(state, StrictState)
    masks = state._engine.masks
    risky = {*masks._risky, *masks._referring, *masks._expressive}
    taken = 0
    for number in range(180):
        allowed = np.flatnonzero(state.allowed()).tolist()
        # Seed 10 has a text of sixteen characters, from where on references count it.
        tried = risky.intersection(allowed) if number % 10 == 0 else ()
        for token in {*tried, *masks._late}.intersection(allowed):
            state.advance(token)
            taken += 1
        following = state.advance(int(rng.choice(allowed)))
        if following.is_complete:
            break
        state = following
    assert taken


@pytest.mark.parametrize("seed", [1, 18])
def test_masks_are_what_trying_every_token_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    state = TOKENIZER.open(None, rules="github").state
    assert isinstance(state, StrictState)
    masks = state._engine.masks
    watched = [*masks._risky, *masks._referring, *masks._late]
    for number in range(150):
        allowed = state.allowed()
        if number % 10 == 0:
            tried = masks._walkable((state._stack, state._scope), masks._vocabulary)
            assert np.array_equal(np.flatnonzero(allowed), np.sort(tried))
        choices = np.flatnonzero(allowed)
        rare = np.intersect1d(choices, watched)
        likes_rare = len(rare) > 0 and rng.random() < 0.35
        state = state.advance(int(rng.choice(rare if likes_rare else choices)))
        if state.is_complete:
            break
    assert number > 50


AUTOMATA = """
from tct.data.tokenizer import Tokenizer
engine = Tokenizer.default().open(None, rules="github").state._engine
print(engine.scopes.pushdown.grammar.automata)
"""


def test_another_process_narrows_the_grammar_alike() -> None:
    """The order of sets changes from process to process, and columns decide ties."""
    first, second = (
        subprocess.run(
            [sys.executable, "-c", AUTOMATA],
            check=True,
            capture_output=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    )
    assert first == second != b""
