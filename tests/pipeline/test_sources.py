"""Sources: every input once, in a fixed order, and never changed."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tct.data.errors import SourceError
from tct.data.files import sha256_file
from tct.pipeline.sources import Columns, Record, fingerprint, read_records

DEFAULT = Columns()


def read(source: Path, columns: Columns = DEFAULT) -> list[Record]:
    return list(read_records([source], columns))


def names(records: Sequence[Record]) -> list[str]:
    return [record.path for record in records]


def groups(records: Sequence[Record]) -> list[str | None]:
    return [record.group for record in records]


def write_files(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"name: {path}\n")


def write_table(path: Path, columns: dict[str, Any], rows_per_group: int = 3) -> None:
    table = pa.table(columns)
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=rows_per_group)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=rows_per_group)


# -- folders ---------------------------------------------------------------------------


def test_the_files_of_a_folder_come_by_path(tmp_path: Path) -> None:
    write_files(tmp_path, "b/ci.yml", "a.yaml", "b/a/x.json", "Z.yml", "b-c/ci.yml")
    records = read(tmp_path)
    expected = ["Z.yml", "a.yaml", "b-c/ci.yml", "b/a/x.json", "b/ci.yml"]
    assert names(records) == expected
    assert [record.text.decode() for record in records] == [
        f"name: {path}\n" for path in expected
    ]


def test_only_documents_are_taken_from_a_folder(tmp_path: Path) -> None:
    write_files(
        tmp_path, "ci.yml", "README.md", "a.jsonl", "b.parquet", "yml", "c.toml"
    )
    (tmp_path / "folder.yml").mkdir()
    (tmp_path / "gone.yml").symlink_to(tmp_path / "nowhere.yml")
    assert names(read(tmp_path)) == ["ci.yml"]


def test_git_folders_are_skipped_and_github_folders_are_not(tmp_path: Path) -> None:
    write_files(tmp_path, ".git/a.yml", "o__r/.git/b.yml", ".github/workflows/c.yml")
    write_files(tmp_path, "o__r/.github/workflows/d.yml", ".gitlab-ci.yml")
    assert names(read(tmp_path)) == [
        ".github/workflows/c.yml",
        ".gitlab-ci.yml",
        "o__r/.github/workflows/d.yml",
    ]


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("owner__name/ci.yml", "owner/name"),
        ("owner__name/deep/down/ci.yml", "owner/name"),
        ("my-org__a__b/ci.yml", "my-org/a__b"),
        ("owner_name/ci.yml", None),
        ("__name/ci.yml", None),
        ("owner__/ci.yml", None),
        ("deep/owner__name/ci.yml", None),
        ("owner__name.yml", None),
    ],
)
def test_the_first_folder_names_the_repository(
    tmp_path: Path, path: str, group: str | None
) -> None:
    write_files(tmp_path, path)
    assert groups(read(tmp_path)) == [group]


def test_a_single_file_is_a_source(tmp_path: Path) -> None:
    write_files(tmp_path, "owner__name/ci.yml")
    (record,) = read(tmp_path / "owner__name" / "ci.yml")
    assert (record.path, record.group) == ("ci.yml", None)
    assert record.text == b"name: owner__name/ci.yml\n"


def test_sources_come_as_they_are_given(tmp_path: Path) -> None:
    write_files(tmp_path, "b/2.yml", "b/1.yml", "a/3.yml", "0.yml")
    sources = [tmp_path / "b", tmp_path / "0.yml", tmp_path / "a"]
    records = list(read_records(sources, DEFAULT))
    assert names(records) == ["1.yml", "2.yml", "0.yml", "3.yml"]


# -- JSON Lines ------------------------------------------------------------------------


def test_a_line_holds_a_text_and_a_group(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"text": "on: push\n", "repo": "a/b"}, {"text": "on: ü\n"}]
    path.write_text("\n".join(map(json.dumps, rows)))
    records = read(path)
    assert names(records) == ["rows.jsonl#0", "rows.jsonl#1"]
    assert [record.text.decode() for record in records] == ["on: push\n", "on: ü\n"]
    assert groups(records) == ["a/b", None]


def test_a_line_may_be_the_workflow_itself(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"on": "push"}\n\n  \n{"on": {}}\r\n{"on": []}')
    records = read(path)
    assert [json.loads(record.text) for record in records] == [
        {"on": "push"},
        {"on": {}},
        {"on": []},
    ]
    # Numbers are those of the lines, so a reader finds them again.
    assert names(records) == ["rows.jsonl#0", "rows.jsonl#3", "rows.jsonl#4"]
    assert groups(records) == [None] * 3


def test_the_fields_of_a_line_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"content": "on: push", "org": "x", "text": "no", "repo": "no"}]
    path.write_text(json.dumps(rows[0]))
    (record,) = read(path, Columns(text="content", group="org"))
    assert (record.text, record.group) == (b"on: push", "x")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "not JSON: "),
        (b"[" * 100_000, "not JSON: "),
        (b'"\xff"', "not JSON: "),
        (b"[1]", "the line is not a JSON object"),
        (b"null", "the line is not a JSON object"),
        (b'{"text": "x"}', "the text column holds null, no text"),
        (b'{"content": 1}', "the text column holds int, no text"),
    ],
)
def test_a_bad_line_is_a_record_with_a_problem(
    tmp_path: Path, line: bytes, message: str
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(line + b'\n{"content": "on: push"}\n')
    bad, good = read(path, Columns(text="content"))
    assert bad.problem is not None
    assert bad.problem.reason == "bad_record"
    assert bad.problem.message.startswith(message)
    assert bad.text == line + b"\n"
    assert (good.problem, good.text) == (None, b"on: push")


# -- tables ----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather"])
def test_the_rows_of_a_table_come_in_order(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    texts = [f"name: {number}\n" for number in range(3000)]
    repos = [f"o/{number % 7}" for number in range(3000)]
    write_table(path, {"repo": repos, "text": texts}, rows_per_group=700)
    records = read(path)
    assert names(records) == [f"table{suffix}#{number}" for number in range(3000)]
    assert [record.text.decode() for record in records] == texts
    assert groups(records) == repos


def test_a_table_needs_no_group(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", {"text": ["on: push"]})
    assert groups(read(tmp_path / "t.parquet")) == [None]


def test_the_columns_of_a_table_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    odd = {"a.b": ["on: push"], "the group [1]": ["x"], "text": ["no"], "repo": ["no"]}
    write_table(path, odd)
    (record,) = read(path, Columns(text="a.b", group="the group [1]"))
    assert (record.text, record.group) == (b"on: push", "x")


@pytest.mark.parametrize(
    "type_", [pa.string(), pa.large_string(), pa.string_view(), pa.binary()]
)
def test_text_may_have_any_type_of_text(tmp_path: Path, type_: pa.DataType) -> None:
    column = pa.array(["on: ü"]).cast(pa.binary()).cast(type_)
    write_table(tmp_path / "t.arrow", {"text": column})
    (record,) = read(tmp_path / "t.arrow")
    assert record.text.decode() == "on: ü"


def test_dictionary_columns_are_read(tmp_path: Path) -> None:
    columns = {
        "text": pa.array(["a: 1", "a: 2", "a: 1"]).dictionary_encode(),
        "repo": pa.array(["x", "y", "x"]).dictionary_encode(),
    }
    write_table(tmp_path / "t.parquet", columns)
    records = read(tmp_path / "t.parquet")
    assert [record.text for record in records] == [b"a: 1", b"a: 2", b"a: 1"]
    assert groups(records) == ["x", "y", "x"]


def test_a_group_may_be_a_number_or_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, {"text": ["a: 1", "a: 2"], "repo": pa.array([7, None])})
    assert groups(read(path)) == ["7", None]


@pytest.mark.parametrize(
    ("values", "kind"), [([None], "null"), ([1], "int"), ([{"a": 1}], "struct")]
)
def test_a_row_without_text_is_a_record_with_a_problem(
    tmp_path: Path, values: list[object], kind: str
) -> None:
    type_ = pa.string() if values == [None] else None
    write_table(tmp_path / "t.parquet", {"text": pa.array(values, type_)})
    (record,) = read(tmp_path / "t.parquet")
    assert record.problem is not None
    assert record.problem.reason == "bad_record"
    assert record.problem.message == f"the text column holds {kind}, no text"
    assert record.text == b""


# -- refusals --------------------------------------------------------------------------


def refused(source: Path, columns: Columns = DEFAULT) -> str:
    with pytest.raises(SourceError) as caught:
        read(source, columns)
    message = str(caught.value)
    assert message.startswith(f"{source}: ")
    return message.removeprefix(f"{source}: ")


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere") == (
        "not found; give a folder of workflows, a .jsonl, a .parquet or an archive"
    )


@pytest.mark.parametrize(
    ("name", "type_"),
    [("a.txt", "'.txt'"), ("Makefile", "'unknown'"), ("a.rar", "'.rar'")],
)
def test_a_file_of_an_unknown_type_is_named(
    tmp_path: Path, name: str, type_: str
) -> None:
    (tmp_path / name).write_text("")
    assert refused(tmp_path / name) == (
        f"found a file of type {type_}, expected one of .arrow, .csv, .csv.gz, "
        ".csv.zst, .feather, .json, .json.gz, .jsonl, .jsonl.gz, .jsonl.zst, "
        ".parquet, .tar, .tar.gz, .tar.zst, .tgz, .yaml, .yml, .zip; "
        "convert it, or give the folder that holds the workflows"
    )


def test_a_folder_without_documents_is_named(tmp_path: Path) -> None:
    write_files(tmp_path, "README.md", ".git/config.yml")
    assert refused(tmp_path) == (
        "no .yml, .yaml or .json file in this folder or below; "
        "give the folder that holds the workflows"
    )


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_a_table_without_a_text_column_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    write_table(path, {"content": ["a: 1"], "org": ["x"]})
    assert refused(path) == (
        "found no column 'text' among ['content', 'org']; "
        "name the column that holds the workflows with --text-column"
    )


@pytest.mark.parametrize(
    ("columns", "name", "option"),
    [
        (Columns(text="body"), "body", "--text-column"),
        (Columns(group="owner"), "owner", "--group-column"),
    ],
)
def test_a_named_column_that_is_missing_is_named(
    tmp_path: Path, columns: Columns, name: str, option: str
) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, {"text": ["a: 1"], "repo": ["x"]})
    assert refused(path, columns) == (
        f"found no column '{name}' among ['text', 'repo']; "
        f"name one of these with {option}"
    )


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather"])
def test_a_file_that_is_no_table_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    for content in (b"", b"no table at all", b"PAR1PAR1", b"ARROW1\0\0"):
        path.write_bytes(content)
        message = refused(path)
        assert re.match(rf"not a readable {suffix} file \(", message)
        assert message.endswith("; check that it is complete")


# -- fingerprints ----------------------------------------------------------------------


def test_a_fingerprint_names_every_input_file(tmp_path: Path) -> None:
    write_files(tmp_path / "wf", "b.yml", "a/c.json", "no.txt")
    write_table(tmp_path / "t.parquet", {"text": ["a: 1"]})
    found = fingerprint([tmp_path / "t.parquet", tmp_path / "wf"])
    assert found == [
        ("t.parquet", sha256_file(tmp_path / "t.parquet")),
        ("a/c.json", sha256_file(tmp_path / "wf" / "a" / "c.json")),
        ("b.yml", sha256_file(tmp_path / "wf" / "b.yml")),
    ]


def test_a_fingerprint_tells_apart_content_names_and_order(tmp_path: Path) -> None:
    write_files(tmp_path / "one", "a.yml", "b.yml")
    write_files(tmp_path / "two", "a.yml", "b.yml")
    one, two = tmp_path / "one", tmp_path / "two"
    assert fingerprint([one]) == fingerprint([two])
    (two / "b.yml").write_text("name: other\n")
    assert fingerprint([one]) != fingerprint([two])
    assert fingerprint([one, two]) != fingerprint([two, one])
    (one / "b.yml").rename(one / "c.yml")
    assert [name for name, _ in fingerprint([one])] == ["a.yml", "c.yml"]


def test_inputs_are_only_read(tmp_path: Path) -> None:
    write_files(tmp_path / "wf", "good.yml", "o__r/bad.yml")
    (tmp_path / "wf" / "o__r" / "bad.yml").write_bytes(b"\xff: [")
    (tmp_path / "rows.jsonl").write_text("{\n")
    write_table(tmp_path / "t.parquet", {"text": ["a: 1", None]})
    write_table(tmp_path / "t.arrow", {"text": ["a: 1", None]})
    paths = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    before = [(sha256_file(path), os.stat(path).st_mtime_ns) for path in paths]
    sources = [tmp_path / name for name in ("wf", "rows.jsonl", "t.parquet", "t.arrow")]
    fingerprint(sources)
    assert len(list(read_records(sources, DEFAULT))) == 7
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == paths
    assert before == [(sha256_file(path), os.stat(path).st_mtime_ns) for path in paths]
