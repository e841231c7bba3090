"""Read the workflows of an archive, in the order of its members.

Members that are not named like workflows are skipped.  One that is a link, or whose
name leads out of the archive, becomes a record with a problem.
"""

import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import BinaryIO

from ....data.documents.rejects import RejectedError
from ..input_file import (
    InputFile,
    is_document,
    most_unpacked,
    open_unpacked,
    read_bounded,
    readable,
)
from ..records import Columns, Record, as_utf8, repository
from .tar import TarMember
from .zip import ZipMember

__all__ = ["MAX_MEMBERS", "read_archive"]

MAX_MEMBERS = 1_000_000
"""Most workflows that are read from an archive."""

_MAX_NAME = 1 << 16  # characters; the limit of .zip, a .tar may have longer names
_DRIVE = re.compile("[A-Za-z]:")

_Member = ZipMember | TarMember


def read_archive(
    members: Callable[[BinaryIO], Iterator[_Member]], file: InputFile, _columns: Columns
) -> Iterator[Record]:
    """The workflows of an archive.

    Args:
        members: lists the members of an open archive.
        file: the archive.

    Raises:
        SourceError: the archive is damaged or cut off.
    """
    with readable(file), open_unpacked(file) as stream:
        left, numbers = most_unpacked(file.size()), count(1)
        for member in members(stream):
            path = as_utf8(member.name).replace("\\", "/").removeprefix("./")
            folders = path.split("/")
            if not is_document(path) or ".git" in folders:
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


def _record(file: InputFile, path: str, member: _Member) -> Record:
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


def _unsafe(path: str, member: _Member) -> str | None:
    """Why a member must not be read; None if it may be."""
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
