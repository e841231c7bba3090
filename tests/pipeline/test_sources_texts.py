"""Tables in CSV, and texts in files that rows name."""

import gzip
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from tct.cli import main
from tct.data.errors import SourceError
from tct.data.store import Store
from tct.pipeline.prepare import PrepareOptions, PrepareReport, prepare
from tct.pipeline.sources import Columns, Condition, Record, read_records
from tct.pipeline.sources.tables import csv_files


def csv_file(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def read(path: Path, columns: Columns) -> list[Record]:
    return list(read_records([path], columns))


# -- CSV -------------------------------------------------------------------------------


def test_columns_without_a_condition_are_texts_as_written(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "t.csv", "text,repo,path,n", "007,0012,1.0,3", "1e5,,,4")
    one, two = read(path, Columns())
    assert (one.text, one.group, one.file) == (b"007", "0012", "1.0")
    assert (two.text, two.group, two.file) == (b"1e5", None, None)
    columns = Columns(where=(Condition.parse("n>=4"),))
    assert [record.path for record in read(path, columns)] == ["t.csv#1"]


def test_fields_may_hold_lines_quotes_and_nothing(tmp_path: Path) -> None:
    path = csv_file(
        tmp_path / "t.csv", "text,repo", '"on: push\njobs: ""a"", b",o/r', ",", '"",'
    )
    texts = [
        (one.text, one.problem and one.problem.reason) for one in read(path, Columns())
    ]
    assert texts == [
        (b'on: push\njobs: "a", b', None),
        (b"", "bad_record"),  # null
        (b"", None),  # an empty text
    ]


def test_a_byte_order_mark_and_bytes_that_are_no_text_are_kept_apart(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbftext,repo\r\n\xff\xfe,a/b\r\n")
    (record,) = read(path, Columns())
    assert (record.text, record.group) == (b"\xff\xfe", "a/b")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            ["text,repo", "a,b,c"],
            r"t\.csv: not a readable \.csv file \(CSV parse error",
        ),
        (["text,text", "a,b"], r"t\.csv: found 2 columns 'text' among"),
        (
            ["body,repo", "a,b"],
            r"t\.csv: found no column 'text' among \['body', 'repo'\]",
        ),
        ([""], r"t\.csv: not a readable \.csv file"),
    ],
)
def test_what_is_no_table_is_named(
    tmp_path: Path, lines: list[str], problem: str
) -> None:
    with pytest.raises(SourceError, match=problem):
        read(csv_file(tmp_path / "t.csv", *lines), Columns())


def test_a_column_of_a_condition_has_the_type_of_its_first_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"a,{n}" for n in range(40)]
    path = csv_file(tmp_path / "t.csv", "text,stars", *rows, "a,many")
    texts = Columns(where=(Condition.parse("stars=many"),))
    assert [one.path for one in read(path, texts)] == ["t.csv#40"]
    monkeypatch.setattr(csv_files, "_BLOCK_BYTES", 100)
    with pytest.raises(
        SourceError, match=r"t\.csv: not a readable .*column #1.*'many'"
    ):
        read(path, Columns(where=(Condition.parse("stars>=2"),)))


def test_a_truncated_archive_of_rows_is_an_error(tmp_path: Path) -> None:
    data = gzip.compress(b"text\n" + os.urandom(9000).hex().encode())
    (tmp_path / "t.csv.gz").write_bytes(data[:4000])
    with pytest.raises(SourceError, match=r"t\.csv\.gz: not a readable \.csv\.gz file"):
        read(tmp_path / "t.csv.gz", Columns())


# -- texts in files --------------------------------------------------------------------


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """As gigawork is published: an index, and files named by their hash."""
    (tmp_path / "files" / "ab").mkdir(parents=True)
    for name in ("00123", "4567.yml", "ab/cd"):
        text = f"name: '{name}'\non: push\njobs: {{}}\n"
        (tmp_path / "files" / name).write_text(text)
    csv_file(
        tmp_path / "index.csv",
        "repository,file_hash,valid",
        "o/one,00123,True",
        "o/two,4567,True",
        "o/two,missing,True",
        "o/one,4567,False",
        "o/three,ab/cd,True",
    )
    return tmp_path


def columns(dataset: Path, **others: object) -> Columns:
    texts = dataset / "files"
    return Columns(text="file_hash", group="repository", texts=texts, **others)  # type: ignore[arg-type]


def test_a_row_names_the_file_of_its_text(dataset: Path) -> None:
    where = (Condition.parse("valid=true"),)
    found = read(dataset / "index.csv", columns(dataset, where=where))
    assert [(one.path, one.group, one.text.partition(b"\n")[0]) for one in found] == [
        ("index.csv#0", "o/one", b"name: '00123'"),
        ("index.csv#1", "o/two", b"name: '4567.yml'"),
        ("index.csv#2", "o/two", b"missing"),
        ("index.csv#4", "o/three", b"name: 'ab/cd'"),
    ]
    problem = found[2].problem
    assert problem is not None
    assert problem.reason == "bad_record"
    assert problem.message == "'missing': not found in the folder of texts"


@pytest.mark.parametrize(
    ("name", "reason", "message"),
    [
        ("../secret", "unsafe_member", "lies outside the folder of texts"),
        ("/etc/passwd", "unsafe_member", "lies outside the folder of texts"),
        ("out/secret", "unsafe_member", "lies outside the folder of texts"),
        ("link", "unsafe_member", "is a link in the folder of texts"),
        ("pipe", "bad_record", "a FIFO in the folder of texts"),
        ("ab", "bad_record", "in the folder of texts"),
        ('""', "bad_record", "'' is no name of a file"),
    ],
)
def test_nothing_outside_the_folder_is_read(
    dataset: Path, name: str, reason: str, message: str
) -> None:
    (dataset / "secret").write_text("on: push")
    (dataset / "files" / "link").symlink_to(dataset / "secret")
    (dataset / "files" / "out").symlink_to(dataset)
    os.mkfifo(dataset / "files" / "pipe")
    csv_file(dataset / "index.csv", "repository,file_hash", f"o/r,{name}")
    (record,) = read(dataset / "index.csv", columns(dataset))
    assert record.problem is not None
    assert record.problem.reason == reason
    assert message in record.problem.message


def test_a_change_of_a_text_is_another_input(dataset: Path) -> None:
    options = PrepareOptions(columns=columns(dataset), workers=1)

    def run() -> PrepareReport:
        return prepare(dataset / "index.csv", dataset / "store", options)

    assert not run().up_to_date
    assert run().up_to_date
    assert Store.open(dataset / "store").docs["group"].to_pylist() == [
        "o/one",
        "o/two",
        "o/three",
    ]
    (dataset / "files" / "00123").write_text("on: pull_request\njobs: {}\n")
    command = ["prepare", "index.csv", "--texts", "files", "--text-column", "file_hash"]
    command += ["--group-column", "repository", "-o", "store"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(dataset)
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 1
        assert "input_sha256" in done.stderr
        assert CliRunner().invoke(main, [*command, "--force"]).exit_code == 0


def test_texts_need_rows_and_a_folder(dataset: Path) -> None:
    with pytest.raises(SourceError, match=r"--texts .*: the sources are files without"):
        read(dataset / "files" / "4567.yml", columns(dataset))
    nowhere = Columns(text="file_hash", texts=dataset / "nowhere")
    with pytest.raises(SourceError, match=r"--texts .*nowhere: not found, expected a"):
        read(dataset / "index.csv", nowhere)
    file = Columns(text="file_hash", texts=dataset / "index.csv")
    with pytest.raises(
        SourceError, match=r"index\.csv: found a file, expected a folde"
    ):
        read(dataset / "index.csv", file)
