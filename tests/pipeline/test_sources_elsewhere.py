"""Sources in other filesystems, by URI, and listed on stdin."""

import io
import json
import pickle
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow.fs import (
    FileSystem,
    FSSpecHandler,
    LocalFileSystem,
    PyFileSystem,
    SubTreeFileSystem,
)

from tct.cli import main
from tct.data.documents.parse import MAX_DOCUMENT_BYTES
from tct.data.errors import SourceError
from tct.data.store import Store
from tct.pipeline.sources import (
    Columns,
    Location,
    Record,
    Source,
    fingerprint,
    input_files,
    listed_sources,
    read_records,
)

DEFAULT = Columns()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """One source of each kind."""
    folder = tmp_path / "corpus"
    files = {
        "wf/o__r/b.yml": b"a: 1",
        "wf/o__r/.git/no.yml": b"a: 2",
        "wf/p__q/a.json": b"{}",
        "wf/large.yml": bytes(MAX_DOCUMENT_BYTES + 9),
        "wf/store/tokenizer.json": b"{}",
        "wf/store/below/no.yml": b"a: 3",
        "wf/README.md": b"",
        "rows.jsonl": b'{"text": "a: 4", "repo": "x/y"}\n',
        "rows.jsonl.zst": pa.Codec("zstd").compress(b'{"on": 5}\n', asbytes=True),
    }
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    pq.write_table(pa.table({"text": ["a: 6"]}), folder / "t.parquet")
    with pa.ipc.new_file(str(folder / "t.arrow"), pa.schema({"text": "string"})) as w:
        w.write_table(pa.table({"text": ["a: 7"]}))
    with zipfile.ZipFile(folder / "a.zip", "w") as made:
        made.writestr("o__r/z.yml", "a: 8")
    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        archive.add(folder / "wf/o__r/b.yml", "o__r/b.yml")
    return folder


def sources_in(folder: Path) -> list[Path]:
    return [folder / "wf", *sorted(p for p in folder.iterdir() if p.is_file())]


def in_memory(folder: Path) -> FileSystem:
    memory = MemoryFileSystem(skip_instance_cache=True)
    memory.store, memory.pseudo_dirs = {}, [""]
    for path in folder.rglob("*"):
        if path.is_file():
            memory.pipe(path.relative_to(folder).as_posix(), path.read_bytes())
    return PyFileSystem(FSSpecHandler(memory))


def below(folder: Path) -> FileSystem:
    return SubTreeFileSystem(str(folder), LocalFileSystem())


@pytest.mark.parametrize("make", [in_memory, below])
def test_any_filesystem_gives_the_records_of_this_machine(
    corpus: Path, make: Callable[[Path], FileSystem]
) -> None:
    here = sources_in(corpus)
    filesystem = make(corpus)
    there: list[Source] = [
        Location(path=path.name, filesystem=filesystem, where=f"mem:{path.name}")
        for path in here
    ]
    expected = list(map(_facts, read_records(here, DEFAULT)))
    assert len(expected) == 9
    assert list(map(_facts, read_records(there, DEFAULT))) == expected
    assert fingerprint(there) == fingerprint(here)


def test_a_uri_gives_the_records_of_its_path(corpus: Path) -> None:
    here = sources_in(corpus)
    uris = [path.as_uri() for path in here]
    expected = list(map(_facts, read_records(here, DEFAULT)))
    assert list(map(_facts, read_records(uris, DEFAULT))) == expected
    assert fingerprint(uris) == fingerprint(here)


def _facts(record: Record) -> tuple[str, bytes, str | None, str]:
    return record.path, record.text, record.group, str(record.problem)


def test_a_missing_file_elsewhere_is_named(tmp_path: Path) -> None:
    uri = (tmp_path / "no.yml").as_uri()
    with pytest.raises(SourceError, match=rf"^{uri}: not found; "):
        fingerprint([uri])


def test_an_unknown_filesystem_is_named_without_its_secrets() -> None:
    with pytest.raises(SourceError) as caught:
        fingerprint(["ftp://user:password@host/a.yml?token=password"])
    assert str(caught.value).startswith("ftp://host/a.yml: cannot be reached (")
    assert "password" not in str(caught.value)


NOWHERE = "127.0.0.1:9"  # nobody listens there
NOWHERE_S3 = f"endpoint_override={NOWHERE}&scheme=http"


@pytest.mark.parametrize(
    ("uri", "seconds"),
    [
        ("gs://anonymous@bucket/w", 1),
        ("gcs://anonymous@bucket/w?scheme=http", 1),
        ("gs://anonymous@bucket/w?retry_limit_seconds=1", 900),
        (f"s3://key:password@bucket/w?region=eu-west-1&{NOWHERE_S3}", 900),
    ],
)
def test_a_bucket_that_cannot_be_reached_is_named_before_long(
    monkeypatch: pytest.MonkeyPatch, uri: str, seconds: int
) -> None:
    monkeypatch.setattr("tct.data.remote.uri._GOOGLE_SECONDS", seconds)
    monkeypatch.setenv("CLOUD_STORAGE_EMULATOR_ENDPOINT", f"http://{NOWHERE}")
    name = uri.partition("?")[0].replace("anonymous@", "").replace("key:password@", "")
    begun = time.monotonic()
    message = rf"^{name}: cannot be reached \(.*Could not connect.*\); check the netw"
    with pytest.raises(SourceError, match=message):
        fingerprint([uri])
    assert time.monotonic() - begun < 60


def test_a_damaged_file_elsewhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"no table")
    uri = (tmp_path / "t.parquet").as_uri()
    with pytest.raises(SourceError, match=rf"^{uri}: not a readable \.parquet file"):
        list(read_records([uri], DEFAULT))


def test_an_input_file_can_be_handed_to_another_process(corpus: Path) -> None:
    uri = (corpus / "wf").as_uri()
    for file in input_files([corpus / "wf", uri]):
        copy = pickle.loads(pickle.dumps(file))
        with file.open() as one, copy.open() as other:
            assert one.read() == other.read()


# -- lists -----------------------------------------------------------------------------


def listed(text: bytes, *sources: str) -> list[Source]:
    return listed_sources(sources or ["-"], io.BytesIO(text))


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\0"])
def test_a_list_names_files_by_their_paths(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, separator: bytes
) -> None:
    monkeypatch.chdir(corpus)
    names = [b"./wf/o__r/b.yml", b"rows.jsonl", b"wf/p__q", b""]
    records = list(read_records(listed(separator.join(names)), DEFAULT))
    assert [(record.path, record.group) for record in records] == [
        ("wf/o__r/b.yml", "o/r"),
        ("rows.jsonl#0", "x/y"),
        ("wf/p__q/a.json", "p/q"),
    ]


def test_a_list_stands_where_its_dash_does() -> None:
    names = list(map(str, listed(b"b.yml\nc.yml\n", "a.yml", "-", "d.yml")))
    assert names == ["a.yml", "b.yml", "c.yml", "d.yml"]


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(SourceError, match=r"^-: found no path on stdin"):
        listed(b"\n \n")


def test_prepare_takes_a_list_and_conditions(tmp_path: Path) -> None:
    rows = [{"text": f"name: n{n}", "head": n % 2 == 0} for n in range(6)]
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, rows)))
    arguments = ["prepare", "-", "--where", "head=true", "-o", str(tmp_path / "s")]
    lines = f"{tmp_path / 'r.jsonl'}\n"
    result = CliRunner().invoke(main, arguments, input=lines)
    assert result.exit_code == 0, result.output
    assert len(Store.open(tmp_path / "s")) == 3
    arguments[3] = "head=false"
    result = CliRunner().invoke(main, arguments, input=lines)
    assert result.exit_code == 1
    assert "where: ['head=true'] then, ['head=false'] now" in result.stderr
