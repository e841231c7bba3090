"""JSON Lines: each line holds a document in a field, or is the document itself.

The elements of a JSON array are read as if each were a line.

A missing field is an error, as a missing column is in a table.  But lines have no
schema, so which fields exist is only known after the last line.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from ...data.documents.json_text import Json
from ...data.documents.parse import MAX_DOCUMENT_BYTES
from ...data.documents.rejects import RejectedError
from ...data.errors import SourceError
from .cells import name_of, text_of
from .input_file import InputFile, most_rows, open_unpacked, readable
from .records import (
    DEFAULT_GROUP,
    DEFAULT_TEXT,
    FILE,
    MISSING,
    TIME,
    Columns,
    Record,
    cell_at,
    listed,
    texts_at,
    unfit_value,
)
from .times import time_of
from .where import Condition

__all__ = ["MAX_LINE_BYTES", "read_array", "read_lines"]

MAX_LINE_BYTES = 16 * MAX_DOCUMENT_BYTES
"""Longest line: JSON may escape a byte of text with six, and there are other fields."""

_MAX_KEY = 100  # of a key, in a message
_MAX_NAMES = 20  # remembered for a message
_MARKS = re.compile(rb'["\\\[\]{},]')  # all that delimits elements
_BLOCK_BYTES = 1 << 20


def read_lines(file: InputFile, columns: Columns) -> Iterator[Record]:
    """The lines of a .jsonl file that are not blank; compressed or named .json.gz, too.

    Raises:
        SourceError: the file cannot be read, or no line has a field that was asked for.
    """
    yield from _read(file, columns, _bounded_lines)


def read_array(file: InputFile, columns: Columns) -> Iterator[Record]:
    """The elements of a .json file that holds an array.

    Raises:
        SourceError: as for `read_lines`.
    """
    yield from _read(file, columns, _bounded_elements)


def _read(
    file: InputFile, columns: Columns, split: Callable[[BinaryIO], Iterator[bytes]]
) -> Iterator[Record]:
    fields = _Fields(columns)
    with readable(file), open_unpacked(file) as stream:
        size = file.size()
        for number, line in enumerate(split(stream)):
            if number >= most_rows(size):
                raise ValueError(f"{number:,} lines and more in {size:,} bytes")
            if line.strip():
                yield from _records(line, f"{file.name}#{number}", fields)
    fields.check(file.where)


def _bounded_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines; one that is too long is cut, and its rest is skipped."""
    while line := stream.readline(MAX_LINE_BYTES + 1):
        yield line
        while len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE_BYTES + 1)


def _bounded_elements(stream: BinaryIO) -> Iterator[bytes]:
    """The elements of an array in UTF-8; one that is too long is cut."""
    depth, in_text, escaped, element = 0, False, -1, bytearray()
    while block := stream.read(_BLOCK_BYTES):
        start = 0
        for found in _MARKS.finditer(block):
            at, mark = found.start(), found[0]
            if at == escaped:
                continue
            if in_text:
                escaped = at + 1 if mark == b"\\" else escaped
                in_text = mark != b'"'
                continue
            in_text = mark == b'"'
            depth += (mark in b"[{") - (mark in b"]}")
            if depth == 1 and mark == b"[":
                start = at + 1
            elif depth == 0 or (depth == 1 and mark == b","):
                yield bytes(element + block[start:at])
                element, start = bytearray(), at + 1
            if depth == 0:
                if (block[start:] + stream.read(_BLOCK_BYTES)).strip():
                    raise ValueError("found more behind the end of the array")
                return
        element = (element + block[start:])[: MAX_LINE_BYTES + 1]
        escaped -= len(block)
    raise ValueError("the array has no end")


@dataclass(slots=True)
class _Fields:
    """Which of the fields that were asked for have been seen so far."""

    columns: Columns
    found: dict[str, None] = field(default_factory=dict)
    """The first _MAX_NAMES field names, in order of appearance."""
    texts: bool = False
    """Whether a line had a text, or was a workflow."""
    groups: bool = False
    """Whether a line had the group."""
    unfit: dict[Condition, str | None] = field(default_factory=dict)
    """For each condition whose field was seen: None if its value fits the type of some
    line's field, else the type it does not fit, "" if all were null."""

    def note(self, row: dict[str, Any], is_row: bool) -> None:
        """Take note of the fields of a line."""
        if len(self.found) < _MAX_NAMES:
            self.found.update(dict.fromkeys(islice(row, _MAX_NAMES)))
        if is_row:
            self.texts |= texts_at(row, self.text) is not MISSING
            group = self.columns.group or DEFAULT_GROUP
            self.groups |= cell_at(row, group) is not MISSING
        else:
            self.texts = True
        for condition in self.columns.where:
            cell = cell_at(row, condition.column)
            if cell is MISSING:
                continue
            known = self.unfit.setdefault(condition, "")
            if known is not None and cell is not None:
                fits = condition.expected_of(cell) is None
                self.unfit[condition] = None if fits else type(cell).__name__

    @property
    def text(self) -> str:
        """The name of the field that holds workflows."""
        return self.columns.text or DEFAULT_TEXT

    def check(self, where: str) -> None:
        """Refuse a file whose lines all lack a field that was asked for."""
        if not self.found:
            return
        for condition in self.columns.where:
            if condition not in self.unfit:
                raise self._missing(where, condition.column, "--where")
            if kind := self.unfit[condition]:
                expected = condition.expected_of(_EXAMPLES[kind])
                raise unfit_value(where, condition, kind, str(expected))
        if not self.texts:
            raise self._missing(where, self.text, "--text-column")
        if self.columns.group is not None and not self.groups:
            raise self._missing(where, self.columns.group, "--group-column")

    def _missing(self, where: str, name: str, option: str) -> SourceError:
        names = listed(list(self.found))
        return SourceError(
            f"{where}: found no field {name!r} in any line, among {names}",
            f"name one of these with {option}",
        )


_VALUES: tuple[Json, ...] = (True, 1, 1.5, "", [], {})
_EXAMPLES = {type(value).__name__: value for value in _VALUES}


def _records(line: bytes, name: str, fields: _Fields) -> Iterator[Record]:
    """The record of a line; none if a condition does not hold."""
    if len(line) > MAX_LINE_BYTES:
        message = f"a line of more than {MAX_LINE_BYTES:,} bytes"
        yield _bad(name, line, RejectedError("too_large", message))
        return
    try:
        row = _parse(line)
    except (ValueError, RecursionError) as error:
        yield _bad(name, line, RejectedError("bad_record", f"not JSON: {error}"))
        return
    except RejectedError as problem:
        yield _bad(name, line, problem)
        return
    if not isinstance(row, dict):
        message = "the line is not a JSON object"
        yield _bad(name, line, RejectedError("bad_record", message))
        return
    columns = fields.columns
    is_row = (
        columns.text is not None
        or fields.text in row
        or columns.row_keys.isdisjoint(row)
    )
    fields.note(row, is_row)
    if all(
        condition.holds(cell_at(row, condition.column)) for condition in columns.where
    ):
        texts = texts_at(row, fields.text)
        if not is_row:
            yield _workflow(line, name)
        elif not isinstance(texts, list):
            yield _row(row, texts, line, name, fields)
        else:
            for number, text in enumerate(texts):
                yield _row(row, text, line, f"{name}.{number}", fields)


def _value(row: dict[str, Any], name: str) -> object:
    """The same as `_cell`, but None for a field that is missing."""
    value = cell_at(row, name)
    return None if value is MISSING else value


def _unique_pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    row = dict(pairs)
    if len(row) < len(pairs):
        seen: set[str] = set()
        again = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise RejectedError("duplicate_key", repr(again[:_MAX_KEY]))
    return row


_decoder = json.JSONDecoder(object_pairs_hook=_unique_pairs)
_float_decoder = json.JSONDecoder(object_pairs_hook=_unique_pairs, parse_int=float)


def _parse(line: bytes) -> Json:
    """Parse a line; integers with too many digits for Python become floats.

    Such a number may be in a field that nobody asked for, which is no reason to reject
    the line.
    """
    text = line.decode(json.detect_encoding(line), "surrogatepass")
    try:
        value: Json = _decoder.decode(text)
    except ValueError:
        value = _float_decoder.decode(text)
    return value


def _workflow(line: bytes, name: str) -> Record:
    """The record of a line that is a workflow itself."""
    text, problem = text_of(line)
    return Record(path=name, text=text, group=None, problem=problem)


def _row(
    row: dict[str, Any], value: object, line: bytes, name: str, fields: _Fields
) -> Record:
    """The record of a line that holds a workflow in a field."""
    text, problem = text_of(None if value is MISSING else value)
    group = _value(row, fields.columns.group or DEFAULT_GROUP)
    file = row.get(FILE)
    if problem is not None and problem.reason == "bad_record":
        text = line[: MAX_DOCUMENT_BYTES + 1]
    elif isinstance(group, list | dict):
        kind = type(group).__name__
        problem = RejectedError("bad_record", f"the group column holds {kind}, no name")
    return Record(
        path=name,
        text=text,
        group=name_of(group),
        file=name_of(file),
        time=time_of(row.get(TIME)),
        problem=problem,
    )


def _bad(name: str, text: bytes, problem: RejectedError) -> Record:
    cut = text[: MAX_DOCUMENT_BYTES + 1]
    return Record(path=name, text=cut, group=None, problem=problem)
