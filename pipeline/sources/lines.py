"""JSON Lines: each line holds a workflow in a field, or is the workflow itself."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from ...data.errors import SourceError
from ...data.parse import MAX_DOCUMENT_BYTES
from ...data.rejects import RejectedError
from .files import InputFile, open_unpacked, readable
from .records import (
    DEFAULT_GROUP,
    DEFAULT_TEXT,
    FILE,
    TIME,
    Columns,
    Record,
    group_name,
    version,
)

__all__ = ["MAX_LINE_BYTES", "read_lines"]

MAX_LINE_BYTES = 16 * MAX_DOCUMENT_BYTES
"""Longest line: JSON may write a byte of text with six."""


def read_lines(file: InputFile, columns: Columns) -> Iterator[Record]:
    """The lines of a .jsonl, .jsonl.gz or .jsonl.zst file that are not empty.

    Raises:
        SourceError: the file cannot be read, or no line has a field of a condition.
    """
    missing = {condition.column for condition in columns.where}
    with readable(file), open_unpacked(file) as stream:
        for number, line in enumerate(_bounded_lines(stream)):
            if line.strip():
                yield from _records(line, f"{file.name}#{number}", columns, missing)
    if missing:
        raise SourceError(
            f"{file.where}: found no field {min(missing)!r} in any line",
            "name a field of the lines with --where",
        )


def _bounded_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines, of which those that are too long are cut."""
    while line := stream.readline(MAX_LINE_BYTES + 1):
        yield line
        while len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE_BYTES + 1)


def _records(
    line: bytes, name: str, columns: Columns, missing: set[str]
) -> Iterator[Record]:
    """The record of a line; none of one that is not asked for."""
    if len(line) > MAX_LINE_BYTES:
        text = line[: MAX_DOCUMENT_BYTES + 1]
        message = f"a line of more than {MAX_LINE_BYTES:,} bytes"
        yield _bad(name, text, RejectedError("too_large", message))
        return
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        yield _bad(name, line, RejectedError("bad_record", f"no JSON: {error}"))
        return
    if not isinstance(row, dict):
        problem = RejectedError("bad_record", "the line is no JSON object")
        yield _bad(name, line, problem)
        return
    missing.difference_update(row)
    if all(condition.holds(row.get(condition.column)) for condition in columns.where):
        yield _record(row, line, name, columns)


def _record(row: dict[str, Any], line: bytes, name: str, columns: Columns) -> Record:
    """A row that holds a text in a field, or that is the workflow itself."""
    group = group_name(row.get(columns.group or DEFAULT_GROUP))
    text = row.get(columns.text or DEFAULT_TEXT)
    if isinstance(text, str):
        data = text.encode("utf-8", "surrogatepass")
        file, time = version(row.get(FILE), row.get(TIME))
        return Record(path=name, text=data, group=group, file=file, time=time)
    if columns.text is None:
        return Record(path=name, text=line, group=None)
    problem = RejectedError("bad_record", f"field {columns.text!r} holds no text")
    return _bad(name, line, problem, group)


def _bad(
    name: str, text: bytes, problem: RejectedError, group: str | None = None
) -> Record:
    return Record(path=name, text=text, group=group, problem=problem)
