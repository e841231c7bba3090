"""Prompts: kept as they are, and open where the model is to go on."""

import jsonschema_rs
import pytest

from tct.data.documents.json_text import Json
from tct.data.errors import PromptError
from tct.data.tokenizer import Tokenizer
from tct.pipeline.workflow_schema import workflow_schema
from tct.trainer.generation import shortcut

VALIDATOR = jsonschema_rs.Draft7Validator(workflow_schema())


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.default()


PROMPT: Json = {
    "name": "Mine",
    "on": {"push": {"branches": ["main"]}},
    "jobs": {"build": {"runs-on": "ubuntu-latest", "steps": [{"uses": "a/b@v1"}]}},
}


@pytest.mark.parametrize(
    "prompt",
    [
        {},
        {"name": "x"},
        {"on": "push", "jobs": None},
        {"on": "push", "jobs": {"a": None}},
        {"on": "push", "jobs": {"a": {"runs-on": "x", "steps": None}}},
        {"on": "push", "jobs": {"a": {"runs-on": "x", "steps": []}}},
        {"on": "push", "jobs": {"a": {"runs-on": "x", "strategy": {}}}},
        {"on": "push", "jobs": {"a": {"runs-on": "x", "steps": [{}]}}},
    ],
)
def test_what_is_missing_at_the_end_of_a_prompt_is_left_to_the_model(
    tokenizer: Tokenizer, prompt: Json
) -> None:
    opened = tokenizer.open(prompt)
    assert not opened.state.is_complete
    value = tokenizer.decode([*opened.ids, *opened.state.shortest_completion()])
    assert VALIDATOR.is_valid(value)


def test_the_ids_of_a_prompt_lead_to_its_state(tokenizer: Tokenizer) -> None:
    opened = tokenizer.open(PROMPT)
    walked = tokenizer.start()
    for token in opened.ids:
        walked = walked.advance(token)
    assert walked == opened.state


def test_a_prompt_that_breaks_the_schema_is_refused_where_it_does(
    tokenizer: Tokenizer,
) -> None:
    with pytest.raises(PromptError, match=r"breaks the workflow schema after .*jobs"):
        tokenizer.open({"jobs": {"a": {"runs-on": 5}}, "on": "push"})
    with pytest.raises(PromptError, match="breaks the workflow schema"):
        tokenizer.open({"unknown": 1, "on": "push"})


def begun(tokenizer: Tokenizer, value: Json, depth: int | None) -> str:
    """The JSON text that a prompt begins with."""
    opened = tokenizer.open(value, depth=depth)
    return tokenizer.decode_prefix(opened.ids).text


@pytest.mark.parametrize(
    ("depth", "text"),
    [
        (None, '{"name":"x","on":["push"'),
        (2, '{"name":"x","on":["push"'),
        (1, '{"name":"x","on":["push"]'),
    ],
)
def test_only_so_many_containers_stay_open(
    tokenizer: Tokenizer, depth: int | None, text: str
) -> None:
    assert begun(tokenizer, {"name": "x", "on": ["push"]}, depth) == text


@pytest.mark.parametrize(
    ("shortcuts", "text"),
    [
        (("CI", [], None), '{"name":"CI"'),
        ((None, ["push"], None), '{"on":"push"'),
        (("CI", ["push", "fork"], None), '{"name":"CI","on":["push","fork"]'),
        (
            (None, ["push", "fork"], "ubuntu-latest"),
            '{"on":["push","fork"],"jobs":{"build":{"runs-on":"ubuntu-latest"',
        ),
    ],
)
def test_shortcuts_stand_for_a_prompt(
    tokenizer: Tokenizer, shortcuts: tuple[str, list[str], str], text: str
) -> None:
    assert begun(tokenizer, *shortcut(*shortcuts)) == text
