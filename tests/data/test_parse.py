"""One text to one document: YAML 1.2 and JSON, or a named reason."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given

from tct.data.documents.json_text import Json, canonical_bytes
from tct.data.documents.parse import MAX_DOCUMENT_BYTES, parse_document, read_document
from tct.data.documents.rejects import MAX_NODES, Reason, RejectedError
from tct.data.errors import SourceError
from tct.data.tokenizer.grammar import MAX_DEPTH
from tct.tests.strategies import json_objects, workflow_like


def parse(text: str) -> dict[str, Json]:
    return parse_document(text.encode())


def reason_of(source: bytes) -> tuple[str, str]:
    with pytest.raises(RejectedError) as caught:
        parse_document(source)
    return caught.value.reason, caught.value.message


# -- scalars ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        *((text, True) for text in ("true", "True", "TRUE")),
        *((text, False) for text in ("false", "False", "FALSE")),
        *((text, text) for text in ("yes", "Yes", "no", "on", "On", "off", "y", "n")),
        *((text, text) for text in ("nULL", "tRUE", "None", "nan", "inf", "NaN")),
        ("0", 0),
        ("-0", 0),
        ("+12", 12),
        ("-7", -7),
        ("0777", 777),
        ("08", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("0xff", 255),
        ("10000000000000000000000000", 10**25),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("+1.5", 1.5),
        ("1e3", 1000.0),
        ("1E3", 1000.0),
        ("1e-3", 0.001),
        ("+12e03", 12000.0),
        ("-2E+05", -200000.0),
        *((text, text) for text in ("0o18", "0xg", "-0x1", "+0o7", "0b11", "0X1F")),
        *((text, text) for text in ("1_000", "10:30", "190:20:30", "1.2.3", "1e", ".")),
        *((text, text) for text in ("e3", "+", "-a", "--1", "1h", "..5", "1.5.", "0o")),
        *((text, text) for text in ("2024-01-01", "2024-01-01T10:00:00Z", "<<", "=")),
        *((text, text) for text in (".Inf2", "-.nan", ".nAN", "+.NaN", "٣", "１")),
        ("'1'", "1"),
        ('"true"', "true"),
        ("''", ""),
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("!!int '7'", 7),
        ("!!float 1.5", 1.5),
        ("!!float 1", 1),
        ("!!bool 'true'", True),
        ("!!null ''", None),
        ("!!map {a: 1}", {"a": 1}),
        ("!!seq [1]", [1]),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("|-\n  a\n", "a"),
        ("|+\n  a\n\n", "a\n\n"),
        (">\n  a\n  b\n", "a b\n"),
        ("a\n b", "a b"),
        ("'it''s'", "it's"),
        (r'"\x41\u00e9\U0001F600\n"', "Aé😀\n"),
        ("a # comment", "a"),
        ("a#b", "a#b"),
    ],
)
def test_scalars_are_read_as_yaml_1_2(text: str, value: Json) -> None:
    found = parse(f"k: {text}")["k"]
    assert found == value
    assert type(found) is type(value)


KEYS = ["on", "yes", "null", "~", "true", "1", "01", "1.0", "1e3", "0x1", "<<", "10:30"]


@pytest.mark.parametrize("key", [*KEYS, "2024-01-01"])
def test_a_key_that_is_no_string_keeps_its_source_text(key: str) -> None:
    assert parse(f"{key}: 1") == {key: 1}
    assert parse(f"{{{key}: 1}}") == {key: 1}


def test_keys_that_only_look_different_as_text_stay_apart() -> None:
    assert parse("1: a\n01: b\n'1.0': c") == {"1": "a", "01": "b", "1.0": "c"}


def test_a_merge_key_is_a_key_like_any_other() -> None:
    text = "base: &b {a: 1}\nuse:\n  <<: *b\n  c: 2\n"
    assert parse(text) == {"base": {"a": 1}, "use": {"<<": {"a": 1}, "c": 2}}


def test_aliases_are_replaced_by_copies() -> None:
    text = "a: &x [1, &y two]\nb: *x\n*y : *y\n"
    assert parse(text) == {"a": [1, "two"], "b": [1, "two"], "two": "two"}


def test_an_anchor_may_be_set_again() -> None:
    assert parse("a: &x 1\nb: *x\nc: &x 2\nd: *x") == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_keys_keep_their_order() -> None:
    for text in ("b: 1\na: 2\nc: 3", '{"b": 1, "a": 2, "c": 3}'):
        assert list(parse(text)) == ["b", "a", "c"]


# -- bytes -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a: 1\n", '{"a": 1}'])
def test_a_byte_order_mark_is_ignored(text: str) -> None:
    assert parse_document(b"\xef\xbb\xbf" + text.encode()) == {"a": 1}


def test_crlf_is_a_line_break() -> None:
    source = b"a: |\r\n  x\r\n  y\r\nb:\r\n  - 1\r\n"
    assert parse_document(source) == {"a": "x\ny\n", "b": [1]}


@pytest.mark.parametrize("ending", ["", "\n"])
def test_a_missing_final_newline_makes_no_difference(ending: str) -> None:
    # libyaml drops the newline of a literal block that the file ends in.
    assert parse("run: |\n  make\n  make test" + ending) == {"run": "make\nmake test\n"}
    assert parse("run: |-\n  make" + ending) == {"run": "make"}
    assert parse("run: >\n  make" + ending) == {"run": "make\n"}
    assert parse("a: 1" + ending) == {"a": 1}


def test_document_markers_and_comments_are_no_content() -> None:
    assert parse("%YAML 1.2\n# head\n---\na: 1 # one\n...\n# end\n") == {"a": 1}


def test_json_may_be_indented_with_tabs() -> None:
    assert parse('{\n\t"a": [\n\t\t1\n\t]\n}\n') == {"a": [1]}


def test_json_may_hold_lone_surrogates() -> None:
    assert parse(r'{"a": "\ud800", "b": "\ud83d\ude00"}') == {"a": "\ud800", "b": "😀"}


def test_flow_yaml_is_not_taken_for_broken_json() -> None:
    assert parse("{on: push, 'jobs': {}, a: [b, c,],}") == {
        "on": "push",
        "jobs": {},
        "a": ["b", "c"],
    }


def test_json_numbers_keep_their_type() -> None:
    found = parse('{"a": 1, "b": 1.0, "c": 1e2, "d": -0}')
    assert canonical_bytes(found) == b'{"a":1,"b":1.0,"c":100.0,"d":0}'


@given(json_objects())
def test_canonical_json_is_read_back(value: dict[str, Json]) -> None:
    data = canonical_bytes(value)
    assert canonical_bytes(parse_document(data)) == data


@given(workflow_like())
def test_indented_json_is_read_back(value: dict[str, Json]) -> None:
    text = json.dumps(value, indent="\t")
    assert canonical_bytes(parse(text)) == canonical_bytes(value)


# -- rejects ---------------------------------------------------------------------------


def nested(depth: int, *, opening: str = "[", closing: str = "]") -> str:
    """A document whose root is at depth 1 and whose deepest collection at `depth`."""
    return '{"a": ' + opening * (depth - 1) + closing * (depth - 1) + "}"


def bomb(width: int, levels: int) -> str:
    lines = ["a0: &a0 x"]
    for level in range(1, levels + 1):
        items = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} [{items}]")
    return "\n".join(lines)


LONG = 4301
REJECTED: dict[str, list[tuple[str | bytes, str]]] = {
    "too_large": [
        (b"a: " + b"x" * MAX_DOCUMENT_BYTES, "1,048,579 bytes, at most 1,048,576")
    ],
    "not_utf8": [
        (b"a: \xff", "can't decode byte 0xff in position 3"),
        (b"\xff\xfea\x00:\x00", "can't decode byte 0xff in position 0"),
        (b"a: \xed\xa0\x80", "can't decode"),
    ],
    "empty": [
        ("", "no text"),
        ("\ufeff\ufeff", "no document"),
        (" \n\t\n", "no text"),
        (b"\xef\xbb\xbf", "no text"),
        ("# only a comment\n", "no document"),
    ],
    "syntax": [
        ("a: [1", "line 2"),
        ("a: b: c", "line 1"),
        ("<<<<<<< HEAD\na: 1\n=======\n", "line"),
        ("\ta: 1", "line 1"),
        ("a: 1\nb: \x00", "line 2: found control characters"),
        ('{"a": 1} x', "line 1"),
        ("%YAML 2.0\n---\na: 1", "incompatible YAML"),
    ],
    "duplicate_key": [
        ("a: 1\nb: 2\na: 3", "'a'"),
        ("x:\n  - {on: 1, 'on': 2}", "'on'"),
        ('{"a": {"k": 1, "k": 1}}', "'k'"),
        ('{"a": 1, "\\u0061": 2}', "'a'"),
        ("a: &n a\n*n : 1", "'a'"),
        ("~: 1\n'~': 2", "'~'"),
    ],
    "several_documents": [
        ("a: 1\n---\nb: 2", "one document"),
        ("a: 1\n---\n", "one document"),
        ("---\n---\na: 1", "one document"),
    ],
    "not_an_object": [
        ("- a", "the root is an array"),
        ("[]", "the root is an array"),
        ("text", "the root is a string"),
        ("1", "the root is a number"),
        ("1.5", "the root is a number"),
        ("true", "the root is a boolean"),
        ("null", "the root is null"),
        ("---\n", "the root is null"),
        ("--- |\n  a: 1\n", "the root is a string"),
        ("\u2028", "the root is a string"),
    ],
    "key_not_scalar": [
        ("? [a]\n: 1", "line 1"),
        ("x: 1\n? {a: 1}\n: 1", "line 2"),
        ("a: &x [1]\n*x : 1", r"*x"),
        ("a: &x 1\n*x : 1", r"*x"),
    ],
    "unknown_alias": [
        ("a: *x", "*x"),
        ("a: &x [*x]", "*x"),
        ("a: *x\nb: &x 1", "*x"),
    ],
    "unknown_tag": [
        ("a: !secret x", "!secret"),
        ("a: !!binary aGk=", "binary"),
        ("a: !!set {b}", "set"),
        ("a: !env [x]", "!env"),
        ("a: !!int x", "'x' is no int"),
        ("a: !!int 1.5", "'1.5' is no int"),
        ("a: !!bool 1", "'1' is no bool"),
        ("a: !!null x", "'x' is no null"),
    ],
    "too_many_nodes": [
        (bomb(9, 9), f"more than {MAX_NODES:,} values"),
        ("a: [" + "1," * MAX_NODES + "]", f"more than {MAX_NODES:,} values"),
        ('{"a": [' + "1," * MAX_NODES + "1]}", f"more than {MAX_NODES:,} values"),
    ],
    "too_deep": [
        (nested(MAX_DEPTH + 1), "nested deeper than 128"),
        (nested(MAX_DEPTH + 1).replace('"', ""), "nested deeper than 128"),
        (nested(100_000), "nested deeper than 128"),
        (nested(100_000).replace('"', ""), "nested deeper than 128"),
        (nested(200, opening='{"k": ', closing="}").replace("{}", "1"), "deeper"),
        (bomb(1, 130), "nested deeper than 128"),
    ],
    "bad_number": [
        ("a: .inf", ".inf is not a JSON number"),
        ("a: -.Inf", "-.Inf is not a JSON number"),
        ("a: .NaN", ".NaN is not a JSON number"),
        ("a: 1e999", "1e999 is not finite"),
        ('{"a": 1e999}', "1e999 is not finite"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": -Infinity}', "-Infinity is not a JSON number"),
        ("a: " + "9" * LONG, "an integer of 4,301 digits"),
        ('{"a": ' + "9" * LONG + "}", "an integer of 4,301 digits"),
    ],
}
CASES = [
    pytest.param(reason, source, found, id=f"{reason}-{number}")
    for reason, cases in REJECTED.items()
    for number, (source, found) in enumerate(cases)
]


@pytest.mark.parametrize(("reason", "source", "found"), CASES)
def test_what_is_no_document_is_rejected_by_name(
    reason: str, source: str | bytes, found: str
) -> None:
    data = source if isinstance(source, bytes) else source.encode()
    named, message = reason_of(data)
    assert named == reason
    assert found in message
    assert "\n" not in message


def test_every_reason_that_a_text_can_have_is_tested() -> None:
    # Those of rows, of archives and of whole stores are in the tests of these.
    elsewhere = {"bad_record", "unsafe_member", "too_many_members", "too_long"}
    elsewhere |= {"exact_duplicate", "near_duplicate", "path_limit", "group_limit"}
    elsewhere |= {"breaks_rules"}
    assert set(get_args(Reason)) == REJECTED.keys() | elsewhere


@pytest.mark.parametrize(
    "make",
    [
        lambda: bomb(9, 12),
        lambda: bomb(2, 100),
        lambda: "a: &a [" + "1," * 1000 + "]\nb: [" + "*a," * 100_000 + "]",
        lambda: "[" * 500_000,
        lambda: '{"a":' * 150_000,
        lambda: "{a: " * 200_000,
        lambda: "- " * 400_000,
    ],
)
def test_a_bomb_is_a_reject_in_no_time(make: Callable[[], str]) -> None:
    source = make().encode()
    begun = time.process_time()
    assert reason_of(source)[0] in {"too_many_nodes", "too_deep", "syntax"}
    assert time.process_time() - begun < 30  # a fraction of one, where it is idle


def test_the_deepest_document_is_kept() -> None:
    for text in (nested(MAX_DEPTH), nested(MAX_DEPTH).replace('"', "")):
        value: Json = parse(text)["a"]
        depth = 2
        while isinstance(value, list) and value:
            value = value[0]
            depth += 1
        assert depth == MAX_DEPTH
    # Depth through an alias is counted as the depth of its copy.
    assert parse(bomb(1, 127))["a0"] == "x"
    assert reason_of(bomb(1, 128).encode())[0] == "too_deep"


def test_the_largest_document_is_kept() -> None:
    items = MAX_NODES - 3  # beside the root and the array
    for text in ("a: [" + "1," * items + "]", '{"a": [' + "1," * (items - 1) + "1]}"):
        assert len(str(parse(text)["a"])) == 3 * items
    source = b"a: " + b"x" * (MAX_DOCUMENT_BYTES - 3)
    assert len(source) == MAX_DOCUMENT_BYTES
    assert parse_document(source) == {"a": "x" * (MAX_DOCUMENT_BYTES - 3)}
    with pytest.raises(RejectedError, match="too_large: 1,048,577 bytes, at most"):
        parse_document(source + b"x")


# -- files -----------------------------------------------------------------------------


def test_a_file_is_read_as_its_bytes_are(tmp_path: Path) -> None:
    path = tmp_path / "ci.yml"
    path.write_bytes(b"on: push\r\n")
    assert read_document(path) == {"on": "push"}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"ci\.yml: not found; give a YAML or JSON"):
        read_document(tmp_path / "ci.yml")


def test_a_file_that_is_no_document_is_named_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "ci.yml"
    path.write_text("- a")
    message = r"ci\.yml: not_an_object: the root is an array; give a file that holds"
    with pytest.raises(SourceError, match=message):
        read_document(path)
