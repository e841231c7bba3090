"""A document token by token: ids, words, paths, and how much was allowed."""

import itertools
import re

import pytest

from tct.data.documents.json_text import Json
from tct.data.tokenizer import Tokenizer, TracedToken
from tct.data.tokenizer.symbols import Control, reference_symbol
from tct.data.tokenizer.trace import Names

STEPS: list[Json] = [
    {"uses": "actions/checkout@v4"},
    {"run": "make\n", "env": {"A B": "x"}},
]
VALID: Json = {"on": "push", "jobs": {"test": {"runs-on": "x", "steps": STEPS}}}
INVALID: Json = {"on": "push", "odd key": 1, "jobs": {}}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.default()


@pytest.fixture(scope="module")
def plain() -> Tokenizer:
    """The default tokenizer without merges: each token is one symbol."""
    merged = Tokenizer.default()
    return Tokenizer(
        merged.grammar,
        characters=merged.characters,
        merges=[],
        schema_sha256=merged.schema_sha256,
    )


def walk(tokenizer: Tokenizer, value: Json) -> list[TracedToken]:
    return list(tokenizer.trace(tokenizer.encode(value)))


@pytest.mark.parametrize("value", [VALID, INVALID])
def test_the_steps_are_the_encoding(tokenizer: Tokenizer, value: Json) -> None:
    steps = walk(tokenizer, value)
    assert [step.id for step in steps] == tokenizer.encode(value).tolist()
    assert [step.position for step in steps] == list(range(len(steps)))
    for step in steps:
        assert step.text == tokenizer.describe(step.id)


def test_symbols_are_read_as_words(tokenizer: Tokenizer) -> None:
    literals = tokenizer.codec.literals
    symbols = (
        f"{literals['runs-on']}a \ue2c3\ue2a9\n{Control.END}{literals['push']}"
        f"{reference_symbol(2)}{Control.CLOSE_OBJECT}{Control.ESCAPE_KEY}\ue2c3"
    )
    assert Names({0: symbols}, tokenizer.codec.words).of(0) == (
        'runs-on "a é\\n" END push ^2 CLOSE_OBJECT ESCAPE_KEY "\ufffd"'
    )


def test_the_steps_of_a_small_workflow(plain: Tokenizer) -> None:
    value: Json = {"on": "push", "jobs": {"a": {"uses": "b/c.yml@d"}}}
    steps = walk(plain, value)
    assert " ".join(step.text for step in steps if '"' not in step.text) == (
        "on push jobs END uses END CLOSE_OBJECT CLOSE_OBJECT CLOSE_OBJECT"
    )
    text = [step.text.strip('"') for step in steps if '"' in step.text]
    assert "".join(text) == "ab/c.yml@d"
    paths = [path for path, _ in itertools.groupby(step.path for step in steps)]
    assert paths == ["on", "", "jobs", "jobs.a", "jobs.a.uses", "jobs.a", "jobs", ""]


def test_paths_say_where_the_next_token_stands(plain: Tokenizer) -> None:
    steps = walk(plain, VALID)
    paths = list(dict.fromkeys(step.path for step in steps))
    assert paths == [
        "on",
        "",
        "jobs",
        "jobs.test",
        "jobs.test.runs-on",
        "jobs.test.steps",
        "jobs.test.steps[0].uses",
        "jobs.test.steps[0]",
        "jobs.test.steps[1]",
        "jobs.test.steps[1].run",
        "jobs.test.steps[1].env",
        'jobs.test.steps[1].env["A B"]',
        "jobs.test.steps[2]",
    ]


@pytest.mark.parametrize(
    ("key", "path"),
    [("a-b_1", "a-b_1"), ("é", "é"), ("", '[""]'), ("a.b", '["a.b"]'), ("0", "0")],
)
def test_a_key_is_quoted_where_it_must_be(
    plain: Tokenizer, key: str, path: str
) -> None:
    steps = walk(plain, {key: [[1]]})
    assert any(step.path == f"{path}[0][0]".removeprefix(".") for step in steps)


def test_the_numbers_are_those_of_the_masks(tokenizer: Tokenizer) -> None:
    state = tokenizer.start()
    steps = walk(tokenizer, VALID)
    for step in steps:
        assert step.num_allowed == state.allowed().sum()
        state = state.advance(step.id)
    assert state.is_complete
    assert len(steps) > 10


def test_what_is_allowed_is_named_by_its_beginning(plain: Tokenizer) -> None:
    first, second, *_ = walk(plain, VALID)
    # Without merges each allowed token is one key or one value, and not yet a close.
    assert first.num_allowed == len(first.allowed)
    assert {"on", "jobs", "name"} <= set(first.allowed)
    assert "steps" not in first.allowed
    assert {"ARRAY", "OBJECT", "push", "pull_request"} <= set(second.allowed)
    assert not {"text", "END", "CLOSE_OBJECT"} & set(first.allowed + second.allowed)
    for step in walk(plain, VALID):
        words = step.allowed[1:] if step.allowed[0] == "text" else step.allowed
        assert list(words) == sorted(words)
    text = next(step for step in walk(plain, VALID) if step.text == '"m"')
    assert text.allowed == ("text", "END", "a reference")


def test_from_the_first_escape_on_nothing_is_known(plain: Tokenizer) -> None:
    steps = walk(plain, INVALID)
    escape = [step.text for step in steps].index("ESCAPE_KEY")
    assert escape == 2
    assert all(step.num_allowed for step in steps[:escape])
    rest = steps[escape:]
    assert {(step.num_allowed, step.allowed) for step in rest} == {(None, ())}
    assert '["odd key"]' in {step.path for step in rest}
    assert rest[-1].path == ""


def test_a_reference_is_read_as_one(tokenizer: Tokenizer) -> None:
    script = "echo a script of some length"
    step: Json = {"run": script}
    value: Json = {"on": "push", "jobs": {"a": {"runs-on": "x", "steps": [step] * 2}}}
    words = " ".join(step.text for step in walk(tokenizer, value))
    assert re.search(r"run \^0 CLOSE_OBJECT", words)
