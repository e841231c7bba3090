"""Read every input of every source, one after the other."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ...data.errors import SourceError
from ...data.files import sha256_file
from .formats import format_of
from .git import state
from .input_file import REPOSITORY_SUFFIX, InputFile, readable
from .locations import Source, input_files
from .records import Columns, Record
from .text_files import TextFiles

__all__ = ["fingerprint", "read_records"]


def fingerprint(
    sources: Iterable[Source],
    sha256: Callable[[Path], str] = sha256_file,
    *,
    texts: Path | None = None,
) -> list[tuple[str, str]]:
    """(name, hex sha256) of every input file, in reading order.

    For a file that must not be opened, the sha256 is of the reason; for a git
    repository, of the commit at HEAD.

    Args:
        sources: where the files are.
        sha256: hashes a file of this machine; the default reads it.
        texts: the folder of texts, whose files come last.

    Raises:
        SourceError: a source is missing, empty, of an unknown format or unreachable.
    """
    found = [(file.name, _sha256(file, sha256)) for file in input_files(sources)]
    return found + (TextFiles(texts).fingerprint(sha256) if texts else [])


def read_records(sources: Iterable[Source], columns: Columns) -> Iterator[Record]:
    """Every input of every source, as a stream.

    Raises:
        SourceError: as for `fingerprint`; or a file is damaged, a table lacks a column
            that was asked for, or there are conditions but no file with rows.
    """
    files = input_files(sources)
    option = f"--where {columns.where[0]}" if columns.where else ""
    option = f"--texts {columns.texts}" if columns.texts else option
    if option and not any(format_of(file).has_rows for file in files):
        raise SourceError(
            f"{option}: the sources are files without rows",
            "leave it out, or give a .jsonl, .parquet, .arrow or .csv file",
        )
    texts = TextFiles(columns.texts) if columns.texts else None
    for file in files:
        format_ = format_of(file)
        records = format_.read(file, columns)
        yield from texts.read(records) if texts and format_.has_rows else records


def _sha256(file: InputFile, sha256: Callable[[Path], str]) -> str:
    if file.problem is not None:
        return hashlib.sha256(file.problem.encode()).hexdigest()
    if file.suffix == REPOSITORY_SUFFIX:
        return state(file)
    if file.filesystem is None:
        return sha256(Path(file.path))
    with readable(file), file.open() as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
