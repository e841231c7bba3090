"""Archives: workflows out of a .zip or .tar, whatever else is in it."""

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tct.data.documents.parse import MAX_DOCUMENT_BYTES
from tct.data.errors import SourceError
from tct.pipeline.sources import Columns, Record, read_records
from tct.pipeline.sources.archives import members

SUFFIXES = [".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst"]
LINK = 0o120777 << 16


def read(path: Path) -> list[Record]:
    return list(read_records([path], Columns()))


def compress(data: bytes, suffix: str) -> bytes:
    if suffix.endswith("gz"):
        return gzip.compress(data, mtime=0)
    if suffix.endswith("zst"):
        return bytes(pa.Codec("zstd").compress(data, asbytes=True))
    return data


def write_tar(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(compress(buffer.getvalue(), path.name))


def write_archive(path: Path, files: dict[str, bytes]) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        write_tar(path, [(tarfile.TarInfo(name), d) for name, d in files.items()])


@pytest.fixture(params=SUFFIXES)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where an archive of each kind goes."""
    return tmp_path / f"wf{request.param}"


def problems(records: list[Record]) -> dict[str, str]:
    return {r.path: str(r.problem) for r in records if r.problem is not None}


def test_the_workflows_of_an_archive_come_as_they_stand(archive: Path) -> None:
    files = {
        "o__r/b.yml": b"on: push\n",
        "./o__r/a.yaml": b"on: pull_request\n",
        "README.md": b"no workflow",
        "o__r/.git/c.yml": b"a: 1",
        "wrapped/p__q/deep/c.json": b"{}",
        "top.yml": b"a: \xff",
    }
    write_archive(archive, files)
    records = read(archive)
    assert [(r.path, r.text, r.group) for r in records] == [
        (f"{archive.name}#o__r/b.yml", b"on: push\n", "o/r"),
        (f"{archive.name}#o__r/a.yaml", b"on: pull_request\n", "o/r"),
        (f"{archive.name}#wrapped/p__q/deep/c.json", b"{}", "p/q"),
        (f"{archive.name}#top.yml", b"a: \xff", None),
    ]
    assert problems(records) == {}


def test_nothing_is_unpacked(archive: Path) -> None:
    write_archive(archive, {"a.yml": b"a: 1", "b/c.yml": b"a: 2"})
    assert len(read(archive)) == 2
    assert os.listdir(archive.parent) == [archive.name]


def test_names_that_lead_elsewhere_are_rejects(archive: Path) -> None:
    names = ["../a.yml", "x/../../b.yml", "/etc/c.yml", "C:/d.yml", "..\\e.yml"]
    write_archive(archive, {name: b"a: 1" for name in [*names, "good.yml"]})
    *bad, good = read(archive)
    assert [record.problem and record.problem.message for record in bad] == [
        "a name that leads out of its folder",
        "a name that leads out of its folder",
        "an absolute name",
        "an absolute name",
        "a name that leads out of its folder",
    ]
    assert {r.problem.reason for r in bad if r.problem} == {"unsafe_member"}
    assert {record.text for record in bad} == {b""}
    assert (good.text, good.problem) == (b"a: 1", None)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_in_a_tar_is_a_reject(tmp_path: Path, kind: bytes) -> None:
    link = tarfile.TarInfo("link.yml")
    link.type, link.linkname = kind, "good.yml"
    good = tarfile.TarInfo("good.yml")
    write_tar(tmp_path / "a.tar", [(good, b"a: 1"), (link, b"")])
    records = read(tmp_path / "a.tar")
    assert problems(records) == {"a.tar#link.yml": "unsafe_member: a link"}
    assert records[0].text == b"a: 1"


def test_a_link_in_a_zip_is_a_reject(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link.yml")
    info.external_attr = LINK
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.writestr(info, "/etc/passwd.yml")
    assert problems(read(tmp_path / "a.zip")) == {
        "a.zip#link.yml": "unsafe_member: a link"
    }


def test_a_member_that_is_too_large_is_read_to_the_limit_only(archive: Path) -> None:
    large = b"a: " + bytes(20 * MAX_DOCUMENT_BYTES)
    write_archive(archive, {"large.yml": large, "next.yml": b"a: 1"})
    first, second = read(archive)
    assert str(first.problem) == "too_large: 20,971,523 bytes, at most 1,048,576"
    assert first.text == large[: MAX_DOCUMENT_BYTES + 1]
    assert second.text == b"a: 1"


def test_an_archive_of_too_many_workflows_is_read_to_the_limit(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MAX_MEMBERS", 3)
    write_archive(archive, {f"{n}.yml": b"a: 1" for n in range(9)})
    records = read(archive)
    assert len(records) == 4
    assert problems(records) == {
        f"{archive.name}#3.yml": "too_many_members: more than 3 workflows in an archive"
    }


def test_a_damaged_member_of_a_zip_is_a_reject_and_the_rest_is_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("one.yml", "name: damaged")
        made.writestr("two.yml", "name: good")
    path.write_bytes(path.read_bytes().replace(b"damaged", b"Damaged"))
    one, two = read(path)
    assert str(one.problem) == "bad_record: Bad CRC-32 for file 'one.yml'"
    assert two.text == b"name: good"


def test_an_encrypted_member_is_a_reject(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("one.yml", "name: secret")
    data = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + flags] |= 1
    path.write_bytes(data)
    (record,) = read(path)
    assert record.problem is not None
    assert record.problem.reason == "bad_record"
    assert "encrypted" in record.problem.message


def cuts(data: bytes) -> Iterator[bytes]:
    return (data[:size] for size in range(0, len(data) - 1, max(1, len(data) // 60)))


def test_an_archive_that_is_cut_off_is_never_taken_for_a_whole_one(
    archive: Path,
) -> None:
    write_archive(archive, {f"{n}.yml": b"name: %d\n" % n * 90 for n in range(4)})
    data, whole = archive.read_bytes(), read(archive)
    refused = 0
    for part in cuts(data):
        archive.write_bytes(part)
        try:
            assert read(archive) == whole  # cut within the padding of a tar
        except SourceError as error:
            assert str(error).startswith(f"{archive}: not a readable .")
            assert str(error).endswith("; check that it is complete")
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("size", [-1, 1 << 40])
def test_a_header_of_absurd_size_is_refused(tmp_path: Path, size: int) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, size
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    with pytest.raises(SourceError, match=f"a header says that it has {size:,} bytes"):
        read(tmp_path / "a.tar")


def test_many_members_need_no_memory(tmp_path: Path) -> None:
    import tracemalloc

    peaks = []
    for count in (500, 4000):
        path = tmp_path / f"{count}.tar"
        files = {f"o__r/{n:06}.yml": b"a: 1" for n in range(count)}
        write_archive(path, files)
        tracemalloc.start()
        assert sum(1 for _ in read_records([path], Columns())) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 200_000
