"""Every JSON value survives, and nothing else is decoded."""

import json
from pathlib import Path

import jsonschema_rs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tct.data.documents.json_text import Json, canonical_bytes
from tct.data.errors import CorruptError, DecodeError, FormatError
from tct.data.store import Store
from tct.data.tokenizer import VOCAB_SIZE, Tokenizer
from tct.data.tokenizer.grammar import MAX_DEPTH
from tct.data.tokenizer.symbols import ESCAPES, FIRST_CHARACTER_ID, Control
from tct.pipeline.workflow_schema import workflow_schema
from tct.tests.strategies import json_values, workflow_like

VALIDATOR = jsonschema_rs.Draft7Validator(workflow_schema())


@pytest.fixture(scope="module")
def tokenizer(store: Store) -> Tokenizer:
    return store.tokenizer


def same(a: Json, b: Json) -> bool:
    """Equal in type, order and text, which == is not: 1 == 1.0 == True."""
    return canonical_bytes(a) == canonical_bytes(b)


@settings(deadline=None)
@given(value=json_values())
def test_any_json_value_survives(tokenizer: Tokenizer, value: Json) -> None:
    assert same(tokenizer.decode(tokenizer.encode(value)), value)


@settings(deadline=None, max_examples=300)
@given(value=workflow_like())
def test_near_workflows_survive_and_are_on_schema_only_if_valid(
    tokenizer: Tokenizer, value: dict[str, Json]
) -> None:
    ids = tokenizer.encode(value)
    assert same(tokenizer.decode(ids), value)
    if tokenizer.is_on_schema(ids):
        assert VALIDATOR.is_valid(value)


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        "",
        None,
        0,
        -0.0,
        1.0,
        10**300,
        1.7976931348623157e308,
        5e-324,
        {"": {"": ""}},
        {"on": {"on": "on"}, "jobs": ["jobs"]},
        {"on": "\ud800", "\udfff": [{"\ud800": 1}]},
        {"name": "\ue000\ue100\ue2c3\uf8ff\U0010ffff\x00\x7f\u2028"},
        {"on": {"push": {"branches": [], "branches-ignore": ["x"]}}},
        {"jobs": {"a": {"needs": [[], [1]], "steps": "x", "runs-on": []}}},
        {"jobs": {"a": {"steps": [{"run": "a", "uses": "b"}, {}, {"name": "c"}]}}},
        {"on": ["push", 1, None], "jobs": {"1a": {}, "a": {"steps": [[], {}]}}},
        {"on": {"schedule": []}, "jobs": {}},
        {"on": {"schedule": {}}, "jobs": None},
        {"on": {"schedule": "x"}, "extra": {"on": []}},
    ],
)
def test_awkward_values_survive(tokenizer: Tokenizer, value: Json) -> None:
    assert same(tokenizer.decode(tokenizer.encode(value)), value)


def test_nesting_goes_to_the_bound_and_not_beyond(tokenizer: Tokenizer) -> None:
    value: Json = 1
    for _ in range(MAX_DEPTH):
        value = [value]
    assert tokenizer.decode(tokenizer.encode(value)) == value
    with pytest.raises(ValueError, match=f"nested deeper than {MAX_DEPTH}"):
        tokenizer.encode([value])


def test_key_order_is_kept(tokenizer: Tokenizer) -> None:
    value: Json = {"jobs": {}, "on": "push", "name": "x", "zz": 1, "aa": 2}
    decoded = tokenizer.decode(tokenizer.encode(value))
    assert isinstance(decoded, dict)
    assert list(decoded) == ["jobs", "on", "name", "zz", "aa"]


def test_ids_are_uint16_below_the_vocabulary_size(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode({"on": "push", "jobs": {"a": "é𝄞"}})
    assert ids.dtype == np.uint16
    assert ids.max() < VOCAB_SIZE


def test_escapes_and_bytes_are_never_part_of_a_merged_token(
    tokenizer: Tokenizer,
) -> None:
    for number, symbols in tokenizer.vocabulary.items():
        if number >= FIRST_CHARACTER_ID and len(symbols) > 1:
            assert not set(symbols) & ESCAPES
            assert not any("\ue280" <= symbol <= "\ue2ff" for symbol in symbols)


# -- prefixes --------------------------------------------------------------------------


@settings(deadline=None, max_examples=50)
@given(value=json_values(max_leaves=10))
def test_the_text_of_a_prefix_is_continued_by_longer_ones(
    tokenizer: Tokenizer, value: Json
) -> None:
    ids = tokenizer.encode(value)
    text = ""
    for size in range(len(ids) + 1):
        prefix = tokenizer.decode_prefix(ids[:size])
        assert prefix.text.startswith(text)
        assert prefix.complete == (size == len(ids))
        text = prefix.text
    assert text.encode() == canonical_bytes(value)


def test_a_prefix_says_what_is_open(tokenizer: Tokenizer) -> None:
    value: Json = {"jobs": {"a": {"steps": [{"run": "make"}]}}}
    ids = tokenizer.encode(value)
    opened = {tokenizer.decode_prefix(ids[:size]).open for size in range(len(ids))}
    assert "" in opened
    assert any(open_.startswith("{") for open_ in opened)


def test_a_prefix_can_be_read_with_indentation(tokenizer: Tokenizer) -> None:
    value: Json = {"a": [1, {"b": [], "c": {}}], "é": "x"}
    text = tokenizer.decode_prefix(tokenizer.encode(value), indent=2).text
    assert text == json.dumps(value, indent=2, ensure_ascii=False)


# -- malformed ids ---------------------------------------------------------------------


@settings(deadline=None, max_examples=300)
@given(ids=st.lists(st.integers(-1, VOCAB_SIZE + 1), max_size=60))
def test_random_ids_are_a_value_or_an_error_with_a_position(
    tokenizer: Tokenizer, ids: list[int]
) -> None:
    try:
        value = tokenizer.decode(ids)
    except DecodeError as error:
        assert 0 <= error.position <= len(ids)
    else:
        assert same(tokenizer.decode(tokenizer.encode(value)), value)


@settings(deadline=None, max_examples=300)
@given(value=workflow_like(), data=st.data())
def test_a_damaged_document_is_a_value_or_an_error(
    tokenizer: Tokenizer, value: dict[str, Json], data: st.DataObject
) -> None:
    ids = tokenizer.encode(value).tolist()
    at = data.draw(st.integers(0, len(ids) - 1))
    ids[at] = data.draw(st.sampled_from(sorted(tokenizer.vocabulary)))
    try:
        tokenizer.decode(ids)
    except DecodeError as error:
        # What stands before the damage is not to blame.
        assert error.position >= at


@pytest.mark.parametrize(
    ("symbols", "problem"),
    [
        ("", "not closed"),
        (Control.CLOSE_OBJECT, "before its required keys"),
        (f"{Control.ESCAPE}{Control.NULL}{Control.NULL}", "already closed"),
        (f"{Control.ESCAPE}{Control.NUMBER}01{Control.END}", "no number"),
        (f"{Control.ESCAPE}{Control.NUMBER}1e999{Control.END}", "no number"),
        (f"{Control.ESCAPE}\ue2f4{Control.END}", "not UTF-8"),
        (f"{Control.ESCAPE}a{Control.NULL}", "text must go on or end"),
        (Control.ESCAPE * 3, "not closed"),
        (
            f"{Control.ESCAPE_KEY}a{Control.END}{Control.NULL}" * 2,
            "the key 'a' is not allowed here",
        ),
        (Control.ESCAPE + Control.ARRAY * 200, f"nested deeper than {MAX_DEPTH}"),
    ],
)
def test_malformed_symbols_are_named(
    tokenizer: Tokenizer, symbols: str, problem: str
) -> None:
    numbers = {text: number for number, text in tokenizer.vocabulary.items()}
    with pytest.raises(DecodeError, match=problem):
        tokenizer.decode([numbers[symbol] for symbol in symbols])


def test_a_long_malformed_sequence_is_refused_in_linear_time(
    tokenizer: Tokenizer,
) -> None:
    numbers = {text: number for number, text in tokenizer.vocabulary.items()}
    opened = [numbers[Control.ESCAPE_KEY], *[numbers["a"]] * 300_000]
    with pytest.raises(DecodeError, match="not closed"):
        tokenizer.decode(opened)


def test_reserved_ids_are_refused(tokenizer: Tokenizer) -> None:
    reserved = next(i for i in range(VOCAB_SIZE) if i not in tokenizer.vocabulary)
    with pytest.raises(DecodeError, match=f"token 0: found id {reserved}"):
        tokenizer.decode([reserved])


# -- files -----------------------------------------------------------------------------


def test_a_saved_tokenizer_is_the_same_again(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    loaded = Tokenizer.load(path)
    assert loaded.digest == tokenizer.digest
    assert loaded.vocabulary == tokenizer.vocabulary
    value: Json = {"on": "push", "jobs": {"a": {"runs-on": "x"}}}
    assert (loaded.encode(value) == tokenizer.encode(value)).all()
    loaded.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_a_changed_tokenizer_file_is_refused(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    data = json.loads(path.read_text())
    data["merges"][0], data["merges"][1] = data["merges"][1], data["merges"][0]
    path.write_text(json.dumps(data))
    with pytest.raises(CorruptError, match="its content has digest"):
        Tokenizer.load(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"format": "other"}, "found format 'other', expected 'tct-tokenizer'"),
        ({"format": "tct-tokenizer", "version": 9}, "found tokenizer version 9"),
    ],
)
def test_other_files_are_no_tokenizer(
    tmp_path: Path, content: dict[str, Json], problem: str
) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(FormatError, match=problem):
        Tokenizer.load(path)
