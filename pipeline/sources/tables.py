"""Parquet and Arrow files: rows as they stand, read a few hundred at a time.

Only the columns that are asked for are read.  Conditions are tried first, on their own
columns: where no row of a row group holds, its texts are not read at all.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import compress
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ...data.errors import SourceError
from ...data.rejects import RejectedError
from .conditions import Condition
from .files import InputFile, readable
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

__all__ = ["read_table"]

_ROWS_PER_BATCH = 256
_BUFFER_BYTES = 1 << 20  # of a column of Parquet, which is not read as a whole
_AS_BYTES = {
    pa.string(): pa.binary(),
    pa.large_string(): pa.large_binary(),
    pa.string_view(): pa.binary_view(),
}


class _Part(NamedTuple):
    """A row group of Parquet or a record batch of Arrow."""

    num_rows: int
    batches: Callable[[list[str]], Iterator[pa.RecordBatch]]
    """All its rows in order, with the columns of these names."""


def read_table(file: InputFile, columns: Columns) -> Iterator[Record]:
    """The rows of a .parquet, .arrow or .feather file.

    Raises:
        SourceError: the file cannot be read, or lacks a column that is named.
    """
    with readable(file), file.open_arrow() as source:
        open_parts = _parquet if file.suffix == ".parquet" else _arrow
        schema, parts = open_parts(source)
        names = _names(file, schema, columns)
        for condition in columns.where:
            _check_condition(file, schema, condition)
        first = 0
        for part in parts:
            for row, cells in _rows(part, names, columns.where):
                yield _record(f"{file.name}#{first + row}", cells)
            first += part.num_rows


# -- files -----------------------------------------------------------------------------


def _parquet(source: pa.NativeFile) -> tuple[pa.Schema, Iterator[_Part]]:
    table = pq.ParquetFile(source, buffer_size=_BUFFER_BYTES, pre_buffer=False)

    def batches(number: int, names: list[str]) -> Iterator[pa.RecordBatch]:
        yield from table.iter_batches(
            _ROWS_PER_BATCH, [number], names, use_threads=False
        )

    parts = (
        _Part(table.metadata.row_group(number).num_rows, partial(batches, number))
        for number in range(table.num_row_groups)
    )
    return table.schema_arrow, parts


def _arrow(source: pa.NativeFile) -> tuple[pa.Schema, Iterator[_Part]]:
    table = pa.ipc.open_file(source)

    def batches(whole: pa.RecordBatch, names: list[str]) -> Iterator[pa.RecordBatch]:
        for start in range(0, whole.num_rows, _ROWS_PER_BATCH):
            yield whole.select(names).slice(start, _ROWS_PER_BATCH)

    wholes = (table.get_batch(n) for n in range(table.num_record_batches))
    parts = (_Part(whole.num_rows, partial(batches, whole)) for whole in wholes)
    return table.schema, parts


# -- columns ---------------------------------------------------------------------------


def _names(file: InputFile, schema: pa.Schema, columns: Columns) -> dict[str, str]:
    """The column of each thing that a record may say."""
    text = columns.text or DEFAULT_TEXT
    if columns.text is None and text not in schema.names:
        raise SourceError(
            f"{file.where}: found no column {text!r} among {schema.names}",
            "name the column that holds the workflows with --text-column",
        )
    _check_column(file, schema, text, "--text-column")
    names = {"text": text, FILE: FILE, TIME: TIME}
    names["group"] = columns.group or DEFAULT_GROUP
    if columns.group is not None:
        _check_column(file, schema, columns.group, "--group-column")
    return {what: name for what, name in names.items() if name in schema.names}


def _check_column(file: InputFile, schema: pa.Schema, name: str, option: str) -> None:
    found = schema.names.count(name)
    if found != 1:
        number = "no column" if found == 0 else f"{found} columns"
        raise SourceError(
            f"{file.where}: found {number} {name!r} among {schema.names}",
            f"name one of these with {option}",
        )


def _check_condition(file: InputFile, schema: pa.Schema, condition: Condition) -> None:
    _check_column(file, schema, condition.column, "--where")
    kind = schema.field(condition.column).type
    if expected := condition.expected(kind):
        raise SourceError(
            f"{file.where}: --where {condition}: column {condition.column!r} "
            f"holds {kind}, expected {expected}",
            "compare it with a value of its type",
        )


# -- rows ------------------------------------------------------------------------------


def _rows(
    part: _Part, names: dict[str, str], where: tuple[Condition, ...]
) -> Iterator[tuple[int, dict[str, object]]]:
    """Number and cells of the rows for which the conditions hold."""
    holds = _holds(part, where)
    if not any(holds):
        return
    start, wanted = 0, list(dict.fromkeys(names.values()))
    for batch in part.batches(wanted):
        kept = holds[start : start + batch.num_rows]
        cells = [
            _cells(batch.column(name), kept, as_bytes=what == "text")
            for what, name in names.items()
        ]
        for row, values in zip(
            compress(range(start, start + batch.num_rows), kept),
            zip(*cells, strict=True),
            strict=True,
        ):
            yield row, dict(zip(names, values, strict=True))
        start += batch.num_rows


def _holds(part: _Part, where: tuple[Condition, ...]) -> list[bool]:
    """For each row of a part, whether all conditions hold."""
    if not where:
        return [True] * part.num_rows
    names = [condition.column for condition in where]
    return [
        all(map(Condition.holds, where, cells))
        for batch in part.batches(list(dict.fromkeys(names)))
        for cells in zip(*(_cells(batch.column(name)) for name in names), strict=True)
    ]


def _cells(
    column: pa.Array, kept: list[bool] | None = None, *, as_bytes: bool = False
) -> list[Any]:
    """The values of the kept rows; text as bytes need not be UTF-8."""
    if as_bytes:
        column = column.view(_AS_BYTES.get(column.type, column.type))
    # Else a damaged Arrow file is read beyond its end: it does not vouch for itself.
    column.validate(full=True)
    if kept is not None and not all(kept):
        column = column.filter(pa.array(kept, pa.bool_()))
    return list(column.to_pylist())


def _record(name: str, cells: dict[str, object]) -> Record:
    text, group = cells["text"], group_name(cells.get("group"))
    if isinstance(text, str | bytes):
        data = text.encode() if isinstance(text, str) else text
        file, time = version(cells.get(FILE), cells.get(TIME))
        return Record(path=name, text=data, group=group, file=file, time=time)
    kind = "null" if text is None else type(text).__name__
    problem = RejectedError("bad_record", f"the text column holds {kind}, no text")
    return Record(path=name, text=b"", group=group, problem=problem)
