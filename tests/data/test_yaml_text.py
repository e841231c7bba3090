"""YAML that a person would have written, and that means the same to every reader."""

from typing import Any

import pytest
import yaml
from hypothesis import example, given

from tct.data.documents.json_text import Json, canonical_bytes
from tct.data.documents.parse import parse_document
from tct.data.documents.yaml_reader import parse_yaml
from tct.data.documents.yaml_writer import to_yaml
from tct.data.store import Store
from tct.tests.strategies import json_objects, workflow_like

# JSON has lone surrogates and YAML has not: they are all that cannot round trip.


def without_on(value: Any) -> Any:
    """YAML 1.1 reads the key `on` as true."""
    if isinstance(value, dict):
        return {
            "on" if key is True else key: without_on(item)
            for key, item in value.items()
        }
    return [without_on(item) for item in value] if isinstance(value, list) else value


def has_surrogates(value: Json) -> bool:
    return b"\\ud" in canonical_bytes(value)


# -- round trips -----------------------------------------------------------------------


@given(json_objects(surrogates=False))
@example({"a": "\x00\x01\x1b\x7f\x85\xa0\u2028\u2029\ufeff\ufffe\uffff"})
@example({"": {"": [""]}, " ": "\n", "\n": " \n ", "\t": "\t\n\ta"})
@example({"a": [[[], {}], {"b": [{}]}, {}], "c": {}, "d": []})
@example({"k" * 2000: {"x\ny": 1, "? a": 2, "- b": 3}})
@example({"a": "x" * 5000 + " y" * 5000})
@example({"a": [10**400, -(10**20), 1e22, 1e-7, -0.0, 5e-324, 1.7976931348623157e308]})
def test_a_yaml_reader_of_version_1_2_gets_the_same_document(
    value: dict[str, Json],
) -> None:
    read = parse_document(to_yaml(value).encode())
    # Canonical text tells apart what == does not: the order of keys, 1 and 1.0.
    assert canonical_bytes(read) == canonical_bytes(value)


@given(workflow_like().filter(lambda value: not has_surrogates(value)))
def test_near_workflows_come_back(value: dict[str, Json]) -> None:
    read = parse_document(to_yaml(value).encode())
    assert canonical_bytes(read) == canonical_bytes(value)


@given(json_objects(surrogates=False))
def test_a_yaml_reader_of_version_1_1_gets_the_same_but_for_on(
    value: dict[str, Json],
) -> None:
    read = without_on(yaml.safe_load(to_yaml(value)))
    assert canonical_bytes(read) == canonical_bytes(value)


def test_every_document_of_a_store_comes_back(store: Store) -> None:
    for row in range(len(store)):
        value = store.tokenizer.decode(store.tokens(row))
        text = to_yaml(value)
        assert canonical_bytes(parse_yaml(text)) == canonical_bytes(value)
        assert canonical_bytes(without_on(yaml.safe_load(text))) == (
            canonical_bytes(value)
        )


# -- how it looks ----------------------------------------------------------------------


def test_a_workflow_looks_as_a_person_would_write_it() -> None:
    workflow: Json = {
        "name": "CI",
        "on": {"push": {"branches": ["main"]}, "workflow_dispatch": {}},
        "permissions": {"contents": "read"},
        "jobs": {
            "build": {
                "runs-on": "${{ matrix.os }}",
                "timeout-minutes": 10,
                "strategy": {"fail-fast": False, "matrix": {"python": ["3.11", 3.12]}},
                "needs": [],
                "steps": [
                    {"uses": "actions/checkout@v4"},
                    {"name": "Test: all", "run": "pip install .\npytest -q\n"},
                    {"run": "make\nmake test", "env": {"CI": "true", "NODE": "1"}},
                ],
            }
        },
    }
    assert (
        to_yaml(workflow)
        == """\
name: CI
on:
  push:
    branches:
    - main
  workflow_dispatch: {}
permissions:
  contents: read
jobs:
  build:
    runs-on: ${{ matrix.os }}
    timeout-minutes: 10
    strategy:
      fail-fast: false
      matrix:
        python:
        - '3.11'
        - 3.12
    needs: []
    steps:
    - uses: actions/checkout@v4
    - name: 'Test: all'
      run: |
        pip install .
        pytest -q
    - run: |-
        make
        make test
      env:
        CI: 'true'
        NODE: '1'
"""
    )


def test_the_key_on_has_no_quotes_and_the_value_has() -> None:
    assert to_yaml({"on": "on", "off": "off"}) == "on: 'on'\n'off': 'off'\n"


AMBIGUOUS = ["yes", "no", "Yes", "NO", "on", "off", "On", "y", "n", "Y", "N", "true"]
AMBIGUOUS += ["False", "null", "Null", "NULL", "~", "", "=", "<<", "1", "-1", "+1"]
AMBIGUOUS += ["1_000", "0777", "0o17", "0x1F", "0b11", "1:30", "190:20:30", "1.5", ".5"]
AMBIGUOUS += ["5.", "1e3", "1E3", "1.0e+3", "-.5e-3", "+12e03", "1_0.5", "1e-3", ".inf"]
AMBIGUOUS += ["-.Inf", ".NaN", "2024-01-01", "2024-01-01T10:00:00Z"]


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_text_that_some_reader_takes_for_something_else_is_quoted(text: str) -> None:
    assert to_yaml({"k": text}) == f"k: '{text}'\n"
    assert yaml.safe_load(to_yaml({"k": text})) == {"k": text}
    assert parse_yaml(to_yaml({"k": text})) == {"k": text}


PLAIN = ["actions/checkout@v4", "ubuntu-latest", "v1.2.3", "1.2.3", "3.x", "e3", "0o18"]
PLAIN += ["make -j2 && make test", "a#b", "a:b", "Grüße", "github.ref == 'x'", "yesno"]
PLAIN += ["${{ github.ref }}", "-a", "0xg", "1h", "10 %"]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_has_no_quotes(text: str) -> None:
    assert to_yaml({"k": text}) == f"k: {text}\n"


@pytest.mark.parametrize(
    "text", ["a...", "...", "---", "done\n...", "a\n---\nb\n...\n"]
)
def test_text_that_looks_like_the_end_of_a_document_is_kept(text: str) -> None:
    values: list[Json] = [{"k": text}, {text: 1}, {"k": [text]}, {"k": {"m": text}}]
    for value in values:
        assert parse_yaml(to_yaml(value)) == value
        assert yaml.safe_load(to_yaml(value)) == value


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1"),
        (-7, "-7"),
        (0, "0"),
        (10**20, "100000000000000000000"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (1e22, "1.0e+22"),
        (1e-7, "1.0e-07"),
        (1.5e300, "1.5e+300"),
    ],
)
def test_numbers_are_numbers_to_both_versions(number: float, text: str) -> None:
    assert to_yaml({"k": number}) == f"k: {text}\n"
    assert repr(parse_document(f"k: {text}".encode())["k"]) == repr(number)
    assert repr(yaml.safe_load(f"k: {text}")["k"]) == repr(number)


@pytest.mark.parametrize(
    ("value", "text"), [(None, "null"), (True, "true"), (False, "false")]
)
def test_constants_are_written_in_full(value: Json, text: str) -> None:
    assert to_yaml({"k": [value]}) == f"k:\n- {text}\n"


def test_a_key_without_a_value_is_left_bare() -> None:
    assert to_yaml({"on": {"push": None}}) == "on:\n  push:\n"


def test_a_long_line_is_never_folded() -> None:
    script = "echo " + "word " * 2000 + "end"
    assert to_yaml({"run": script}) == f"run: {script}\n"


def test_a_document_ends_in_one_newline() -> None:
    values: list[Json] = [{}, {"a": 1}, {"a": "b\n"}, {"a": []}]
    for value in values:
        text = to_yaml(value)
        assert text.endswith("\n")
        assert not text.endswith("\n\n")


def test_a_lone_surrogate_is_a_replacement_character() -> None:
    value: Json = {"\ud800": "a\udfffb", "list": ["\udc00\n", "\U0001f600"]}
    assert to_yaml(value) == ("\ufffd: a\ufffdb\nlist:\n- |\n  \ufffd\n- \U0001f600\n")
    assert to_yaml(dict.fromkeys("\ud800\ud801")) == "\ufffd:\n\ufffd:\n"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("echo a\u2028b\necho c\n", '"echo a\\Lb\\necho c\\n"'),
        ("a\u2029\n b", '"a\\P\\n b"'),
        ("a\x85b", '"a\\Nb"'),
        ("\ufeffa", '"\\uFEFFa"'),
        ("\u2028", '"\\L"'),
    ],
)
def test_what_only_one_version_takes_for_a_line_break_is_escaped(
    text: str, written: str
) -> None:
    assert to_yaml({"k": text}) == f"k: {written}\n"
    assert to_yaml({"k": [text]}) == f"k:\n- {written}\n"
    values: list[Json] = [{"k": text}, {text: 1}, {"k": {text: [text]}}]
    for value in values:
        assert parse_yaml(to_yaml(value)) == value
        assert yaml.safe_load(to_yaml(value)) == value


@given(json_objects())
def test_any_json_can_be_written(value: Json) -> None:
    to_yaml(value).encode()
