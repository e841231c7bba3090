"""A parser that remembers entries gives what libyaml gives for the whole text."""

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tct.data.json_text import Json, dump
from tct.data.rejects import RejectedError
from tct.data.tokenizer.grammar import MAX_DEPTH
from tct.data.yaml_core import parse_fragment, parse_yaml
from tct.data.yaml_text import to_yaml
from tct.pipeline import yaml_blocks
from tct.pipeline.yaml_blocks import BlockParser
from tct.tests.strategies import workflow_like

LINES = [
    *("a:", "b:", "a: 1", "b: x y", "c: 'on'", "'q': 1", '"a": 2', "<<: 1", ": v"),
    *("- x", "- a: 1", "- - 1", "-", "-x", "-\tx", "? k", "x", "x: y: z", "null: ~"),
    *("# c", "a: # c", "a:  #c", "a: 1 # c", "", "\t", "  ", "\ta: 1"),
    *("c: |", "c: >-", "c: |+", "c: |2", "- |", "text", "   more: text"),
    *('d: "open', "open: 'it", 'close"', "it'", 'close": 3', "f: {a: 1,", "b: 2}"),
    *("[", "]", "- [x,", "{a: 1}", "&x", "a: &x 1", "b: *x", "*x : 1", "a: !!str 1"),
    *("---", "...", "%YAML 1.2", "--- # c", "...x: 1", "#\x01", "a: \x01", "# é\u2028"),
    *("a: 1\r", "b: 1\rc: 2", "a: 1\x85b: 2", "a: 1\u2028b: 2", "\ufeffa: 1"),
]
TEXTS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(LINES)), min_size=1, max_size=9
).map(lambda lines: "\n".join(" " * indent + line for indent, line in lines))


def outcome(parse: Callable[[str], Json], text: str) -> str:
    """The value, with the order of its keys, or why there is none."""
    try:
        return dump(parse(text))
    except RejectedError as problem:
        return f"rejected: {problem}"


@settings(max_examples=500)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.booleans())
@example(['a: "x\nb: y"\n"b": 2', "a: 1\nb: y\n"], True)
@example(["a: {a: 1,\nb: 2}\n", "a: 1\nb: 2}\n"], True)
@example(["c: 1\n", "c: 1\n{a: 1}"], True)
@example(["a: 1\n? k\n", "a: 1\n: v\n", "a: 1\n? k\n: v\n"], True)
@example(["a: 1\n...\nb: 2\n"], True)
@example(["a:\n    b: 1\n  c: 2\n"], True)
@example(["a: |+\n\nb: 1", "b: 1\na: |+\n\n"], True)
def test_any_text_is_read_as_if_it_were_the_first(
    texts: list[str], take_apart: bool
) -> None:
    parser = BlockParser()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_blocks, "_LONG", 0 if take_apart else 256)
        for text in [*texts, "\n".join(texts), *texts]:
            assert outcome(parser.parse, text) == outcome(parse_yaml, text)


@given(st.lists(workflow_like(), min_size=2, max_size=2))
def test_workflows_are_read_as_if_they_were_the_first(values: list[Json]) -> None:
    parser = BlockParser()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_blocks, "_LONG", 0)
        for value in values * 2:
            text = to_yaml(value)
            assert outcome(parser.parse, text) == outcome(parse_yaml, text)


WORKFLOW = """\
# Copyright
name: CI
on: [push]
jobs:  # two

  lint:
    steps:
    - run: lint
  test:
    runs-on: ubuntu-latest
    steps:
      # first
      - uses: actions/checkout@v4
      - run: |
          make
          make test
"""


def test_only_the_entries_that_changed_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []

    def listening(text: str) -> Json:
        read.append(text)
        return parse_fragment(text)

    monkeypatch.setattr(yaml_blocks, "_LONG", 0)
    monkeypatch.setattr(yaml_blocks, "parse_fragment", listening)
    parser = BlockParser()
    parser.parse(WORKFLOW)
    read.clear()
    changed = WORKFLOW.replace("make test", "make check")
    assert dump(parser.parse(changed)) == dump(parse_yaml(changed))
    assert read == ["      - run: |\n          make\n          make check\n"]


def test_entries_are_forgotten_before_they_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(yaml_blocks, "_MAX_KNOWN", 100)
    parser = BlockParser()
    for number in range(50):
        assert parser.parse(f"name: {number}\non: push\n") == {
            "name": number,
            "on": "push",
        }
        assert sum(map(len, parser._known)) <= 100


@pytest.mark.parametrize("depth", [MAX_DEPTH - 40, MAX_DEPTH, MAX_DEPTH + 1])
def test_the_bound_of_depth_is_that_of_a_whole_text(depth: int) -> None:
    lines = [" " * level + "a:" for level in range(depth - 1)]
    text = "\n".join([*lines, " " * depth + "a: 1", ""])
    assert outcome(BlockParser().parse, text) == outcome(parse_yaml, text)
    assert ("too_deep" in outcome(parse_yaml, text)) == (depth > MAX_DEPTH)
