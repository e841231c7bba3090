"""Cells of every type and value, in tables and in lines: names, times, conditions."""

import datetime
import decimal
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from tct.cli import main
from tct.data.errors import ConfigError, SourceError
from tct.data.store import Store
from tct.pipeline.sources import Columns, Condition, Record, read_records

CASES = Path(__file__).parents[3] / "shared" / "cases"
TEXTS = ["name: 0", "name: 1", "name: 2"]
NOON = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC).timestamp()
DAY = datetime.date(2026, 1, 31)
DAY_SECONDS = NOON - 12 * 60 * 60
HUGE = 1 << 62

Array: TypeAlias = "pa.Array[Any]"


def read(path: Path, columns: Columns | None = None) -> list[Record]:
    return list(read_records([path], columns or Columns()))


def where(*conditions: str) -> Columns:
    return Columns(where=tuple(map(Condition.parse, conditions)))


def write_parquet(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path)


def write_arrow(path: Path, table: pa.Table) -> None:
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)


def write_stream(path: Path, table: pa.Table) -> None:
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


WRITERS: dict[str, tuple[str, Callable[[Path, pa.Table], None]]] = {
    "parquet": ("t.parquet", write_parquet),
    "arrow": ("t.arrow", write_arrow),
    "stream": ("t.arrow", write_stream),
}


def runs(values: list[Any]) -> Array:
    ends = pa.array(range(1, len(values) + 1), pa.int32())
    return pa.RunEndEncodedArray.from_arrays(ends, pa.array(values))


def decimals(*values: str | None) -> Array:
    return pa.array([None if v is None else decimal.Decimal(v) for v in values])


# -- names -----------------------------------------------------------------------------

NAMES: dict[str, tuple[Array, list[str | None]]] = {
    "binary": (pa.array([b"o/a", b"\xff", None]), ["o/a", "\\xff", None]),
    "large": (pa.array(["o/a", "ü", None], pa.large_string()), ["o/a", "ü", None]),
    "view": (pa.array(["o/a", "ü", None], pa.string_view()), ["o/a", "ü", None]),
    "binary view": (pa.array([b"a", b"", None], pa.binary_view()), ["a", "", None]),
    "fixed": (
        pa.array([b"abc", b"\0\0\0", None], pa.binary(3)),
        ["abc", "\0" * 3, None],
    ),
    "dictionary": (
        pa.array([b"a", b"b", None], pa.large_binary()).dictionary_encode(),
        ["a", "b", None],
    ),
    "runs": (runs(["a", "b", None]), ["a", "b", None]),
    "no UTF-8": (
        pa.array([b"\xfe", b"\xff", b"a"]).view("string"),
        ["\\xfe", "\\xff", "a"],
    ),
    "numbers": (pa.array([7, 1 << 63, None], pa.uint64()), ["7", str(1 << 63), None]),
    "booleans": (pa.array([True, False, None]), ["true", "false", None]),
    "decimals": (decimals("1.5", "2.0", None), ["1.5", "2.0", None]),
    "days": (pa.array([DAY, DAY, None]), ["2026-01-31", "2026-01-31", None]),
    "null": (pa.nulls(3), [None, None, None]),
}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("form", WRITERS)
def test_repositories_and_paths_may_be_of_any_simple_type(
    tmp_path: Path, form: str, kind: str
) -> None:
    column, expected = NAMES[kind]
    if form == "parquet" and kind in ("runs",):
        pytest.skip("Parquet has no runs")
    name, write = WRITERS[form]
    write(tmp_path / name, pa.table({"text": TEXTS, "repo": column, "path": column}))
    records = read(tmp_path / name)
    assert [record.group for record in records] == expected
    assert [record.file for record in records] == expected
    assert [record.text.decode() for record in records] == TEXTS


@pytest.mark.parametrize("value", [["a"], {"a": 1}, datetime.time(1)])
def test_a_repository_of_another_type_is_refused(tmp_path: Path, value: object) -> None:
    write_parquet(
        tmp_path / "t.parquet", pa.table({"text": TEXTS, "repo": [value] * 3})
    )
    with pytest.raises(SourceError, match=r"column 'repo' holds .*, expected names of"):
        read(tmp_path / "t.parquet")
    assert len(read(tmp_path / "t.parquet", Columns(group="text"))) == 3


@pytest.mark.parametrize("name", ["repo", "path", "time"])
def test_two_columns_of_one_name_are_refused(tmp_path: Path, name: str) -> None:
    columns = [pa.array(TEXTS)] * 3
    write_parquet(
        tmp_path / "t.parquet", pa.Table.from_arrays(columns, ["text", name, name])
    )
    with pytest.raises(SourceError, match=f"found 2 columns '{name}' among"):
        read(tmp_path / "t.parquet")


def test_other_columns_may_have_one_name(tmp_path: Path) -> None:
    columns = [pa.array(TEXTS)] * 3
    write_parquet(
        tmp_path / "t.parquet", pa.Table.from_arrays(columns, ["text", "x", "x"])
    )
    assert len(read(tmp_path / "t.parquet")) == 3


def test_a_table_of_a_thousand_columns_is_listed_in_short(tmp_path: Path) -> None:
    table = pa.table({f"{'c' * 999}{n}": [1] for n in range(1000)})
    write_parquet(tmp_path / "t.parquet", table)
    with pytest.raises(SourceError, match="and 980 more") as caught:
        read(tmp_path / "t.parquet")
    assert len(str(caught.value)) < 4000


# -- times -----------------------------------------------------------------------------

TIMES: dict[str, tuple[Array, list[float]]] = {
    "days": (pa.array([DAY, None, DAY]), [DAY_SECONDS, 0, DAY_SECONDS]),
    "days in ms": (pa.array([DAY] * 3, pa.date64()), [DAY_SECONDS] * 3),
    "decimals": (decimals("1.5", "1700000000.25", None), [1.5, 1700000000.25, 0]),
    "numbers": (pa.array([1, 1 << 63, None], pa.uint64()), [1, 2.0**63, 0]),
    "floats": (pa.array([1.5, float("nan"), float("inf")]), [1.5, 0, 0]),
    "halves": (pa.array([1.5, None, 2], pa.float16()), [1.5, 0, 2]),
    "text": (pa.array(["1700000000", "20260131", "x"]), [1700000000, DAY_SECONDS, 0]),
    "ISO": (
        pa.array(["2026-01-31T12:00", "2026-01-31T13:00+01:00", "2026-01-31"]),
        [NOON, NOON, DAY_SECONDS],
    ),
    "RFC 3339": (
        pa.array(["2026-01-31t12:00:00z", "2026-01-31 12:00:00 UTC", "2026-01-31 utc"]),
        [NOON, NOON, 0],
    ),
    # Thirteen digits are milliseconds, not the year 1712.
    "digits": (pa.array(["1712123100000", "nan", "9" * 400]), [1712123100000, 0, 0]),
    "binary": (pa.array([b"1.5", b"\xff", b""]), [1.5, 0, 0]),
    "dictionary": (pa.array(["2", "1", None]).dictionary_encode(), [2, 1, 0]),
    "dictionary of days": (pa.array([DAY] * 3).dictionary_encode(), [DAY_SECONDS] * 3),
    "runs": (runs(["2", "1", None]), [2, 1, 0]),
    "s": (pa.array([1, HUGE, -HUGE], pa.timestamp("s", "Foo/Bar")), [1, 0, 0]),
    "ms": (pa.array([1500, HUGE, None], pa.timestamp("ms")), [1.5, 0, 0]),
    "us": (pa.array([1500000, HUGE, None], pa.timestamp("us", "UTC")), [1.5, 0, 0]),
    "ns": (pa.array([1500000001, 1, None], pa.timestamp("ns")), [1.500000001, 1e-9, 0]),
    "year 10000": (pa.array([253402300800] * 3, pa.timestamp("s")), [0, 0, 0]),
    "year 9999": (pa.array([253402300799] * 3, pa.timestamp("s")), [253402300799] * 3),
    "booleans": (pa.array([True, False, None]), [0, 0, 0]),
    "lists": (pa.array([[1], [2], None]), [0, 0, 0]),
    "spans": (pa.array([1, 2, None], pa.duration("ns")), [0, 0, 0]),
    "null": (pa.nulls(3), [0, 0, 0]),
}


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("form", WRITERS)
def test_times_may_be_of_any_type(tmp_path: Path, form: str, kind: str) -> None:
    column, expected = TIMES[kind]
    if form == "parquet" and kind in ("runs", "s"):
        pytest.skip("Parquet has no such values")
    name, write = WRITERS[form]
    write(tmp_path / name, pa.table({"text": TEXTS, "time": column}))
    assert [record.time for record in read(tmp_path / name)] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.5, 1.5),
        ("1.5", 1.5),
        ("2026-01-31T12:00Z", NOON),
        (10**400, 0),
        (float("nan"), 0),
        (True, 0),
        ([1], 0),
        ("\ud800", 0),
        (None, 0),
    ],
)
def test_a_line_has_the_time_that_a_table_has(
    tmp_path: Path, value: object, expected: float
) -> None:
    path = write_lines(tmp_path / "r.jsonl", [{"text": "a: 1", "time": value}])
    assert [record.time for record in read(path)] == [expected]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([datetime.date(2024, month, 1) for month in (3, 1, 2)]),
        pa.array([b"10", b"8", b"9"]),
        decimals("10", "8", "9"),
    ],
)
def test_the_newest_version_is_kept_whatever_its_time_is(
    tmp_path: Path, column: Array
) -> None:
    texts = [f"on: push\nname: {n}\njobs: {{}}\n" for n in range(3)]
    same = [b"x"] * 3
    table = {"text": texts, "repo": same, "path": same, "time": column}
    write_parquet(tmp_path / "t.parquet", pa.table(table))
    code, output = prepare(tmp_path, tmp_path / "t.parquet", "--max-per-path", 1)
    assert code == 0, output
    assert Store.open(tmp_path / "s").docs["path"].to_pylist() == ["t.parquet#0"]


# -- conditions ------------------------------------------------------------------------

CONDITIONS: list[tuple[Array, str, list[int]]] = [
    (
        pa.array([1, 1 << 63, (1 << 64) - 1], pa.uint64()),
        "c>9223372036854775807",
        [1, 2],
    ),
    (pa.array([1, 2, 3], pa.int8()), "c<1e99", [0, 1, 2]),
    (pa.array([1, 2, 3], pa.int8()), "c>=2.5", [2]),
    (pa.array([1, 2, 3], pa.int8()), "c<1e99999999999999999999", [0, 1, 2]),
    (pa.array([1, 2, None], pa.int8()), "c<inf", [0, 1]),
    (pa.array([0.1, 0.2, None], pa.float32()), "c=0.1", [0]),
    (pa.array([0.1, float("nan"), 0.3]), "c<=0.3", [0, 2]),
    (decimals("0.1", "0.2", None), "c=0.1", [0]),
    (decimals("0.1", "0.2", None), "c<1e-9999", []),
    (pa.array(["a", "ü", None], pa.large_string()), "c=ü", [1]),
    (pa.array([b"a", b"\xff", None]), "c>a", [1]),
    (pa.array(["a", "b", None]).dictionary_encode(), "c!=a", [1]),
    (runs(["a", "b", None]), "c!=a", [1]),
    (pa.array([HUGE, 0, -HUGE], pa.timestamp("s", "Foo/Bar")), "c<1970-01-02", [1, 2]),
    (pa.array([1, 0, None], pa.timestamp("ns")), "c>1970-01-01T00:00:00", [0]),
    (pa.array([10**7, 0, -(10**7)], pa.date32()), "c>2026-01-31", [0]),
    (pa.array([DAY] * 3, pa.date64()), "c=2026-01-31", [0, 1, 2]),
    (pa.nulls(3), "c=1", []),
]


@pytest.mark.parametrize(("column", "condition", "expected"), CONDITIONS)
@pytest.mark.parametrize("form", ["arrow", "stream"])
def test_conditions_compare_every_value_of_a_type(
    tmp_path: Path, form: str, column: Array, condition: str, expected: list[int]
) -> None:
    name, write = WRITERS[form]
    write(tmp_path / name, pa.table({"text": TEXTS, "c": column}))
    records = read(tmp_path / name, where(condition))
    assert [int(record.path[-1]) for record in records] == expected


@pytest.mark.parametrize("value", ["nan", "NaN", "snan", "1" * 5000 + "x", "", "one"])
def test_a_number_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    write_parquet(tmp_path / "t.parquet", pa.table({"text": TEXTS, "c": [1, 2, 3]}))
    with pytest.raises(SourceError, match="column 'c' holds int64, expected a number"):
        read(tmp_path / "t.parquet", where(f"c={value}"))


@pytest.mark.parametrize("text", ["a=\udcff", "\udcff=a", "a=\0", "a\0=b"])
def test_what_cannot_be_written_down_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="found NUL or bytes that are not UTF-8"):
        Condition.parse(text)
    with pytest.raises(ConfigError, match="--text-column"):
        Columns(text=text)
    with pytest.raises(ConfigError, match="--group-column"):
        Columns(group=text)


def test_a_long_condition_takes_no_longer_for_its_spaces() -> None:
    # Both took minutes: one has no operator, the value of the other has spaces only.
    with pytest.raises(ConfigError):
        Condition.parse("a" + " " * 100_000 + "b")
    assert Condition.parse("a=" + " " * 100_000 + "b").value == "b"


@example("a", "<", " =b")
@example("a", ">", "\r=")
@given(
    st.text(min_size=1), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), st.text()
)
def test_any_condition_is_read_as_it_is_written_or_refused(
    column: str, operator: str, value: str
) -> None:
    try:
        condition = Condition.parse(f"{column}{operator}{value}")
    except ConfigError:
        return
    assert Condition.parse(str(condition)) == condition


# -- lines -----------------------------------------------------------------------------


def test_lines_without_a_text_are_refused_as_a_table_is(tmp_path: Path) -> None:
    rows = [{"content": "on: push", "repo": "o/a"}] * 2
    path = write_lines(tmp_path / "r.jsonl", rows)
    with pytest.raises(SourceError) as caught:
        read(path)
    assert str(caught.value) == (
        f"{path}: found no field 'text' in any line, among ['content', 'repo']; "
        "name one of these with --text-column"
    )


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        (Columns(text="body"), "body"),
        (Columns(group="reponame"), "reponame"),
        (where("haed=true"), "haed"),
    ],
)
def test_a_misspelt_field_is_refused(
    tmp_path: Path, columns: Columns, field: str
) -> None:
    path = write_lines(tmp_path / "r.jsonl", [{"text": "on: push", "repo_name": "o/a"}])
    with pytest.raises(SourceError, match=f"found no field '{field}' in any line"):
        read(path, columns)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": None, "repo": "o/b"}, "the text column holds null, no text"),
        ({"repo": "o/b"}, "the text column holds null, no text"),
        ({"text": 1, "repo": "o/b"}, "the text column holds int, no text"),
        ({"text": {"on": 1}, "repo": "o/b"}, "the text column holds dict, no text"),
        ({"text": None, "on": 1, "repo": "o/b"}, "the text column holds null, no text"),
        ({"text": "a: 1", "repo": ["o/b"]}, "the group column holds list, no name"),
    ],
)
def test_a_row_without_what_it_should_hold_is_a_reject(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    rows = [row, {"text": "on: push", "repo": "o/a"}]
    bad, good = read(write_lines(tmp_path / "r.jsonl", rows))
    assert str(bad.problem) == f"bad_record: {message}"
    assert bad.group == ("o/b" if row["repo"] == "o/b" else None)
    assert (good.text, good.group, good.problem) == (b"on: push", "o/a", None)


def test_a_value_that_fits_no_line_is_refused_as_of_a_table(tmp_path: Path) -> None:
    rows = [{"text": "a: 1", "head": value} for value in (None, True, False)]
    path = write_lines(tmp_path / "r.jsonl", rows)
    message = "--where head=maybe: column 'head' holds bool, expected true or false"
    with pytest.raises(SourceError, match=message):
        read(path, where("head=maybe"))
    rows.append({"text": "a: 2", "head": "maybe"})  # lines need not be of one type
    path = write_lines(tmp_path / "r.jsonl", rows)
    assert [record.text for record in read(path, where("head=maybe"))] == [b"a: 2"]


def test_fields_that_no_utf8_can_hold_are_kept_apart(tmp_path: Path) -> None:
    rows = [
        {"text": "a: 1", "repo": half, "path": half, "time": half}
        for half in ("\ud800", "\udc00")
    ]
    path = write_lines(tmp_path / "r.jsonl", [*rows, {"text": "\ud800"}])
    one, two, three = read(path)
    assert (one.group, one.file) == ("\\ud800", "\\ud800")
    assert (two.group, two.file) == ("\\udc00", "\\udc00")
    assert three.text == b"\xed\xa0\x80"


def test_a_number_that_nobody_asked_for_may_be_of_any_size(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(f'{{"text": "a: 1", "n": {"9" * 9999}, "m": NaN, "k": 1e999}}\n')
    assert [record.text for record in read(path)] == [b"a: 1"]
    assert len(read(path, where("n>5", "k>5"))) == 1
    assert len(read(path, where("m>5"))) == 0


def test_a_field_that_is_there_twice_is_a_reject(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"text": "a: 1", "text": "a: 2"}\n{"text": "a: 3"}\n')
    bad, good = read(path)
    assert str(bad.problem) == "duplicate_key: 'text'"
    assert good.text == b"a: 3"


# -- streams of Arrow ------------------------------------------------------------------


def test_a_stream_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.arrow"
    table = pa.table({"text": [f"name: {n}" for n in range(600)]})
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=200)
    assert len(read(path)) == 600
    data = path.read_bytes()
    for size in range(0, len(data), 56):
        path.write_bytes(data[:size])
        with pytest.raises(SourceError, match=r"not a readable \.arrow file"):
            read(path)


# -- nothing to do, and the cases that were found --------------------------------------


def prepare(folder: Path, *arguments: object) -> tuple[int, str]:
    output = ["-o", str(folder / "s"), "--workers", "1"]
    result = CliRunner().invoke(main, ["prepare", *map(str, arguments), *output])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_a_source_of_nothing_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_bytes(b"")
    write_lines(tmp_path / "w.jsonl", [{"text": "a: 1", "head": False}])
    write_parquet(tmp_path / "e.parquet", pa.table({"text": pa.array([], pa.string())}))
    for source, *options in (
        ("e.jsonl",),
        ("e.parquet",),
        ("w.jsonl", "--where", "head=true"),
        ("w.jsonl", "--where", "head=true", "--max-per-path", "1"),
        ("w.jsonl", "--where", "head=true", "--max-per-group", "1"),
    ):
        code, output = prepare(tmp_path, tmp_path / source, *options)
        assert code == 1
        assert output.splitlines()[-1] == (
            f"Error: {tmp_path / source}: no document among 0 inputs; "
            "check that these are workflows, and --text-column"
        )


FOUND: dict[str, tuple[int, str]] = {
    "E1-empty.jsonl": (1, "no document among 0 inputs"),
    "E1-empty.parquet": (1, "no document among 0 inputs"),
    "E1-none.zip": (1, "no document among 0 inputs"),
    "E2-time-far.parquet": (0, "documents"),
    "E2-time-ns.parquet": (0, "documents"),
    "E2-time-uint64.parquet": (0, "documents"),
    "E3-two-repo-columns.parquet": (1, "found 2 columns 'repo'"),
    "E4-null-text.jsonl": (0, "bad_record"),
    "E5-content.jsonl": (1, "among ['content', 'repo', 'path']"),
    "E7-hf-stream.arrow": (0, "documents"),
    "E10-damaged-lzma.zip": (0, "bad_record"),
}


@pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")
@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_stays_right(tmp_path: Path, name: str) -> None:
    code, part = FOUND[name]
    found, output = prepare(tmp_path, CASES / name)
    assert found == code, output
    assert part in output
