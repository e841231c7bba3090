"""Archives that are damaged, or made to be: read, rejected or refused."""

import gzip
import io
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tct.data.documents.parse import MAX_DOCUMENT_BYTES
from tct.pipeline.prepare.parts import cut, part_file, write_inputs
from tct.pipeline.sources import Columns, fingerprint, read_records
from tct.tests.boundaries.harness import (
    NUM_SHORT,
    NUM_SLOW,
    attack_apart,
    mutate,
    overwrite,
)

TEXT = b"name: \xc3\xbc\non: push\njobs:\n  t:\n    uses: ./a.yml\n"
FILES = {
    "o__r/ci.yml": TEXT,
    "README.md": b"no workflow",
    f"o__r/{'deep/' * 40}ü.yaml": TEXT * 9,
    "a.json": b"{}",
    "p__q/last.yml": TEXT,
}


def zipped(method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for name, data in FILES.items():
            made.writestr(zipfile.ZipInfo(name), data, method)
    return buffer.getvalue()


def tar(form: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as made:
        for name, data in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link.yml")
        link.type, link.linkname = tarfile.SYMTYPE, "a.json"
        made.addfile(link)
    return buffer.getvalue()


def sparse_tar() -> bytes:
    """A sparse member as old GNU tar has it, and one as its pax attributes have it."""
    old = tarfile.TarInfo("old.yml")
    old.type, old.size = tarfile.GNUTYPE_SPARSE, 1
    header = bytearray(old.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0%011o\0" % (0, 1)
    header[483:495] = b"%011o\0" % 1
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    new = tarfile.TarInfo("GNUSparseFile.0/new.yml")
    sparse = {"major": "1", "minor": "0", "name": "new.yml", "realsize": "9"}
    new.pax_headers = {f"GNU.sparse.{key}": value for key, value in sparse.items()}
    new.size = 512
    data = bytes(header) + b"x" + bytes(511) + new.tobuf(tarfile.PAX_FORMAT)
    return data + b"1\n0\n9\n".ljust(512, b"\0") + tar(tarfile.USTAR_FORMAT)


TARS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
ZIPS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
KINDS: dict[str, Callable[[], list[bytes]]] = {
    ".zip": lambda: list(map(zipped, ZIPS)),
    ".tar": lambda: [*map(tar, TARS[1:]), sparse_tar()],
    ".tar.gz": lambda: [gzip.compress(tar(form), mtime=0) for form in TARS[1:]],
    ".tar.zst": lambda: [
        bytes(pa.compress(tar(form), "zstd", asbytes=True)) for form in TARS[1:]
    ],
}


def read_all(path: Path) -> None:
    """Do what `prepare` does with a source before it tokenizes."""
    fingerprint([path])
    for number, part in enumerate(cut(read_records([path], Columns()))):
        write_inputs(path.parent, number, part)
        for record in part:
            assert record.path.startswith(f"{path.name}#")
            assert len(record.text) <= MAX_DOCUMENT_BYTES + 1
        part_file(path.parent, number, "in").unlink()


def attack_kind(suffix: str, folder: Path, number: int) -> None:
    (folder / "parts").mkdir()
    path = folder / f"wf{suffix}"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        read_all(path)

    valid = KINDS[suffix]()
    for data in valid:
        read(data)
    outcomes: Counter[str] = Counter()
    for change in (mutate, overwrite):
        name = f"archive{suffix}-{change.__name__}"
        outcomes += attack_apart(name, valid, read, number // 2, change)
    print(suffix, dict(outcomes))
    assert outcomes["read"]
    assert outcomes["SourceError"]


@pytest.mark.parametrize("suffix", KINDS)
def test_damaged_archives_are_read_rejected_or_refused(
    suffix: str, tmp_path: Path
) -> None:
    attack_kind(suffix, tmp_path, NUM_SHORT)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", KINDS)
def test_a_million_damaged_archives_are_read_rejected_or_refused(
    suffix: str, tmp_path: Path
) -> None:
    attack_kind(suffix, tmp_path, NUM_SLOW // len(KINDS))
