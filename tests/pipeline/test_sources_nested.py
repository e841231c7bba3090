"""Rows as datasets publish them: columns within columns, and contents of any type."""

import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from tct.data.errors import SourceError
from tct.pipeline.sources import (
    Columns,
    Condition,
    Location,
    Record,
    jsonl,
    read_records,
)

ROWS: list[dict[str, Any]] = [
    {"run": {"file": {"content": "name: 0"}, "stars": 1, "repo": "a/b"}, "n": 0},
    {"run": {"file": {"content": "name: 1"}, "stars": 9, "repo": None}, "n": 1},
    {"run": None, "n": 2},
    {"run": {"file": {"content": None}, "stars": 9, "repo": "c/d"}, "n": 3},
    {"run": {"file": {"content": "name: 4"}, "stars": 9, "repo": "c/d"}, "n": 4},
]
NULL = "bad_record: the text column holds null, no text"


def read(path: Path, columns: Columns) -> list[Record]:
    return list(read_records([path], columns))


def lines(rows: list[Any]) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    table = pa.Table.from_pylist(rows)
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=2)
    elif path.suffix == ".arrow":
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=2))
    else:
        is_packed = path.suffix == ".gz"
        path.write_bytes(gzip.compress(lines(rows)) if is_packed else lines(rows))
    return path


@pytest.fixture(params=[".parquet", ".arrow", ".jsonl", ".json.gz", ".json"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"runs{request.param}"


def nested(*conditions: str, group: str | None = None) -> Columns:
    where = tuple(map(Condition.parse, conditions))
    return Columns(text="run.file.content", group=group, where=where)


def test_a_column_within_columns_is_read(path: Path) -> None:
    records = read(write(path, ROWS), nested(group="run.repo"))
    texts = [b"name: 0", b"name: 1", None, None, b"name: 4"]
    assert [None if one.problem else one.text for one in records] == texts
    assert [one.group for one in records] == ["a/b", None, None, "c/d", "c/d"]
    assert {str(one.problem) for one in records if one.problem} == {NULL}


def test_a_condition_compares_a_column_within_a_column(path: Path) -> None:
    records = read(write(path, ROWS), nested("run.stars>1", "n!=3"))
    assert [one.path for one in records] == [f"{path.name}#1", f"{path.name}#4"]
    assert [one.text for one in records] == [b"name: 1", b"name: 4"]


def test_a_column_whose_name_has_a_dot_comes_before_one_within(path: Path) -> None:
    rows = [{"run.file": "name: dot", "run": {"file": "name: within"}}]
    (record,) = read(write(path, rows), Columns(text="run.file"))
    assert record.text == b"name: dot"


@pytest.mark.parametrize(
    "name", ["run.none", "run.file.content.more", "none.file", "."]
)
def test_a_missing_column_within_a_column_is_refused(path: Path, name: str) -> None:
    write(path, ROWS)
    with pytest.raises(SourceError, match=r"found no (column|field) '"):
        read(path, Columns(text=name))
    with pytest.raises(SourceError, match=r"found no (column|field) '"):
        read(path, Columns(text="run.file.content", group=name))
    with pytest.raises(SourceError, match=r"found no (column|field) '"):
        read(path, nested(f"{name}=1"))


TEXTS = [b"name: 0", None, b"name: 2", b"name: 0"]
UNICODE = [text and text.decode() for text in TEXTS]
CONTENTS = {
    "binary": pa.array(TEXTS, pa.binary()),
    "large_binary": pa.array(TEXTS, pa.large_binary()),
    "large_string": pa.array(UNICODE, pa.large_string()),
    "dictionary": pa.array(UNICODE).dictionary_encode(),
    "binary dictionary": pa.array(TEXTS, pa.binary()).dictionary_encode(),
}


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("is_within", [False, True])
def test_contents_of_every_type_are_texts_and_null_is_a_reject(
    tmp_path: Path, kind: str, is_within: bool
) -> None:
    column = CONTENTS[kind]
    if is_within:
        column = pa.StructArray.from_arrays([column], names=["content"])
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"file" if is_within else "content": column}), path)
    name = "file.content" if is_within else "content"
    records = read(path, Columns(text=name))
    assert [None if one.problem else one.text for one in records] == TEXTS
    assert str(records[1].problem) == NULL


def test_a_column_of_nulls_holds_rejects_only(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"content": pa.nulls(2)}), path)
    records = read(path, Columns(text="content"))
    assert [str(one.problem) for one in records] == [NULL, NULL]


def test_a_text_within_a_column_that_is_no_utf8_is_read_all_the_same(
    tmp_path: Path,
) -> None:
    texts = pa.array([b"a: \xff", b"a: 1"]).view(pa.string())
    file = pa.StructArray.from_arrays([texts], names=["content"])
    pq.write_table(pa.table({"file": file}), tmp_path / "t.parquet")
    records = read(tmp_path / "t.parquet", Columns(text="file.content"))
    assert [one.text for one in records] == [b"a: \xff", b"a: 1"]


# -- arrays ----------------------------------------------------------------------------

TEXT = st.text(st.sampled_from('ab"\\\\[]{},\n ü'), max_size=8)
VALUES = st.recursive(
    TEXT | st.none() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    rows=st.lists(st.fixed_dictionaries({"text": TEXT, "more": VALUES}), max_size=5),
    indent=st.sampled_from([None, 0, 2]),
    block=st.integers(1, 40),
    is_ascii=st.booleans(),
)
def test_an_array_gives_what_its_elements_give_as_lines(
    rows: list[Any], indent: int | None, block: int, is_ascii: bool
) -> None:
    array = json.dumps(rows, indent=indent, ensure_ascii=is_ascii).encode()
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(jsonl, "_BLOCK_BYTES", block)
        path = Path(folder, "rows.json")
        path.write_bytes(b" \n" + array + b"\n")
        found = read(path, Columns())
    assert [one.text.decode() for one in found] == [row["text"] for row in rows]
    assert [one.path for one in found] == [f"rows.json#{n}" for n in range(len(rows))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"text": "a"}', "the array has no end"),
        ('[{"text": "a]', "the array has no end"),
        ('[{"text": "a"}] x', "found more behind the end of the array"),
    ],
)
def test_a_damaged_array_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rows.json"
    path.write_text(text)
    with pytest.raises(
        SourceError, match=f"not a readable .json array file .{message}"
    ):
        read(path, Columns())


def test_an_element_that_is_too_long_is_a_reject_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 100)
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"on": 1}, {"text": "x" * 1000}, {"on": 2}]))
    first, long, last = read(path, Columns())
    assert str(long.problem) == "too_large: a line of more than 100 bytes"
    assert (first.text, last.text) == (b'{"on": 1}', b' {"on": 2}')


def test_a_json_file_in_a_folder_is_a_workflow(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('[{"text": "a: 1"}]')
    (record,) = read(tmp_path, Columns())
    assert (record.path, record.text) == ("rows.json", b'[{"text": "a: 1"}]')


# -- partitions ------------------------------------------------------------------------


@pytest.fixture
def hive(tmp_path: Path) -> Path:
    """Three files of two rows each, one per row group, and a workflow."""
    root = tmp_path / "hive"
    folders = [
        "year=2025/repo=a%2Fb",
        "year=2026/repo=c%2Fd",
        "year=2026/repo=__HIVE_DEFAULT_PARTITION__",
    ]
    for number, folder in enumerate(folders):
        (root / folder).mkdir(parents=True)
        texts = pa.array([f"name: {number}.{n}" for n in range(2)])
        table = pa.table({"text": texts, "n": [0, 1]})
        pq.write_table(table, root / folder / "part-0.parquet", row_group_size=1)
    (root / "year=2026" / "ci.yml").write_text("name: file")
    pq.write_table(pa.table({"text": ["name: not partitioned"]}), root / "t.parquet")
    return root


def texts_of(root: Path, *conditions: str, group: str | None = None) -> list[bytes]:
    where = tuple(map(Condition.parse, conditions))
    return [one.text for one in read(root, Columns(group=group, where=where))]


def test_partitions_of_a_folder_are_columns(hive: Path) -> None:
    records = read(hive, Columns())
    null = "year=2026/repo=__HIVE_DEFAULT_PARTITION__/part-0.parquet"
    assert [(one.path, one.text, one.group) for one in records] == [
        ("year=2025/repo=a%2Fb/part-0.parquet#0", b"name: 0.0", "a/b"),
        ("year=2025/repo=a%2Fb/part-0.parquet#1", b"name: 0.1", "a/b"),
        ("year=2026/ci.yml", b"name: file", None),
        (f"{null}#0", b"name: 2.0", None),
        (f"{null}#1", b"name: 2.1", None),
        ("year=2026/repo=c%2Fd/part-0.parquet#0", b"name: 1.0", "c/d"),
        ("year=2026/repo=c%2Fd/part-0.parquet#1", b"name: 1.1", "c/d"),
    ]
    assert read(hive, Columns(group="year"))[0].group == "2025"


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (["year<2026"], [b"name: 0.0", b"name: 0.1"]),
        (["year>=2026", "n=1"], [b"name: 2.1", b"name: 1.1"]),
        (["repo=c/d", "n=0"], [b"name: 1.0"]),
        (["year=2030"], []),
    ],
)
def test_conditions_compare_partitions(
    hive: Path, conditions: list[str], expected: list[bytes]
) -> None:
    (hive / "year=2026" / "ci.yml").unlink()
    assert texts_of(hive, *conditions) == expected


def test_a_column_of_the_file_comes_before_a_partition(tmp_path: Path) -> None:
    folder = tmp_path / "hive" / "repo=folder"
    folder.mkdir(parents=True)
    table = pa.table({"text": ["name: 0"], "repo": ["file"]})
    pq.write_table(table, folder / "a.parquet")
    (record,) = read(tmp_path / "hive", Columns())
    assert record.group == "file"


def test_partitions_are_columns_in_another_filesystem(hive: Path) -> None:
    there = SubTreeFileSystem(str(hive.parent), LocalFileSystem())
    source = Location(path="hive", filesystem=there, where="elsewhere")
    found = list(read_records([source], Columns()))
    assert found == read(hive, Columns())


def test_a_missing_partition_is_refused(hive: Path) -> None:
    with pytest.raises(SourceError, match="found no column 'month'"):
        texts_of(hive, "month=1")


# -- lists -----------------------------------------------------------------------------

LISTS: list[dict[str, Any]] = [
    {
        "repo": "a/b",
        "files": [{"path": "x", "body": "one"}, {"path": "y", "body": None}],
    },
    {"repo": "c/d", "files": []},
    {"repo": "e/f", "files": None},
    {"repo": "g/h", "files": [{"path": "z", "body": "two"}]},
]


@pytest.mark.parametrize("nested_in", ["structs", "texts", "deeper"])
def test_each_element_of_a_list_is_an_input(path: Path, nested_in: str) -> None:
    rows, name = LISTS, "files.body"
    if nested_in == "texts":
        bodies = [
            row["files"] and [one["body"] for one in row["files"]] for row in LISTS
        ]
        rows = [
            {"repo": row["repo"], "files": body}
            for row, body in zip(LISTS, bodies, strict=True)
        ]
        name = "files"
    if nested_in == "deeper":
        rows = [{"repo": row["repo"], "of": {"files": row["files"]}} for row in LISTS]
        name = "of.files.body"
    records = read(write(path, rows), Columns(text=name))
    found = [
        (one.path.partition("#")[2], one.group, one.problem is None) for one in records
    ]
    assert [one for one in found if one[0] != "2"] == [
        ("0.0", "a/b", True),
        ("0.1", "a/b", False),
        ("3.0", "g/h", True),
    ]
    texts = [one.text for one in records if one.problem is None]
    assert texts == [b"one", b"two"]


def test_elements_are_counted_in_all_batches(tmp_path: Path) -> None:
    lists = [[f"{row}.{n}" for n in range(row % 4)] for row in range(2_000)]
    for kind in (pa.list_(pa.string()), pa.large_list(pa.binary())):
        table = pa.table({"text": pa.array(lists, kind)})
        pq.write_table(table.slice(3), tmp_path / "t.parquet", row_group_size=700)
        with pa.ipc.new_file(str(tmp_path / "t.arrow"), table.schema) as writer:
            writer.write_table(table.slice(3), max_chunksize=999)
        for name in ("t.parquet", "t.arrow"):
            records = read(tmp_path / name, Columns())
            assert [one.text.decode() for one in records] == [
                text for texts in lists[3:] for text in texts
            ]
            assert records[-1].path == f"{name}#1996.2"
