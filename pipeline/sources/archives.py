"""Archives: the workflows in a .zip or .tar, read without unpacking them to disk.

Members come as they stand.  A member whose name leads out of the archive, or that is a
link, is a record with a problem; what is no workflow by its name is passed over.  A tar
is read as a stream, once, and must end with its end mark: without, it is cut off.
"""

import re
from collections.abc import Iterator
from itertools import count

from ...data.documents.rejects import RejectedError
from .files import (
    DOCUMENT_SUFFIXES,
    InputFile,
    most_unpacked,
    open_unpacked,
    read_bounded,
    readable,
    suffix_of,
)
from .records import Record, as_utf8, repository
from .tar import TarMember, tar_members
from .zip import ZipMember, zip_members

__all__ = ["MAX_MEMBERS", "read_archive"]

MAX_MEMBERS = 1_000_000
"""Most workflows of an archive."""

_MAX_NAME = 1 << 16  # of a zip; a tar has longer ones
_DRIVE = re.compile("[A-Za-z]:")


def read_archive(file: InputFile) -> Iterator[Record]:
    """The workflows of an archive.

    Raises:
        SourceError: the archive is damaged or cut off.
    """
    with readable(file):
        members = _zip_members(file) if file.suffix == ".zip" else _tar_members(file)
        left, numbers = most_unpacked(file.size()), count(1)
        for member in members:
            path = as_utf8(member.name).replace("\\", "/").removeprefix("./")
            folders = path.split("/")
            if suffix_of(path) not in DOCUMENT_SUFFIXES or ".git" in folders:
                continue
            path = path[:_MAX_NAME]
            if next(numbers) > MAX_MEMBERS:
                message = f"more than {MAX_MEMBERS:,} workflows in an archive"
                yield _bad(file, path, RejectedError("too_many_members", message))
                return
            record = _record(file, path, member)
            left -= len(record.text)
            if left < 0:
                raise EOFError(
                    f"unpacks to more than {most_unpacked(file.size()):,} bytes"
                )
            yield record


def _zip_members(file: InputFile) -> Iterator[ZipMember]:
    with file.open() as stream:
        yield from zip_members(stream)


def _tar_members(file: InputFile) -> Iterator[TarMember]:
    with open_unpacked(file) as stream:
        yield from tar_members(stream)


def _record(file: InputFile, path: str, member: ZipMember | TarMember) -> Record:
    if problem := _unsafe(path, member):
        return _bad(file, path, RejectedError("unsafe_member", problem))
    if isinstance(member, TarMember) and member.is_sparse:
        return _bad(file, path, RejectedError("bad_record", "a sparse member"))
    try:
        text, too_large = read_bounded(member, member.size)
    except RejectedError as bad:
        return _bad(file, path, bad)
    return Record(
        path=f"{file.name}#{path}",
        text=text,
        group=repository(path, anywhere=True),
        problem=too_large,
    )


def _bad(file: InputFile, path: str, problem: RejectedError) -> Record:
    return Record(path=f"{file.name}#{path}", text=b"", group=None, problem=problem)


def _unsafe(path: str, member: ZipMember | TarMember) -> str | None:
    """Why a member is not read, whatever is in it."""
    if member.is_link:
        return "a link"
    if len(path) == _MAX_NAME:
        return f"a name of {_MAX_NAME:,} characters or more"
    if "\0" in path:
        return "a name that holds NUL"
    if path.startswith("/") or _DRIVE.match(path):
        return "an absolute name"
    if ".." in path.split("/"):
        return "a name that leads out of its folder"
    return None
