"""Rows: which of them count, compressed lines, and lines without end."""

import datetime
import gzip
import json
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest

from tct.data.errors import ConfigError, SourceError
from tct.pipeline.sources import Columns, Condition, Record, jsonl, read_records

ROWS: dict[str, list[Any]] = {
    "text": [f"name: {n}" for n in range(6)],
    "repo": ["a/b", "a/b", "c/d", None, "e/f", "e/f"],
    "head": [True, False, True, True, None, False],
    "stars": [1, 10, 100, 7, 0, None],
    "score": [0.5, 1.5, 2.5, 3.5, 4.5, 5.5],
}


def where(*conditions: str) -> Columns:
    return Columns(where=tuple(map(Condition.parse, conditions)))


def read(path: Path, columns: Columns) -> list[Record]:
    return list(read_records([path], columns))


def numbers(path: Path, *conditions: str) -> list[int]:
    """Numbers of the rows that are read."""
    records = read(path, where(*conditions))
    found = [int(record.path.rpartition("#")[2]) for record in records]
    assert [record.text for record in records] == [b"name: %d" % n for n in found]
    return found


KINDS = [".parquet", ".arrow", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv", ".csv.gz"]


@pytest.fixture(params=KINDS)
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """ROWS in each kind of file, two to a row group."""
    path = tmp_path / f"rows{request.param}"
    table = pa.table(ROWS)
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=2)
    elif path.suffix == ".arrow":
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    else:
        data = "\n".join(map(json.dumps, table.to_pylist())).encode()
        if ".csv" in path.suffixes:
            sink = pa.BufferOutputStream()
            pcsv.write_csv(table, sink)
            data = sink.getvalue().to_pybytes()
        if path.suffix == ".gz":
            data = gzip.compress(data)
        if path.suffix == ".zst":
            data = pa.Codec("zstd").compress(data, asbytes=True)
        path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], [0, 1, 2, 3, 4, 5]),
        (["head=true"], [0, 2, 3]),
        (["head != True"], [1, 5]),
        (["repo=e/f"], [4, 5]),
        (["repo!=a/b"], [2, 4, 5]),
        (["stars>=10"], [1, 2]),
        (["stars<10"], [0, 3, 4]),
        (["score>2.5", "score<=4.5"], [3, 4]),
        (["stars > 5", "head=true"], [2, 3]),
        (["text=name: 3"], [3]),
        (["repo=none/such"], []),
    ],
)
def test_only_rows_for_which_the_conditions_hold_are_read(
    rows: Path, conditions: list[str], expected: list[int]
) -> None:
    assert numbers(rows, *conditions) == expected


def test_a_condition_on_a_missing_column_is_refused(rows: Path) -> None:
    with pytest.raises(SourceError, match=r"found no (column|field) 'haed'"):
        read(rows, where("haed=true"))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("head=maybe", "column 'head' holds bool, expected true or false"),
        ("stars>many", "column 'stars' holds int64, expected a number"),
        ("tags=x", "holds list<.*>, expected a column of simple values"),
        ("day<soon", "holds date32.day., expected a day such as 2026-01-31"),
        ("at<soon", "holds timestamp.us., expected a time such as 2026-01-31T12:00"),
    ],
)
def test_a_value_that_does_not_fit_its_column_is_refused(
    tmp_path: Path, condition: str, message: str
) -> None:
    day = datetime.date(2026, 1, 31)
    columns = {
        "text": ["a: 1"],
        "head": [True],
        "stars": [1],
        "tags": [["x"]],
        "day": [day],
        "at": [datetime.datetime(2026, 1, 31, 12)],
    }
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(SourceError, match=message):
        read(path, where(condition))
    assert len(read(path, where("day=2026-01-31", "at>2026-01-31T11:59:59Z"))) == 1


@pytest.mark.parametrize("text", ["", "head", "=true", "head true"])
def test_a_condition_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="write it like --where head=true"):
        Condition.parse(text)


def test_a_condition_is_written_as_it_was_read() -> None:
    for text in ("a=b", "a!=b=c", "a<=1", "a b>=x y"):
        assert str(Condition.parse(text)) == text
    assert str(Condition.parse(" a  <  b ")) == "a<b"


def test_conditions_without_rows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("a: 1")
    with pytest.raises(SourceError, match="the sources are files without rows"):
        read(tmp_path / "a.yml", where("head=true"))


def test_texts_of_a_group_without_a_row_that_holds_are_not_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.parquet"
    texts = ["name: 0", "name: broken"]
    table = pa.table({"text": texts, "head": [True, False]})
    options: dict[str, Any] = {"compression": "none", "use_dictionary": False}
    pq.write_table(table, path, row_group_size=1, **options)
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + 12] = b"\xff" * 12
    path.write_bytes(data)
    assert numbers(path, "head=true") == [0]
    with pytest.raises(SourceError):
        read(path, Columns())


def test_a_text_that_is_no_utf8_is_read_all_the_same(tmp_path: Path) -> None:
    texts = pa.array([b"a: \xff", b"a: 1"]).view(pa.string())
    pq.write_table(pa.table({"text": texts}), tmp_path / "t.parquet")
    records = read(tmp_path / "t.parquet", Columns())
    assert [record.text for record in records] == [b"a: \xff", b"a: 1"]


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    column = pa.array(["a: 1"])
    table = pa.Table.from_arrays([column, column], names=["text", "text"])
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="found 2 columns 'text'"):
        read(tmp_path / "t.parquet", Columns())


def test_a_damaged_arrow_file_is_refused_or_read_within_its_bounds(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.arrow"
    table = pa.table({"text": ["name: 0", "name: 1", "name: 2"]})
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    data = path.read_bytes()
    offsets = data.index((7).to_bytes(4, "little") + (14).to_bytes(4, "little"))
    path.write_bytes(
        data[:offsets] + (1 << 30).to_bytes(4, "little") + data[offsets + 4 :]
    )
    with pytest.raises(SourceError, match=r"not a readable \.arrow file"):
        read(path, Columns())


def test_a_line_without_end_is_a_reject_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 100)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"on": 1}\n{"b": "' + b"x" * 1000 + b'"}\n{"on": 2}\n')
    first, long, last = read(path, Columns())
    assert str(long.problem) == "too_large: a line of more than 100 bytes"
    assert (long.path, last.path) == ("rows.jsonl#1", "rows.jsonl#2")
    assert (first.text, last.text) == (b'{"on": 1}\n', b'{"on": 2}\n')


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_compressed_lines_that_are_cut_off_are_refused(
    tmp_path: Path, suffix: str
) -> None:
    data = b"".join(b'{"on": %d}\n' % n for n in range(1000))
    packed = (
        gzip.compress(data)
        if suffix == ".gz"
        else pa.Codec("zstd").compress(data, asbytes=True)
    )
    path = tmp_path / f"rows.jsonl{suffix}"
    for text, expected in ((packed, 1000), (packed + packed, 2000)):
        path.write_bytes(text)
        assert len(read(path, Columns())) == expected
    for cut in (1, len(packed) // 2, len(packed) - 1):
        path.write_bytes(packed[:cut])
        with pytest.raises(SourceError, match="check that it is complete"):
            read(path, Columns())


def test_conditions_reach_another_process() -> None:
    columns = where("head=true")
    assert pickle.loads(pickle.dumps(columns)) == columns
