"""Sources made to do harm: bombs, absurd sizes, damaged members, links, FIFOs."""

import gzip
import os
import socket
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tct.cli import main
from tct.data.documents.parse import MAX_DOCUMENT_BYTES
from tct.data.errors import SourceError
from tct.data.files import sha256_file
from tct.pipeline.sources import (
    Columns,
    Record,
    Source,
    fingerprint,
    input_file,
    input_files,
    linked_sources,
    read_records,
)

METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflate": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def read(*sources: Source) -> list[Record]:
    return list(read_records(sources, Columns()))


def problems(records: list[Record]) -> list[str | None]:
    return [None if r.problem is None else str(r.problem) for r in records]


def zip_of(path: Path, members: dict[str, bytes], method: str = "deflate") -> bytearray:
    with zipfile.ZipFile(path, "w", METHODS[method]) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return bytearray(path.read_bytes())


def start_of(archive: Path, number: int) -> int:
    """Where the packed bytes of a member begin."""
    with zipfile.ZipFile(archive) as opened:
        info = opened.infolist()[number]
    return info.header_offset + 30 + len(info.filename)


# -- zip -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_the_bytes_that_went_in(tmp_path: Path, method: str) -> None:
    texts = {f"{n}.yml": os.urandom(n // 2) + b"x" * (n // 2) for n in (0, 9, 200_000)}
    zip_of(tmp_path / "a.zip", texts, method)
    assert [record.text for record in read(tmp_path / "a.zip")] == list(texts.values())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("at", [0, 4, 9, 20, -3])
def test_a_damaged_member_is_a_reject_and_the_next_is_read(
    tmp_path: Path, method: str, at: int
) -> None:
    path, text = tmp_path / "a.zip", os.urandom(100)
    data = zip_of(path, {"1.yml": text, "2.yml": b"name: next"}, method)
    start = start_of(path, 0)
    end = start_of(path, 1) - 30 - len("2.yml")
    place = start + at if at >= 0 else end + at
    data[place : place + 3] = bytes(byte ^ 0xFF for byte in data[place : place + 3])
    path.write_bytes(data)
    one, two = read(path)
    assert one.problem is not None
    assert one.problem.reason == "bad_record"
    assert two.text == b"name: next"


@pytest.mark.parametrize("method", ["deflate", "bzip2", "lzma"])
def test_a_bomb_is_unpacked_to_the_limit_only(tmp_path: Path, method: str) -> None:
    import tracemalloc

    path = tmp_path / "a.zip"
    zip_of(path, {"1.yml": bytes(40 << 20), "2.yml": b"name: next"}, method)
    tracemalloc.start()
    one, two = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(one.problem) == "too_large: 41,943,040 bytes, at most 1,048,576"
    assert two.text == b"name: next"
    assert peak < 16 * MAX_DOCUMENT_BYTES  # LZMA keeps 8 MiB to refer to


def test_members_that_share_their_bytes_are_read_once(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("0.yml", b"a: 1")
        for number in range(1, 2000):
            info = zipfile.ZipInfo(f"{number}.yml")
            shared = made.infolist()[0]
            info.header_offset, info.compress_type = shared.header_offset, 8
            info.CRC, info.file_size = shared.CRC, shared.file_size
            info.compress_size = shared.compress_size
            made.filelist.append(info)
    first, *others = read(path)
    assert first.text == b"a: 1"
    assert {str(record.problem) for record in others} == {
        "bad_record: it shares its bytes with another member"
    }
    assert len(others) == 1999


@pytest.mark.parametrize(
    ("place", "value"),
    [(20, 0), (20, 1 << 20), (20, 0xFFFFFFFE), (42, 1), (42, 9), (42, 1 << 20)],
)
def test_a_wrong_size_or_place_of_a_member_costs_no_other(
    tmp_path: Path, place: int, value: int
) -> None:
    path = tmp_path / "a.zip"
    data = zip_of(path, {"1.yml": b"a: 1", "2.yml": b"a: 2", "3.yml": b"a: 3"})
    struct.pack_into("<I", data, data.index(b"PK\1\2") + place, value)
    path.write_bytes(data)
    one, two, three = read(path)
    assert str(one.problem).startswith("bad_record: ")
    assert (two.text, three.text) == (b"a: 2", b"a: 3")


@pytest.mark.parametrize("name", ["\0a.yml", "a\0.yml", "\0", "x/\0/a.yml"])
def test_a_name_with_nul_is_a_reject(tmp_path: Path, name: str) -> None:
    path, other = tmp_path / "a.zip", name.replace("\0", "N")
    data = zip_of(path, {other: b"a: 1", "good.yml": b"a: 2"})
    path.write_bytes(data.replace(other.encode(), name.encode()))
    *bad, good = read(path)
    assert problems(bad) == ["unsafe_member: a name that holds NUL"] * len(bad)
    assert len(bad) == name.endswith(".yml")
    assert good.text == b"a: 2"


@pytest.mark.parametrize("method", [1, 9, 12 + 1, 93, 99])
def test_a_method_that_is_not_known_is_a_reject(tmp_path: Path, method: int) -> None:
    path = tmp_path / "a.zip"
    data = zip_of(path, {"1.yml": b"a: 1", "2.yml": b"a: 2"})
    for mark, place in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        struct.pack_into("<H", data, data.index(mark) + place, method)
    path.write_bytes(data)
    one, two = read(path)
    assert str(one.problem) == f"bad_record: compression method {method}"
    assert two.text == b"a: 2"


def test_members_of_one_name_are_both_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    data = zip_of(path, {"1.yml": b"a: 1", "2.yml": b"a: 2"})
    path.write_bytes(data.replace(b"2.yml", b"1.yml"))
    assert [record.text for record in read(path)] == [b"a: 1", b"a: 2"]


def test_an_lzma_member_may_not_ask_for_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    data = zip_of(path, {"1.yml": b"name: x" * 9}, "lzma")
    struct.pack_into("<I", data, start_of(path, 0) + 5, 0xFFFF_FFFF)
    path.write_bytes(data)
    (record,) = read(path)
    assert str(record.problem) == "bad_record: Memory usage limit exceeded"


# -- tar -------------------------------------------------------------------------------


def header(name: str, kind: bytes, size: int = 0, extra: bytes = b"") -> bytes:
    """A header in GNU's format, with some bytes in its map of holes."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[386 : 386 + len(extra)] = extra
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


GOOD = header("good.yml", tarfile.REGTYPE, 4) + b"a: 1".ljust(512, b"\0") + bytes(1024)
NEGATIVE = b"\xff" * 12
EXTENDED = bytes(96) + b"\1"


@pytest.mark.parametrize(
    "sparse",
    [
        header("s.yml", tarfile.GNUTYPE_SPARSE, 4, NEGATIVE * 2) + bytes(512),
        header("s.yml", tarfile.GNUTYPE_SPARSE, 0, EXTENDED)
        + (NEGATIVE * 42 + b"\1").ljust(512, b"\0")
        + bytes(512),
    ],
)
def test_a_sparse_member_is_a_reject_and_its_map_is_not_read(
    tmp_path: Path, sparse: bytes
) -> None:
    (tmp_path / "a.tar").write_bytes(sparse + GOOD)
    one, two = read(tmp_path / "a.tar")
    assert str(one.problem) == "bad_record: a sparse member"
    assert two.text == b"a: 1"


@pytest.mark.parametrize(
    "attributes",
    [
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s.yml"},
        {"GNU.sparse.map": "-5,3,x", "GNU.sparse.size": "9"},
        {"GNU.sparse.size": "-9", "GNU.sparse.offset": "-1"},
    ],
)
def test_sparse_by_attributes_is_a_reject_too(
    tmp_path: Path, attributes: dict[str, str]
) -> None:
    info = tarfile.TarInfo("s.yml")
    info.pax_headers, info.size = attributes, 512
    data = info.tobuf(tarfile.PAX_FORMAT) + b"999999999\n-1\n".ljust(512, b"\0")
    (tmp_path / "a.tar").write_bytes(data + GOOD)
    one, two = read(tmp_path / "a.tar")
    assert (one.path, str(one.problem)) == (
        "a.tar#s.yml",
        "bad_record: a sparse member",
    )
    assert two.text == b"a: 1"


def pax(records: bytes) -> bytes:
    size = len(records) + -len(records) % 512
    kind = tarfile.XHDTYPE
    return header("x", kind, len(records)) + records.ljust(size, b"\0")


@pytest.mark.parametrize(
    "records",
    [b"0 path=x\n", b"9999 path=x\n", b"x path=x\n", b"10 size=-1\n", b"11 size=1e9\n"],
)
def test_attributes_that_cannot_be_end_the_archive(
    tmp_path: Path, records: bytes
) -> None:
    (tmp_path / "a.tar").write_bytes(pax(records) + GOOD)
    with pytest.raises(SourceError, match=r"not a readable \.tar file"):
        read(tmp_path / "a.tar")


def test_a_thousand_headers_before_a_member_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(pax(b"14 path=a.yml\n") * 3000 + GOOD)
    assert [record.path for record in read(tmp_path / "a.tar")] == ["a.tar#a.yml"]


# -- what unpacks without end ----------------------------------------------------------


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst", ".tar.gz", ".tar.zst"])
def test_what_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(input_file, "_MIN_UNPACKED", 1 << 20)
    data = header("no workflow", tarfile.REGTYPE, 64 << 20) + b"   \n" * (16 << 20)
    packed = (
        gzip.compress(data)
        if suffix.endswith("gz")
        else pa.compress(data, "zstd", asbytes=True)
    )
    path = tmp_path / f"a{suffix}"
    path.write_bytes(packed)
    monkeypatch.setattr(input_file, "_MAX_RATIO", 10)
    with pytest.raises(SourceError, match=r"unpacks to more than 1,048,576 bytes"):
        read(path)


def test_an_archive_of_bombs_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_file, "_MIN_UNPACKED", 4 << 20)
    monkeypatch.setattr(input_file, "_MAX_RATIO", 10)
    zip_of(tmp_path / "a.zip", {f"{n}.yml": bytes(1 << 20) for n in range(9)})
    with pytest.raises(SourceError, match=r"unpacks to more than 4,194,304 bytes"):
        read(tmp_path / "a.zip")


def test_a_large_cell_is_cut_however_many_rows_share_it(tmp_path: Path) -> None:
    import tracemalloc

    text = pa.array([b"a" * (20 << 20)])
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 64), text)
    table = pa.table({"text": shared, "repo": shared, "path": shared, "time": shared})
    path = tmp_path / "t.arrow"
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    tracemalloc.start()
    records = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(records) == 64
    assert set(problems(records)) == {"too_large: 20,971,520 bytes, at most 1,048,576"}
    assert peak < 8 * MAX_DOCUMENT_BYTES


@pytest.mark.parametrize("large", [5, 300])
def test_rows_of_parquet_that_share_a_large_text_come_a_few_at_a_time(
    tmp_path: Path, large: int
) -> None:
    text = pa.array([bytes(large << 20)])
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 400), text)
    path, before = tmp_path / "t.parquet", pa.total_allocated_bytes()
    options: dict[str, Any] = {"compression": "zstd", "store_schema": False}
    options["dictionary_pagesize_limit"] = 1 << 30
    pq.write_table(pa.table({"text": shared}), path, **options)
    del text, shared
    peak = 0

    def read_on() -> None:
        nonlocal peak
        for _ in read_records([path], Columns()):
            peak = max(peak, pa.total_allocated_bytes() - before)

    with pytest.raises(SourceError, match=r"unpacks to \d|unpack to far more than"):
        read_on()
    assert peak < 1 << 30


def test_rows_of_nothing_are_read_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "t.arrow"
    nothing = pa.Array.from_buffers(pa.null(), 1 << 30, [None])
    batch = pa.RecordBatch.from_arrays([nothing], ["text"])
    with pa.ipc.new_stream(str(path), batch.schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(SourceError, match=r"1,073,741,824 rows in \d+ bytes"):
        read(path)


def test_lines_of_nothing_are_read_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n" * 2_000_000))
    with pytest.raises(SourceError, match=r"1,000,000 lines and more in \d,\d+ bytes"):
        read(path)


# -- special files and links -----------------------------------------------------------


def test_a_special_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yml")
    (tmp_path / "b.yml").symlink_to("/dev/zero")
    (tmp_path / "c.parquet").symlink_to(tmp_path / "a.yml")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "d.yml"))
    for name, kind in (
        ("a.yml", "a FIFO"),
        ("b.yml", "a device"),
        ("c.parquet", "a FIFO"),
        ("d.yml", "a socket"),
    ):
        message = f"{name}: found {kind}, expected a regular file or a folder; "
        for source in (tmp_path / name, (tmp_path / name).as_uri()):
            with pytest.raises(SourceError, match=message):
                fingerprint([source])


def test_a_special_file_in_a_folder_is_a_reject(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yml")
    (tmp_path / "b.yml").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "c.txt")
    (tmp_path / "d.yml").write_text("a: 1")
    for source in (tmp_path, *linked_sources([tmp_path])):
        assert problems(read(source)) == [
            "unsafe_member: a FIFO, not a regular file",
            "unsafe_member: a device, not a regular file",
            None,
        ]


def test_a_source_that_becomes_a_special_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", "a: 1")
    (file,) = input_files([tmp_path / "a.yml"])
    (tmp_path / "a.yml").unlink()
    os.mkfifo(tmp_path / "a.yml")
    message = "a.yml: found a FIFO, expected a regular file; "
    with pytest.raises(SourceError, match=message):
        file.open()
    with pytest.raises(SourceError, match=message):
        sha256_file(tmp_path / "a.yml")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="Linux only")
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yml").symlink_to("/proc/self/mem")
    arguments = ["prepare", str(tmp_path), "--follow-links", "-o", str(tmp_path / "s")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert f"Error: {tmp_path / 'a.yml'}: " in result.stderr


def test_an_empty_path_is_not_the_current_folder() -> None:
    with pytest.raises(SourceError, match="found an empty path"):
        fingerprint([""])


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def texts(*sources: Source) -> dict[str, str]:
    return {
        record.path: str(record.problem) if record.problem else record.text.decode()
        for record in read(*sources)
    }


def test_links_are_followed_inside_a_source_only(tmp_path: Path) -> None:
    write(tmp_path / "out/secret.yml", "a: secret")
    root = tmp_path / "in"
    write(root / "a/here.yml", "a: here")
    (root / "b.yml").symlink_to("a/here.yml")
    (root / "c.yml").symlink_to("../out/secret.yml")
    (root / "d.yml").symlink_to("nowhere.yml")
    (root / "e.yml").symlink_to("e.yml")
    (root / "f").symlink_to("../out")
    (root / "in2.yml").symlink_to("../in2.yml")
    write(tmp_path / "in2.yml", "a: beside")
    out = "unsafe_member: a link out of the source, see --follow-links"
    expected = {"a/here.yml": "a: here", "b.yml": "a: here", "c.yml": out}
    assert texts(root) == expected | {"in2.yml": out}
    assert texts(*linked_sources([root])) == {
        "a/here.yml": "a: here",
        "b.yml": "a: here",
        "c.yml": "a: secret",
        "f/secret.yml": "a: secret",
        "in2.yml": "a: beside",
    }
    assert fingerprint([root]) != fingerprint(linked_sources([root]))
    link = tmp_path / "link"
    link.symlink_to(root)  # the source itself may be a link
    assert texts(link) == expected | {"in2.yml": out}


def test_loops_of_links_are_read_once(tmp_path: Path) -> None:
    write(tmp_path / "a/1.yml", "a: 1")
    write(tmp_path / "b/2.yml", "a: 2")
    for folder in "ab":
        for number in range(9):
            (tmp_path / folder / f"up{number}").symlink_to("..")
            (tmp_path / folder / f"a{number}").symlink_to("../a")
    assert texts(*linked_sources([tmp_path])) == {"a/1.yml": "a: 1", "b/2.yml": "a: 2"}
    assert texts(*linked_sources([tmp_path / "a"])) == {
        "1.yml": "a: 1",
        "up0/b/2.yml": "a: 2",
    }


def test_a_link_out_of_the_source_is_followed_on_demand(tmp_path: Path) -> None:
    write(tmp_path / "out.yml", "on: push\njobs: {}\n")
    write(tmp_path / "wf/a.yml", "on: pull_request\njobs: {}\n")
    (tmp_path / "wf/b.yml").symlink_to("../out.yml")
    arguments = ["prepare", str(tmp_path / "wf"), "-o", str(tmp_path / "s")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "unsafe_member" in result.stdout
    result = CliRunner().invoke(main, [*arguments, "--follow-links", "--force"])
    assert result.exit_code == 0, result.output
    assert "unsafe_member" not in result.stdout
