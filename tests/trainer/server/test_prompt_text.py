"""What is being typed, as the beginning of a workflow."""

import pytest

from tct.data.errors import PromptError
from tct.data.tokenizer import Tokenizer
from tct.trainer.server.prompt_text import read_prompt

TOKENIZER = Tokenizer.default()
JOB = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n"


@pytest.mark.parametrize("text", ["", " \n\n", "# a comment\n"])
def test_a_text_without_a_document_is_no_beginning_at_all(text: str) -> None:
    assert read_prompt(TOKENIZER, text) == (TOKENIZER.open(None), None)


def test_yaml_and_json_are_the_same_beginning() -> None:
    yaml, _ = read_prompt(TOKENIZER, "name: CI\non: [push]\n")
    assert read_prompt(TOKENIZER, '{"name": "CI", "on": ["push"]}')[0] == yaml


def test_a_last_line_that_fits_is_kept() -> None:
    whole = read_prompt(TOKENIZER, "name: CI\non: push")
    assert read_prompt(TOKENIZER, "name: CI\non: push", partial=True) == whole
    assert whole[1] is None


@pytest.mark.parametrize(
    ("kept", "last"),
    [
        ("", "na"),
        ("name: CI\n", "on: pu"),
        ("name: CI\n", "on"),
        ("name: CI\n", "on: [push,"),
        ("name: CI\n", 'x: "unfinished'),
        (JOB, "    - na"),
        (JOB + "    - run: make\n", "    - name: 'Te"),
        (JOB + "    - run: make\n", "    - us"),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\n  \n"])
def test_a_last_line_that_does_not_fit_is_left_out(
    kept: str, last: str, end: str
) -> None:
    with pytest.raises(PromptError):
        read_prompt(TOKENIZER, kept + last + end)

    prompt, left_out = read_prompt(TOKENIZER, kept + last + end, partial=True)

    assert left_out == last
    assert prompt == read_prompt(TOKENIZER, kept)[0]


def test_only_what_ends_a_line_of_yaml_ends_the_last_line() -> None:
    text = "on: push\nname: a\u2028b ["
    prompt, left_out = read_prompt(TOKENIZER, text, partial=True)
    assert (prompt, left_out) == (read_prompt(TOKENIZER, text)[0], None)
    prompt, left_out = read_prompt(TOKENIZER, text + "\njobs: [", partial=True)
    assert left_out == "jobs: ["
    assert prompt == read_prompt(TOKENIZER, text + "\n")[0]
    prompt, left_out = read_prompt(TOKENIZER, "on: push\nname: 'a\u2028b", partial=True)
    assert left_out == "name: 'a\u2028b"


def test_a_line_that_is_no_utf8_is_not_left_out() -> None:
    with pytest.raises(PromptError, match="not_utf8"):
        read_prompt(TOKENIZER, "on: push\nname: \ud800", partial=True)


def test_no_more_than_one_line_is_left_out() -> None:
    with pytest.raises(PromptError, match="breaks the workflow schema after"):
        read_prompt(TOKENIZER, "on: pushed\nname: CI\njobs: a", partial=True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("on: [push", "syntax: line 2, column 1"),
        ("- push", "not_an_object: the root is an array"),
        ("\ud800", "not_utf8"),
        ("on: push\non: push", "duplicate_key: 'on'"),
    ],
)
def test_what_is_no_workflow_says_why(text: str, problem: str) -> None:
    with pytest.raises(PromptError, match=f"the prompt is not a workflow: {problem}"):
        read_prompt(TOKENIZER, text)
