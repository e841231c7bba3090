"""Formats of input files: which suffix is read by which reader.

To add a format, write its reader in a file of its own and register it in FORMATS:
nothing else knows a suffix.  A reader turns one file into records, in a fixed order,
and raises SourceError where the file as a whole cannot be read.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from ...data.documents.rejects import RejectedError
from .archives import read_archive, tar_members, zip_members
from .git import read_repository
from .input_file import (
    ARRAY_SUFFIX,
    DOCUMENT_SUFFIXES,
    REPOSITORY_SUFFIX,
    InputFile,
    read_bounded,
    readable,
)
from .jsonl import read_array, read_lines
from .records import Columns, Record
from .tables import open_arrow, open_csv, open_parquet, read_table

__all__ = ["FORMATS", "Format", "format_of", "suffix_of"]


class Format(NamedTuple):
    """A kind of file."""

    suffixes: tuple[str, ...]
    """Lower case, with the leading dot."""
    read: Callable[[InputFile, Columns], Iterator[Record]]
    has_rows: bool = False
    """Whether its records are rows, whose fields `--where` can compare."""
    has_partitions: bool = False
    """Whether folders named `column=value` give it columns."""


def _read_document(file: InputFile, _columns: Columns) -> Iterator[Record]:
    """The file itself, as one record."""
    if file.problem is not None:
        unsafe = RejectedError("unsafe_member", file.problem)
        yield Record(path=file.name, text=b"", group=file.group, problem=unsafe)
        return
    with readable(file), file.open() as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        text, problem = read_bounded(stream, size)
    yield Record(path=file.name, text=text, group=file.group, problem=problem)


FORMATS = (
    Format(DOCUMENT_SUFFIXES, _read_document),
    Format(
        (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json.gz"), read_lines, has_rows=True
    ),
    Format(
        (".parquet",),
        partial(read_table, open_parquet),
        has_rows=True,
        has_partitions=True,
    ),
    Format((".arrow", ".feather"), partial(read_table, open_arrow), has_rows=True),
    Format(
        (".csv", ".csv.gz", ".csv.zst"), partial(read_table, open_csv), has_rows=True
    ),
    Format((".zip",), partial(read_archive, zip_members)),
    Format((".tar", ".tar.gz", ".tar.zst", ".tgz"), partial(read_archive, tar_members)),
)
_OTHERS = {
    ARRAY_SUFFIX: Format((), read_array, has_rows=True),
    REPOSITORY_SUFFIX: Format((), read_repository),
}
_BY_SUFFIX = {suffix: format_ for format_ in FORMATS for suffix in format_.suffixes}


def suffix_of(name: str) -> str:
    """The longest registered suffix that ends `name` in any case; "" if there is none.

    `ci.jsonl.gz` has `.jsonl.gz`, `ci.gz` has none.
    """
    fitting = [suffix for suffix in _BY_SUFFIX if name.lower().endswith(suffix)]
    return max(fitting, key=len, default="")


def format_of(file: InputFile) -> Format:
    """The format of a file."""
    return _OTHERS.get(file.suffix) or _BY_SUFFIX[file.suffix]
