"""Texts that were written before: exact histories, and how they are encoded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tct.data.documents.json_text import Json, canonical_bytes
from tct.data.tokenizer import Tokenizer
from tct.data.tokenizer.codec import Codec
from tct.data.tokenizer.codec.references import MAX_TEXT, MIN_TEXT, History
from tct.data.tokenizer.symbols import (
    NUM_REFERENCES,
    REFERENCES,
    Control,
    reference_symbol,
)
from tct.pipeline.compiler.schema import compile_schema

ANY: Json = {"type": "array", "items": {"type": "string"}}
SHORT: Json = {"type": "array", "items": {"type": "string", "minLength": 3}}
SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {"any": ANY, "short": SHORT},
    "additionalProperties": False,
}
GRAMMAR = compile_schema(SCHEMA).grammar
CODEC = Codec(GRAMMAR, "")
(ROOT,) = GRAMMAR.nodes[GRAMMAR.root].branches
NODE, OTHER = (GRAMMAR.nodes[ROOT.properties[key]].items for key in ("any", "short"))
LAST, FIRST_OF_ALL = reference_symbol(0), reference_symbol(NUM_REFERENCES - 1)


def long(number: int) -> str:
    return f"a text of some length, number {number}"


def history(*texts: str) -> History:
    """One with texts of NODE."""
    history = History(GRAMMAR)
    for text in texts:
        history.add(NODE, text)
    return history


def symbols_of(value: Json, codec: Codec = CODEC) -> str:
    return "".join(codec.encode(value))


# -- histories -------------------------------------------------------------------------


def test_a_reference_says_how_many_texts_ago() -> None:
    made = history(long(0), long(1), long(2))
    assert [made.find(NODE, long(number)) for number in range(3)] == [
        reference_symbol(2),
        reference_symbol(1),
        reference_symbol(0),
    ]
    assert made.find(NODE, long(3)) is None


@given(st.lists(st.integers(0, 50), max_size=200))
def test_what_is_found_resolves_to_the_text(numbers: list[int]) -> None:
    made = history()
    for number in numbers:
        reference = made.find(NODE, long(number))
        if reference is None:
            made.add(NODE, long(number))
        else:
            assert made.resolve(NODE, reference) == long(number)


@pytest.mark.parametrize(
    ("size", "is_kept"),
    [
        (MIN_TEXT - 1, False),
        (MIN_TEXT, True),
        (MAX_TEXT, True),
        (MAX_TEXT + 1, False),
    ],
)
def test_texts_of_16_to_1024_characters_are_kept(size: int, is_kept: bool) -> None:
    assert (MIN_TEXT, MAX_TEXT) == (16, 1024)
    made = history("é" * size)
    assert made.find(NODE, "é" * size) == (LAST if is_kept else None)
    assert made.resolve(NODE, LAST) == ("é" * size if is_kept else "")


@pytest.mark.parametrize("total", [32, 33, 64, 65, 66, 97, 1000])
def test_the_last_32_texts_can_be_referred_to(total: int) -> None:
    made = history(*map(long, range(total)))
    first = total - NUM_REFERENCES
    assert NUM_REFERENCES == 32
    assert made.find(NODE, long(first)) == FIRST_OF_ALL
    assert made.find(NODE, long(first - 1)) is None
    for number in range(first, total):
        reference = made.find(NODE, long(number))
        assert reference == reference_symbol(total - 1 - number)
        assert made.resolve(NODE, reference) == long(number)


def test_a_reference_that_goes_back_too_far_is_the_first_text() -> None:
    made = history(long(0), long(1))
    assert made.resolve(NODE, reference_symbol(1)) == long(0)
    assert made.resolve(NODE, reference_symbol(2)) == long(0)
    assert made.resolve(NODE, FIRST_OF_ALL) == long(0)


def test_a_reference_to_nothing_is_the_shortest_text_of_the_node() -> None:
    made = history()
    assert made.resolve(NODE, LAST) == ""
    shortest = made.resolve(OTHER, FIRST_OF_ALL)
    assert len(shortest) == 3
    assert CODEC.decode(symbols_of({"short": [shortest]})) == {"short": [shortest]}


def test_every_node_has_texts_of_its_own() -> None:
    made = history(long(0))
    assert made.find(OTHER, long(0)) is None
    made.add(OTHER, long(1))
    assert made.resolve(NODE, LAST) == long(0)
    assert made.resolve(OTHER, LAST) == long(1)


# -- encodings -------------------------------------------------------------------------


def test_the_second_time_a_text_is_one_symbol() -> None:
    value: Json = {"any": [long(0), long(1), long(0), "short", "short", long(0)]}
    any_, end, close = CODEC.literals["any"], Control.END, Control.CLOSE_ARRAY
    again = reference_symbol(1)  # neither short texts nor references are counted
    assert symbols_of(value) == (
        f"{any_}{long(0)}{end}{long(1)}{end}{again}short{end}short{end}{again}{close}"
        f"{Control.CLOSE_OBJECT}"
    )
    assert CODEC.decode(symbols_of(value)) == value


def test_texts_of_different_nodes_are_not_mixed() -> None:
    value: Json = {"any": [long(0)], "short": [long(0), long(0)]}
    symbols = symbols_of(value)
    assert symbols.count(long(0)) == 2
    assert symbols.count(LAST) == 1
    assert CODEC.decode(symbols) == value


def test_keys_and_escaped_texts_are_no_texts_to_refer_to() -> None:
    value: Json = {"unknown": {long(0): long(0)}, "any": [long(0)]}
    assert symbols_of(value).count(long(0)) == 3
    value = {"any": {long(0): 1}, "short": [[long(0)], long(0)]}
    assert symbols_of(value).count(long(0)) == 3
    assert CODEC.decode(symbols_of(value)) == value


def test_a_reference_is_at_most_1024_characters() -> None:
    text = "x" * MAX_TEXT
    value: Json = {"any": [text] * 100}
    assert len(symbols_of(value)) == MAX_TEXT + 103
    assert CODEC.decode(symbols_of(value)) == value
    longer: Json = {"any": [text + "x"] * 100}
    assert len(symbols_of(longer)) > 100 * MAX_TEXT
    assert CODEC.decode(symbols_of(longer)) == longer


@given(st.text(sorted(REFERENCES), max_size=50), st.integers(0, 40))
def test_any_references_are_a_document(references: str, count: int) -> None:
    written = "".join(long(number) + Control.END for number in range(count))
    closed = Control.CLOSE_ARRAY + Control.CLOSE_OBJECT
    value = CODEC.decode(f"{CODEC.literals['any']}{written}{references}{closed}")
    assert isinstance(value, dict)
    texts = value["any"]
    assert isinstance(texts, list)
    assert len(texts) == count + len(references)
    known = {long(number) for number in range(count)} or {""}
    assert set(texts[count:]) <= known


# -- the default tokenizer -------------------------------------------------------------

ACTION = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"
SCRIPT = "set -euo pipefail\nmake all\nmake test\n"


def workflow(*steps: dict[str, Json]) -> dict[str, Json]:
    job: dict[str, Json] = {"runs-on": "ubuntu-latest", "steps": list(steps)}
    return {"on": "push", "jobs": {"a": job}}


@pytest.mark.parametrize("step", [{"run": SCRIPT}, {"uses": ACTION}])
def test_a_step_that_comes_again_is_short(step: dict[str, Json]) -> None:
    tokenizer = Tokenizer.default()
    once, twice = (symbols_of(workflow(*[step] * n), tokenizer.codec) for n in (1, 2))
    # The key, the reference and the close of the step.
    assert len(twice) - len(once) == 3
    assert LAST in twice
    assert LAST not in once
    ids = tokenizer.encode(workflow(step, step))
    assert len(ids) <= len(tokenizer.encode(workflow(step))) + 3
    assert tokenizer.decode(ids) == workflow(step, step)
    assert tokenizer.is_on_schema(ids)


def test_a_condition_is_no_reference_to_a_name() -> None:
    codec = Tokenizer.default().codec
    value = workflow({"name": SCRIPT, "run": SCRIPT, "if": SCRIPT})
    symbols = symbols_of(value, codec)
    assert symbols.count("pipefail") == 2  # a name and a script are both any text
    assert codec.decode(symbols) == value


def test_no_node_of_the_workflow_schema_has_a_long_shortest_text() -> None:
    grammar = Tokenizer.default().grammar
    texts = [
        grammar.shortest_text(number)
        for number, node in enumerate(grammar.nodes)
        if node.text >= 0
    ]
    assert "" in texts
    assert max(map(len, texts)) < MIN_TEXT


_ODD = ["x" * 15, "y" * 16, "z" * 1024, "w" * 1025, "é" * 16 + "\ud800"]


def _steps() -> st.SearchStrategy[list[dict[str, Json]]]:
    keys = st.sampled_from(["name", "run", "uses", "if", "id", "shell", "odd"])
    texts = st.sampled_from([ACTION, SCRIPT, *_ODD, *map(long, range(40))])
    env = st.dictionaries(keys, texts, max_size=4).map(lambda pairs: {"env": pairs})
    step = st.dictionaries(keys, texts, max_size=5)
    return st.lists(st.builds(lambda a, b: {**a, **b}, step, env), max_size=30)


@given(_steps())
def test_workflows_of_few_long_texts_survive(steps: list[dict[str, Json]]) -> None:
    tokenizer = Tokenizer.default()
    value = workflow(*steps)
    decoded = tokenizer.decode(tokenizer.encode(value))
    assert canonical_bytes(decoded) == canonical_bytes(value)


def test_the_texts_of_one_document_are_not_those_of_the_next() -> None:
    tokenizer = Tokenizer.default()
    value = workflow({"run": SCRIPT})
    first, second = tokenizer.encode_stream([value, value])
    assert first.tolist() == second.tolist()
