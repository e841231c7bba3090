"""Records: what rots is found, and what JSON leaves open is refused."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tct.data.errors import CorruptError, FormatError
from tct.data.files import name_text, parse_json, read_json
from tct.data.records import read_record, signed, signed_right, typed, write_record

FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text("aé\n🚀"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab"), inner),
    max_leaves=8,
)
CONTENTS = st.dictionaries(st.text("abc", min_size=1), JSON)


def read(path: Path, *, name: str = "part", version: int = 1) -> dict[str, Any]:
    return read_record(path, name=name, version=version, remake="make it again")


@given(CONTENTS)
def test_a_record_comes_back(content: dict[str, Any]) -> None:
    record = signed(content)
    assert signed_right(json.loads(json.dumps(record)))
    assert {k: v for k, v in record.items() if k != "sha256"} == content


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_record(tmp_path / "record.json", {"a": 1, "b": [0.5]}, name="part", version=1)
    return tmp_path / "record.json"


def test_a_record_has_its_format_first_and_its_sha256_last(path: Path) -> None:
    assert list(json.loads(path.read_text())) == [
        "format",
        "version",
        "a",
        "b",
        "sha256",
    ]
    assert read(path) == {"format": "tct-part", "version": 1, "a": 1, "b": [0.5]}


def test_every_changed_byte_is_found_unless_the_value_is_the_same(path: Path) -> None:
    data, right = path.read_bytes(), read(path)
    for at in range(len(data)):
        for bit in range(8):
            changed = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            path.write_bytes(changed)
            try:
                assert read(path) == right
            except FormatError:
                continue
            assert json.loads(changed) == json.loads(data)


def test_a_record_without_a_sha256_is_refused(path: Path) -> None:
    record = json.loads(path.read_text())
    del record["sha256"]
    path.write_text(json.dumps(record))
    with pytest.raises(
        CorruptError, match="does not have the sha256 it records; restore it"
    ):
        read(path)


@pytest.mark.parametrize(
    ("name", "before", "version"),
    [("checkpoint", 3, 4), ("export", 1, 2), ("evaluation", 1, 2), ("store", 2, 2)],
)
def test_what_was_written_before_is_read_without_one(
    tmp_path: Path, name: str, before: int, version: int
) -> None:
    path = tmp_path / "record.json"
    record = {"format": f"tct-{name}", "version": before, "a": 1}
    path.write_text(json.dumps(record))
    assert read(path, name=name, version=version) == record
    path.write_text(json.dumps(record | {"version": before - 1}))
    with pytest.raises(FormatError, match=f"found {name} version {before - 1}, expe"):
        read(path, name=name, version=version)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b'{"a": 1, "a": 2}', "the key 'a' comes twice"),
        (b'{"a": NaN}', "NaN is no finite number"),
        (b'{"a": -Infinity}', "-Infinity is no finite number"),
        (b'{"a": 1e999}', "1e999 is no finite number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "4300 digits"),
        (b'{"a": "\\ud800"}', "surrogates not allowed"),
        (b'{"\\udfff": 1}', "surrogates not allowed"),
        (b'{"a": "\xed\xa0\x80"}', "can't decode byte 0xed"),
        (b'{"a": "\xff"}', "can't decode byte 0xff"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}", "nested deeper than 64"),
        (b"[" * 100_000, "nested deeper than 64"),
        (b'{"a":' * 100_000, "nested deeper than 64"),
        (b"", "Expecting value"),
    ],
)
def test_what_json_leaves_open_is_refused(
    tmp_path: Path, text: bytes, problem: str
) -> None:
    (tmp_path / "x.json").write_bytes(text)
    with pytest.raises(CorruptError, match=problem):
        read_json(tmp_path / "x.json")


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert parse_json(b'"\\ud83d\\ude80"') == "🚀"


def test_a_path_of_any_bytes_is_text() -> None:
    assert name_text(Path("a/b\udcff🚀")) == "a/b\\xff🚀"


# -- types -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Inner:
    kind: Literal["a", "b"]
    number: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Outer:
    inner: Inner
    count: int
    pair: tuple[int, int] = (0, 0)
    maybe: str | None = None
    many: dict[str, list[int]] = field(default_factory=dict)


class Open(TypedDict):
    count: int


def test_plain_values_become_dataclasses() -> None:
    value = {
        "inner": {"kind": "b", "number": 2},
        "count": 3,
        "pair": [1, 2],
        "many": {"x": [1]},
    }
    expected = Outer(
        inner=Inner(kind="b", number=2.0), count=3, pair=(1, 2), many={"x": [1]}
    )
    assert typed(Outer, value, "it") == expected
    assert typed(Open, {"count": 1, "more": 2}, "it") == {"count": 1, "more": 2}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"count": "3"}, "it.count: found '3', expected int"),
        ({"count": True}, "it.count: found True, expected int"),
        ({"count": 3.0}, "it.count: found 3.0, expected int"),
        ({"count": None}, "it.count: found None, expected int"),
        ({"inner": {"kind": "c"}}, "it.inner.kind: found 'c', expected "),
        ({"inner": {}}, "it.inner.kind: missing"),
        ({"inner": []}, r"it.inner: found \[\], expected dict"),
        ({"inner": {"kind": "a", "number": "1"}}, "it.inner.number: found '1', exp"),
        ({"pair": [1]}, r"it.pair: found \[1\], expected 2 items"),
        ({"pair": [1, "2"]}, "it.pair.1: found '2', expected int"),
        ({"maybe": 1}, "it.maybe: found 1, expected str"),
        ({"many": {"x": [1, None]}}, "it.many.x.1: found None, expected int"),
        ({"other": 1}, "it.'other': no such field"),
    ],
)
def test_values_of_another_type_are_named(
    changes: dict[str, Any], problem: str
) -> None:
    value = {"inner": {"kind": "a"}, "count": 3, **changes}
    with pytest.raises(ValueError, match=problem):
        typed(Outer, value, "it")
