"""Where workflows come from: folders, single files, JSON Lines, Parquet and Arrow.

Records come in a fixed order (sources as given; the files of a folder by path; rows as
they stand) and inputs are only ever read.
"""

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

from ..data.errors import SourceError
from ..data.files import sha256_file
from .rejects import RejectedError

__all__ = ["Columns", "Record", "fingerprint", "read_records"]

_DOCUMENT_SUFFIXES = {".yml", ".yaml", ".json"}
_TABLE_SUFFIXES = {".parquet", ".arrow", ".feather"}
_DEFAULT_TEXT, _DEFAULT_GROUP = "text", "repo"
_FILE, _TIME = "path", "time"
_ROWS_PER_BATCH = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Which fields of a row mean what; None takes `text` and `repo` where they are."""

    text: str | None = None
    group: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One input: the text of a file or row."""

    path: str
    """Path below the source folder, or `file#row` (rows from 0)."""
    text: bytes
    group: str | None
    """Repository, where it is known."""
    file: str | None = None
    """Path of the file that a row is a version of, where the row has a `path`."""
    time: float = 0
    """When the version was made, where the row has a `time`: newer is greater."""
    problem: RejectedError | None = None
    """Why the row has no text, if it has none."""


def fingerprint(
    sources: Iterable[Path], sha256: Callable[[Path], str] = sha256_file
) -> list[tuple[str, str]]:
    """(name, sha256) of every input file, in reading order.

    Args:
        sources: files and folders.
        sha256: hashes a file; the default reads it.

    Raises:
        SourceError: a source that is missing, empty or of an unknown kind.
    """
    return [
        (name, sha256(path))
        for source in sources
        for name, path in _input_files(source)
    ]


def read_records(sources: Iterable[Path], columns: Columns) -> Iterator[Record]:
    """Every input of every source.

    Raises:
        SourceError: as `fingerprint`, or a table without the named column.
    """
    for source in sources:
        for name, path in _input_files(source):
            if path.suffix.lower() == ".jsonl":
                yield from _json_lines(path, name, columns)
            elif path.suffix.lower() in _TABLE_SUFFIXES:
                yield from _table_rows(path, name, columns)
            else:
                group = _repository(name) if source.is_dir() else None
                yield Record(path=name, text=path.read_bytes(), group=group)


def _input_files(source: Path) -> list[tuple[str, Path]]:
    """Name and path of the files of a source: itself, or the documents in a folder."""
    if not source.exists():
        raise SourceError(
            f"{source}: not found",
            "give a folder of workflows, a .jsonl or a .parquet file",
        )
    if not source.is_dir():
        known = _DOCUMENT_SUFFIXES | _TABLE_SUFFIXES | {".jsonl"}
        if source.suffix.lower() not in known:
            raise SourceError(
                f"{source}: found a file of type {source.suffix or 'unknown'!r}, "
                f"expected one of {', '.join(sorted(known))}",
                "convert it, or give the folder that holds the workflows",
            )
        return [(source.name, source)]
    found = sorted(
        (_readable(path[len(str(source)) :].lstrip(os.sep)), Path(path))
        for path in _documents(source)
    )
    if not found:
        raise SourceError(
            f"{source}: no .yml, .yaml or .json file in this folder or below",
            "give the folder that holds the workflows",
        )
    return found


def _documents(folder: Path) -> Iterator[str]:
    """Paths of the documents in a folder, in any order; strings, which cost less."""
    folders = [str(folder)]
    while folders:
        with os.scandir(folders.pop()) as found:
            entries = list(found)
        # A store or a run, whose JSON is not workflows.
        if any(entry.name == "tokenizer.json" for entry in entries):
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders += [entry.path] * (entry.name != ".git")
                continue
            suffix = os.path.splitext(entry.name)[1].lower()
            # The system has said already what it is, unless it is a link.
            if suffix in _DOCUMENT_SUFFIXES and entry.is_file():
                yield entry.path


def _readable(text: str) -> str:
    """`text` without what UTF-8 cannot hold, such as bytes of an odd file name."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _repository(name: str) -> str | None:
    """`owner/name` from a path such as `owner__name/ci.yml`."""
    first, slash, _ = name.partition("/")
    owner, separator, repository = first.partition("__")
    known = slash and separator and owner and repository
    return f"{owner}/{repository}" if known else None


# -- rows ------------------------------------------------------------------------------


def _json_lines(path: Path, name: str, columns: Columns) -> Iterator[Record]:
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if line.strip():
                yield _json_record(line, f"{name}#{number}", columns)


def _json_record(line: bytes, name: str, columns: Columns) -> Record:
    """A line that holds a text in a field, or that is the workflow itself."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        problem = RejectedError("bad_record", f"no JSON: {error}")
        return Record(path=name, text=line, group=None, problem=problem)
    if not isinstance(row, dict):
        problem = RejectedError("bad_record", "the line is no JSON object")
        return Record(path=name, text=line, group=None, problem=problem)
    group = row.get(columns.group or _DEFAULT_GROUP)
    group = _group(group)
    text = row.get(columns.text or _DEFAULT_TEXT)
    if isinstance(text, str):
        data = text.encode("utf-8", "surrogatepass")
        file, time = _version(row.get(_FILE), row.get(_TIME))
        return Record(path=name, text=data, group=group, file=file, time=time)
    if columns.text is None:
        return Record(path=name, text=line, group=None)
    problem = RejectedError("bad_record", f"field {columns.text!r} holds no text")
    return Record(path=name, text=line, group=group, problem=problem)


def _table_rows(path: Path, name: str, columns: Columns) -> Iterator[Record]:
    table = _open_table(path)
    text = _column(path, table, columns.text, _DEFAULT_TEXT, "--text-column")
    if text is None:
        raise SourceError(
            f"{path}: found no column {_DEFAULT_TEXT!r} among {table.schema.names}",
            "name the column that holds the workflows with --text-column",
        )
    group = _column(path, table, columns.group, _DEFAULT_GROUP, "--group-column")
    names = {"text": text, "group": group}
    names |= {name: name for name in (_FILE, _TIME) if name in table.schema.names}
    wanted = list(dict.fromkeys(name for name in names.values() if name))
    number = 0
    with _readable_table(path):
        for batch in table.to_batches(
            columns=wanted, batch_size=_ROWS_PER_BATCH, use_threads=False
        ):
            for row in batch.to_pylist():
                cells = {what: row[name] for what, name in names.items() if name}
                yield _table_record(f"{name}#{number}", cells)
                number += 1


def _open_table(path: Path) -> ds.Dataset:
    kind = "parquet" if path.suffix.lower() == ".parquet" else "ipc"
    with _readable_table(path):
        return ds.dataset(path, format=kind)


@contextmanager
def _readable_table(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        problem = " ".join(str(error).split())
        raise SourceError(
            f"{path}: no readable {path.suffix} file ({problem})",
            "check that it is complete",
        ) from error


def _column(
    path: Path, table: ds.Dataset, named: str | None, default: str, option: str
) -> str | None:
    """The column that was named, or the default where the table has it."""
    names = table.schema.names
    if named is None:
        return default if default in names else None
    if named not in names:
        raise SourceError(
            f"{path}: found no column {named!r} among {names}",
            f"name one of these with {option}",
        )
    return named


def _table_record(name: str, cells: dict[str, object]) -> Record:
    text, group = cells["text"], _group(cells.get("group"))
    if isinstance(text, str | bytes):
        data = text.encode() if isinstance(text, str) else text
        file, time = _version(cells.get(_FILE), cells.get(_TIME))
        return Record(path=name, text=data, group=group, file=file, time=time)
    kind = "null" if text is None else type(text).__name__
    problem = RejectedError("bad_record", f"the text column holds {kind}, no text")
    return Record(path=name, text=b"", group=group, problem=problem)


def _version(file: object, time: object) -> tuple[str | None, float]:
    """Which file a row is a version of, and when it was made, as far as it says so."""
    if isinstance(time, str):
        with suppress(ValueError):
            time = datetime.fromisoformat(time)
    if isinstance(time, datetime):
        # Times that do not say where they are from are compared as they stand.
        time = time.replace(tzinfo=time.tzinfo or UTC).timestamp()
    seconds = time if isinstance(time, int | float) and math.isfinite(time) else 0
    return file if isinstance(file, str) else None, seconds


def _group(value: object) -> str | None:
    """A group's name as text; None where there is none."""
    return None if value is None else str(value).encode("utf-8", "replace").decode()
