"""Every input of every source, one after the other."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ...data.documents.rejects import RejectedError
from ...data.errors import SourceError
from ...data.files import sha256_file
from .archives import read_archive
from .files import (
    ARCHIVE_SUFFIXES,
    LINE_SUFFIXES,
    TABLE_SUFFIXES,
    InputFile,
    read_bounded,
    readable,
)
from .lines import read_lines
from .locations import Source, input_files
from .records import Columns, Record
from .tables import read_table

__all__ = ["fingerprint", "read_file", "read_records"]


def fingerprint(
    sources: Iterable[Source], sha256: Callable[[Path], str] = sha256_file
) -> list[tuple[str, str]]:
    """(name, sha256) of every input file, in reading order.

    That of a file which is not to be opened is of the reason.

    Args:
        sources: where the files are.
        sha256: hashes a file of this machine; the default reads it.

    Raises:
        SourceError: a source that is missing, empty, of an unknown kind or out of
            reach.
    """
    return [(file.name, _sha256(file, sha256)) for file in input_files(sources)]


def read_records(sources: Iterable[Source], columns: Columns) -> Iterator[Record]:
    """Every input of every source.

    Raises:
        SourceError: as `fingerprint`, a file that is damaged, a table without a column
            that is named, or conditions without any rows.
    """
    files = input_files(sources)
    if columns.where and not any(_has_rows(file) for file in files):
        raise SourceError(
            f"--where {columns.where[0]}: the sources are files without rows",
            "leave it out, or give a .jsonl, .parquet or .arrow file",
        )
    for file in files:
        yield from read_file(file, columns)


def read_file(file: InputFile, columns: Columns) -> Iterator[Record]:
    """Every input of a file.

    Raises:
        SourceError: as `read_records`.
    """
    if file.suffix in LINE_SUFFIXES:
        yield from read_lines(file, columns)
    elif file.suffix in TABLE_SUFFIXES:
        yield from read_table(file, columns)
    elif file.suffix in ARCHIVE_SUFFIXES:
        yield from read_archive(file)
    else:
        yield _document(file)


def _has_rows(file: InputFile) -> bool:
    return file.suffix in LINE_SUFFIXES + TABLE_SUFFIXES


def _document(file: InputFile) -> Record:
    if file.problem is not None:
        unsafe = RejectedError("unsafe_member", file.problem)
        return Record(path=file.name, text=b"", group=file.group, problem=unsafe)
    with readable(file), file.open() as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        text, problem = read_bounded(stream, size)
    return Record(path=file.name, text=text, group=file.group, problem=problem)


def _sha256(file: InputFile, sha256: Callable[[Path], str]) -> str:
    if file.problem is not None:
        return hashlib.sha256(file.problem.encode()).hexdigest()
    if file.filesystem is None:
        return sha256(Path(file.path))
    with readable(file), file.open() as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
