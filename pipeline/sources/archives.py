"""Archives: the workflows in a .zip or .tar, read without unpacking them to disk.

Members come as they stand.  A member whose name leads out of the archive, or that is a
link, is a record with a problem; what is no workflow by its name is passed over.  A tar
is read as a stream, once, and must end with its end mark: without, it is cut off.
"""

import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, NamedTuple, Self

from ...data.rejects import RejectedError
from .files import (
    DOCUMENT_SUFFIXES,
    InputFile,
    open_unpacked,
    read_bounded,
    readable,
    suffix_of,
)
from .records import Record, as_utf8, repository

__all__ = ["MAX_MEMBERS", "read_archive"]

MAX_MEMBERS = 1_000_000
"""Most workflows of an archive."""

_MAX_HEADER_BYTES = 1 << 20  # of one name or one set of attributes in a tar
_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.SOLARIS_XHDTYPE,
)
_DRIVE = re.compile("[A-Za-z]:")
# A member of a zip that is damaged, encrypted (RuntimeError), or compressed in a way
# that Python has not got (NotImplementedError): the others can be read all the same.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, RuntimeError)


class _Member(NamedTuple):
    name: str
    size: int
    is_link: bool
    open: Callable[[], IO[bytes] | None]


def read_archive(file: InputFile) -> Iterator[Record]:
    """The workflows of an archive.

    Raises:
        SourceError: the archive is damaged or cut off.
    """
    members = _zip_members if file.suffix == ".zip" else _tar_members
    number = 0
    with readable(file):
        for member in members(file):
            path = as_utf8(member.name).replace("\\", "/").removeprefix("./")
            folders = path.split("/")
            if suffix_of(path) not in DOCUMENT_SUFFIXES or ".git" in folders:
                continue
            number += 1
            if number > MAX_MEMBERS:
                message = f"more than {MAX_MEMBERS:,} workflows in an archive"
                yield _bad(file, path, RejectedError("too_many_members", message))
                return
            yield _record(file, path, member)


def _record(file: InputFile, path: str, member: _Member) -> Record:
    if problem := _unsafe(path, member):
        return _bad(file, path, RejectedError("unsafe_member", problem))
    try:
        text, too_large = _text(member)
    except _UNREADABLE as error:
        message = " ".join(str(error).split()) or type(error).__name__
        return _bad(file, path, RejectedError("bad_record", message))
    return Record(
        path=f"{file.name}#{path}",
        text=text,
        group=repository(path, anywhere=True),
        problem=too_large,
    )


def _bad(file: InputFile, path: str, problem: RejectedError) -> Record:
    return Record(path=f"{file.name}#{path}", text=b"", group=None, problem=problem)


def _unsafe(path: str, member: _Member) -> str | None:
    """Why a member is not read, whatever is in it."""
    if member.is_link:
        return "a link"
    if path.startswith("/") or _DRIVE.match(path):
        return "an absolute name"
    if ".." in path.split("/"):
        return "a name that leads out of its folder"
    return None


def _text(member: _Member) -> tuple[bytes, RejectedError | None]:
    stream = member.open()
    assert stream is not None  # neither a link nor a folder
    with stream:
        return read_bounded(stream, member.size)


# -- zip -------------------------------------------------------------------------------


def _zip_members(file: InputFile) -> Iterator[_Member]:
    with file.open() as stream, zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield _Member(
                    info.filename,
                    info.file_size,
                    stat.S_ISLNK(info.external_attr >> 16),
                    partial(archive.open, info),
                )


# -- tar -------------------------------------------------------------------------------


def _tar_members(file: InputFile) -> Iterator[_Member]:
    with (
        open_unpacked(file) as stream,
        tarfile.open(fileobj=stream, mode="r|", tarinfo=_StrictHeader) as archive,
    ):
        while (info := archive.next()) is not None:
            # It would keep every header.
            archive.members = []  # type: ignore[attr-defined]
            if info.isreg() or info.issym() or info.islnk():
                yield _Member(
                    info.name,
                    info.size,
                    not info.isreg(),
                    partial(archive.extractfile, info),
                )


class _StrictHeader(tarfile.TarInfo):
    """A header; a broken one is an error, where tarfile takes it for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header, or raise HeaderError at the end mark only."""
        if buf.count(0) == tarfile.BLOCKSIZE:
            return super().frombuf(buf, encoding, errors)
        try:
            info = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error}, expected a member or the end") from error
        if info.size < 0 or (info.type in _HEADERS and info.size > _MAX_HEADER_BYTES):
            raise tarfile.ReadError(f"a header says that it has {info.size:,} bytes")
        return info
