"""What a document breaks, and where: exact small cases."""

from collections import Counter

import pytest

from tct.data.documents.json_text import Json
from tct.data.tokenizer import Tokenizer
from tct.data.tokenizer.findings import most_common, violations

RUN: dict[str, Json] = {"run": "make"}


def broken(value: Json) -> set[str]:
    tokenizer = Tokenizer.default()
    return violations(tokenizer, tokenizer.encode(value))


def job(**fields: Json) -> dict[str, Json]:
    """A workflow whose one job has these fields."""
    return {"on": "push", "jobs": {"a": {"runs-on": "x", **fields}}}


def test_a_workflow_that_is_allowed_breaks_nothing() -> None:
    assert broken(job(steps=[RUN, {"uses": "a/b@v1", "with": {"c": 1}}])) == set()


def test_a_missing_key_is_named_where_it_is_missing() -> None:
    assert broken({"jobs": {"a": {"uses": "a/b.yml@c"}}}) == {
        "the document: lacks a required key"
    }
    assert broken({"on": "push", "jobs": {}}) == {"jobs: lacks a required key"}
    assert broken({}) == {"the document: lacks a required key"}


@pytest.mark.parametrize(
    ("value", "violation"),
    [
        ({**job(steps=[RUN]), "foo": 1}, "the document: unknown key 'foo'"),
        (job(steps=[RUN], foo=1), "jobs.*: unknown key 'foo'"),
        (job(steps=[RUN, {**RUN, "é": 1}]), "jobs.*.steps[]: unknown key 'é'"),
        (job(steps=[RUN], **{"": 1}), "jobs.*: unknown key ''"),
        (
            {**job(), "\ud800": 1},
            "the document: unknown key '\ufffd\ufffd\ufffd'",
        ),
        ({**job(), "k" * 50: 1}, f"the document: unknown key {'k' * 40!r}"),
        (job(steps="x"), "jobs.*.steps: this text is not allowed here"),
        (job(steps=1), "jobs.*.steps: a number is not allowed here"),
        (job(steps=True), "jobs.*.steps: a boolean is not allowed here"),
        (job(steps=None), "jobs.*.steps: null is not allowed here"),
        (job(steps={}), "jobs.*.steps: an object is not allowed here"),
        (job(steps=[]), "jobs.*.steps: too few or too many items"),
        (job(steps=[RUN, 1]), "jobs.*.steps[]: a number is not allowed here"),
        (job(steps=[RUN, {}]), "jobs.*.steps[]: lacks a required key"),
        (job(steps=[RUN, {"run": []}]), "jobs.*.steps[].run: an array is not allowed"),
        (job(**{"timeout-minutes": "x"}), "jobs.*.timeout-minutes: this text is not"),
        (job(env={"A": {}}), "jobs.*.env.*: an object is not allowed here"),
        ({**job(), "on": "pusch"}, "on: this text is not allowed here"),
        ({**job(), "on": ["push", "x"]}, "on[]: this text is not allowed here"),
        (
            {**job(), "on": {"push": {"branches": ["a"], "branches-ignore": ["b"]}}},
            "on.push: 'branches-ignore' is not allowed here",
        ),
    ],
)
def test_one_problem_is_one_line(value: Json, violation: str) -> None:
    (found,) = broken(value)
    assert found.startswith(violation)


def test_every_problem_is_found_and_equal_ones_are_one() -> None:
    steps: list[Json] = [RUN, {**RUN, "x": 1}, {**RUN, "x": 2}, {**RUN, "y": 3}]
    jobs: Json = {"a": {"runs-on": "x", "steps": steps}, "b": {"runs-on": 1}}
    assert broken({"jobs": jobs}) == {
        "the document: lacks a required key",
        "jobs.*.steps[]: unknown key 'x'",
        "jobs.*.steps[]: unknown key 'y'",
        "jobs.*.runs-on: a number is not allowed here",
    }


@pytest.mark.parametrize(
    ("value", "violation"),
    [
        (job(steps=[{}]), "jobs.*.steps[]: lacks a required key"),
        (job(steps=[{"x": 1, **RUN}]), "jobs.*.steps[]: unknown key 'x'"),
        (job(steps=[1]), "jobs.*.steps[]: a number is not allowed here"),
        (
            {**job(), "on": {"push": {"branches": [1]}}},
            "on.push.branches[]: a number is not allowed here",
        ),
    ],
)
def test_the_first_item_is_an_item_too(value: Json, violation: str) -> None:
    assert broken(value) == {violation}


@pytest.mark.parametrize("name", ["release", "read", "name"])
def test_a_free_key_that_the_schema_names_elsewhere_is_a_star(name: str) -> None:
    value: Json = {"on": "push", "jobs": {name: {"runs-on": 1}}}
    assert broken(value) == {"jobs.*.runs-on: a number is not allowed here"}


def test_what_is_escaped_is_not_looked_into() -> None:
    value: Json = {"on": "push", "jobs": [{"a": [1]}]}
    assert broken(value) == {"jobs: an array is not allowed here"}


def test_the_commonest_come_first_then_by_name() -> None:
    counts = Counter({"b": 2, "a": 2, "c": 5, "d": 1})
    assert most_common(counts, 3) == [("c", 5), ("a", 2), ("b", 2)]
    assert most_common(counts, 9)[-1] == ("d", 1)
    assert most_common(Counter(), 3) == []
