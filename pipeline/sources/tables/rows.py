"""Rows of Parquet, Arrow and CSV files, in order, a few hundred at a time.

Only the columns that are needed are read.  Conditions are evaluated first, on their own
columns: if no row of a row group meets them, its texts are not read at all.  Metadata
may be wrong, so rows are counted and columns validated as they are read.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import compress
from typing import Any

import pyarrow as pa

from ....data.errors import SourceError
from ..cells import TextCell, fields_named, kind_of, names, texts_or_lists
from ..input_file import InputFile, most_rows, readable
from ..records import (
    DEFAULT_GROUP,
    DEFAULT_TEXT,
    FILE,
    TIME,
    Columns,
    Record,
    listed,
    unfit_value,
)
from ..times import times
from ..where import Condition
from .columnar import OpenTable, RowGroup, with_partitions

__all__ = ["read_table"]

Opener = Callable[[InputFile, list[str]], AbstractContextManager[OpenTable]]

_READERS: dict[str, Callable[[pa.Array], list[Any]]] = {
    "text": texts_or_lists,
    "group": names,
    FILE: names,
    TIME: times,
}


def read_table(
    open_table: Opener, file: InputFile, columns: Columns
) -> Iterator[Record]:
    """The rows of a .parquet, .arrow, .feather or .csv file.

    Args:
        open_table: opens a file of its format, given the columns of conditions.
        file: the table.
        columns: the columns to read, and which rows count.

    Raises:
        SourceError: the file cannot be read, or lacks a column that was asked for.
    """
    conditions = list(dict.fromkeys(one.column for one in columns.where))
    with readable(file), open_table(file, conditions) as table:
        size = file.size()
        table = with_partitions(table, file.partitions)
        wanted = _wanted(file, table.schema, columns)
        for condition in columns.where:
            _check_condition(file, table.schema, condition)
        first = 0
        asked = [*wanted.values(), *conditions]
        for row_group in table.row_groups(list(dict.fromkeys(asked))):
            num_rows = first + row_group.num_rows
            if num_rows > most_rows(size):
                found = f"{num_rows:,} rows in {size:,} bytes"
                raise ValueError(found)
            for row, cells in _rows(row_group, wanted, columns.where):
                yield from _records(f"{file.name}#{first + row}", cells)
            first += row_group.num_rows


# -- columns ---------------------------------------------------------------------------


def _wanted(file: InputFile, schema: pa.Schema, columns: Columns) -> dict[str, str]:
    """The column of each field of a record, as far as the table has it."""
    text = columns.text or DEFAULT_TEXT
    if columns.text is None and not fields_named(schema, text):
        raise SourceError(
            f"{file.where}: found no column {text!r} among {listed(schema.names)}",
            "name the column that holds the workflows with --text-column",
        )
    _check_column(file, schema, text, "name one of these with --text-column")
    group = columns.group or DEFAULT_GROUP
    if columns.group is not None or group in schema.names:
        _check_column(file, schema, group, "name one of these with --group-column")
        _check_group(file, group, fields_named(schema, group)[0])
    for name in {FILE, TIME}.intersection(schema.names):
        _check_column(file, schema, name, "keep one of them")
    wanted = {"text": text, "group": group, FILE: FILE, TIME: TIME}
    return {
        what: name
        for what, name in wanted.items()
        for field in fields_named(schema, name)
        if what != FILE or _is_simple(field)
    }


def _check_column(file: InputFile, schema: pa.Schema, name: str, hint: str) -> None:
    found = len(fields_named(schema, name))
    if found != 1:
        number = "no column" if found == 0 else f"{found} columns"
        raise SourceError(
            f"{file.where}: found {number} {name!r} among {listed(schema.names)}", hint
        )


def _check_group(file: InputFile, name: str, column: pa.Field) -> None:
    if not _is_simple(column):
        raise SourceError(
            f"{file.where}: column {name!r} holds {column.type}, "
            "expected names of repositories",
            "name a column that holds them with --group-column",
        )


def _is_simple(column: pa.Field) -> bool:
    return kind_of(column.type) is not None or pa.types.is_null(column.type)


def _check_condition(file: InputFile, schema: pa.Schema, condition: Condition) -> None:
    _check_column(file, schema, condition.column, "name one of these with --where")
    kind = fields_named(schema, condition.column)[0].type
    if expected := condition.expected(kind):
        raise unfit_value(file.where, condition, kind, expected)


# -- rows ------------------------------------------------------------------------------


def _rows(
    row_group: RowGroup, wanted: dict[str, str], where: tuple[Condition, ...]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and cells of each row that meets the conditions."""
    holds = _holds(row_group, where) if where else None
    if holds is not None and not any(holds):
        return
    start, columns = 0, list(dict.fromkeys(wanted.values()))
    for batch in row_group.batches(columns):
        found = dict(zip(columns, batch, strict=True))
        size = len(batch[0])
        kept = [True] * size if holds is None else holds[start : start + size]
        cells = [
            _READERS[what](_kept(found[name], kept)) for what, name in wanted.items()
        ]
        for row, values in zip(
            compress(range(start, start + size), kept),
            zip(*cells, strict=True),
            strict=True,
        ):
            yield row, dict(zip(wanted, values, strict=True))
        start += size
    _check_rows(start, row_group)


def _holds(row_group: RowGroup, where: tuple[Condition, ...]) -> list[bool]:
    """For each row of a row group, whether it meets all conditions."""
    columns = list(dict.fromkeys(condition.column for condition in where))
    holds = list[bool]()
    for batch in row_group.batches(columns):
        found = dict(zip(columns, batch, strict=True))
        each = [condition.holds_each(found[condition.column]) for condition in where]
        holds += map(all, zip(*each, strict=True))
    _check_rows(len(holds), row_group)
    return holds


def _check_rows(found: int, row_group: RowGroup) -> None:
    if found != row_group.num_rows:
        raise ValueError(
            f"found {found:,} rows where {row_group.num_rows:,} are declared"
        )


def _kept(column: pa.Array, kept: list[bool]) -> pa.Array:
    return column if all(kept) else column.filter(pa.array(kept, pa.bool_()))


def _records(name: str, cells: dict[str, Any]) -> Iterator[Record]:
    """The record of a row, or those of its list of texts."""
    texts = cells["text"]
    if not isinstance(texts, list):
        yield _record(name, texts, cells)
        return
    for number, text in enumerate(texts):
        yield _record(f"{name}.{number}", text, cells)


def _record(name: str, cell: TextCell, cells: dict[str, Any]) -> Record:
    text, problem = cell
    return Record(
        path=name,
        text=text,
        group=cells.get("group"),
        file=cells.get(FILE),
        time=cells.get(TIME, 0),
        problem=problem,
    )
