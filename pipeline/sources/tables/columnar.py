"""Open Parquet and Arrow files, and read some of their columns in small batches.

Metadata may be wrong or hostile.  Columns are validated as they are read, and rows that
a few bytes expand to are read a few at a time, so memory is bounded.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ..cells import checked, column_named, plain
from ..input_file import InputFile, most_unpacked

__all__ = [
    "OpenTable",
    "RowGroup",
    "open_arrow",
    "open_parquet",
    "row_group",
    "with_partitions",
]

_ROWS_PER_BATCH = 256
_MAX_BATCH_BYTES = 256 << 20
# Rows of Parquet may share one text in a dictionary, and each row unpacks a copy of it:
# so all rows together may take this multiple of `most_unpacked` bytes.
_MAX_SHARED = 4
_BUFFER_BYTES = 1 << 20  # of a Parquet column, which is not read as a whole
_ARROW_FILE = b"ARROW1"
_INTEGER = re.compile("0|-?[1-9][0-9]{0,17}")  # fits int64
_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"


class RowGroup(NamedTuple):
    """A row group of Parquet or a record batch of Arrow."""

    num_rows: int
    """As the metadata says; the reader counts."""
    batches: Callable[[list[str]], Iterator[list[pa.Array]]]
    """All rows in order, as `checked` columns with these names."""


class OpenTable(NamedTuple):
    """An open file with rows."""

    schema: pa.Schema
    row_groups: Callable[[list[str]], Iterator[RowGroup]]
    """The row groups, with only the columns of these names."""


@contextmanager
def open_parquet(file: InputFile, _conditions: list[str]) -> Iterator[OpenTable]:
    """Open a Parquet file."""
    with file.open_arrow() as source:
        yield _parquet(source)


def _parquet(source: pa.NativeFile) -> OpenTable:
    table = pq.ParquetFile(source, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    left = _MAX_SHARED * most_unpacked(source.size())

    # Parquet names levels between a list and the fields of its elements.
    paths = [f"{table.schema.column(n).path}." for n in range(len(table.schema))]

    def read(number: int, rows: int, names: list[str]) -> Iterator[pa.RecordBatch]:
        yield from table.iter_batches(rows, [number], names, use_threads=False)

    def batches(number: int, names: list[str]) -> Iterator[list[pa.Array]]:
        nonlocal left
        # Reading a damaged column raises an error, but showing its metadata, as
        # `_rows_per_batch` does, aborts the process; so read one row first.
        stored = [
            name if any(p.startswith(f"{name}.") for p in paths) else name.split(".")[0]
            for name in names
        ]
        next(read(number, 1, stored), None)
        rows = _rows_per_batch(source, table, number, stored)
        for batch in read(number, rows, stored):
            left -= batch.nbytes
            if left < 0:
                raise ValueError("its rows unpack to far more than the file holds")
            yield [column_named(batch, name) for name in names]

    def row_groups(names: list[str]) -> Iterator[RowGroup]:
        for number in range(table.num_row_groups):
            num_rows = table.metadata.row_group(number).num_rows
            yield RowGroup(num_rows, partial(batches, number))

    return OpenTable(table.schema_arrow, row_groups)


def _rows_per_batch(
    source: pa.NativeFile, table: pq.ParquetFile, number: int, names: list[str]
) -> int:
    """As many rows as fit into _MAX_BATCH_BYTES, even if all have the longest text.

    Args:
        source: the file of the table.
        table: the table, of which one row was read.
        number: the row group's.
        names: the columns to read.
    """
    group, unpacked, longest = table.metadata.row_group(number), 0, 1
    paths = tuple(f"{name}." for name in names)  # columns, and those nested in them
    for at in range(group.num_columns):
        if not f"{table.schema.column(at).path}.".startswith(paths):
            continue
        chunk = group.column(at)
        unpacked += int(chunk.total_uncompressed_size)
        # Any number of rows may share the largest value of a dictionary.
        if chunk.has_dictionary_page and chunk.total_uncompressed_size > _BUFFER_BYTES:
            longest = max(longest, _dictionary_bytes(source, chunk))
    longest = max(longest, unpacked // max(1, int(group.num_rows)))
    if max(unpacked, longest) > most_unpacked(source.size()):
        raise ValueError(f"unpacks to {max(unpacked, longest):,} bytes")
    return max(1, min(_ROWS_PER_BATCH, _MAX_BATCH_BYTES // longest))


def _dictionary_bytes(source: pa.NativeFile, chunk: pq.ColumnChunkMetaData) -> int:
    """Unpacked size of a dictionary, from the header of its page.

    pyarrow does not expose it.  The header is a struct in Thrift's compact protocol:
    an i32 field is a byte 0x15 and a zigzag varint, and the first two fields are the
    type of the page and this size.  Source: parquet.thrift, PageHeader.
    """
    source.seek(chunk.dictionary_page_offset)
    zigzag = 0
    for place, byte in enumerate(source.read(8)[3:]):  # behind 0x15, type, 0x15
        zigzag |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            break
    return zigzag >> 1


@contextmanager
def open_arrow(file: InputFile, _conditions: list[str]) -> Iterator[OpenTable]:
    """Open an Arrow file, or a stream, which Hugging Face `datasets` saves."""
    with file.open_arrow() as source:
        yield _arrow(source)


def _arrow(source: pa.NativeFile) -> OpenTable:
    is_file = source.read(len(_ARROW_FILE)) == _ARROW_FILE
    source.seek(0)
    open_ = pa.ipc.open_file if is_file else pa.ipc.open_stream
    schema = open_(source).schema

    def wholes(names: list[str]) -> Iterator[pa.RecordBatch]:
        source.seek(0)
        columns = set(schema.names)
        roots = {name if name in columns else name.split(".")[0] for name in names}
        fields = sorted(schema.get_field_index(root) for root in roots)
        options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
        reader = open_(source, options=options)
        if is_file:
            yield from map(reader.get_batch, range(reader.num_record_batches))
            return
        yield from reader
        source.seek(source.tell() - len(_END_OF_STREAM))
        if source.read(len(_END_OF_STREAM)) != _END_OF_STREAM:
            raise ValueError("found no end of the stream")

    def row_groups(names: list[str]) -> Iterator[RowGroup]:
        for whole in wholes(names):
            yield row_group(whole)

    return OpenTable(schema, row_groups)


def row_group(whole: pa.RecordBatch) -> RowGroup:
    """A record batch that is in memory."""
    return RowGroup(whole.num_rows, partial(_slices, whole))


def _slices(whole: pa.RecordBatch, names: list[str]) -> Iterator[list[pa.Array]]:
    columns = [column_named(whole, name) for name in names]
    for start in range(0, whole.num_rows, _ROWS_PER_BATCH):
        yield [plain(column.slice(start, _ROWS_PER_BATCH)) for column in columns]


# -- partitions ------------------------------------------------------------------------


def with_partitions(
    table: OpenTable, partitions: Sequence[tuple[str, str | None]]
) -> OpenTable:
    """The same table with a column for each partition, unless it has one of that name.

    Args:
        table: as a file holds it.
        partitions: names and values; a value in digits becomes an integer.
    """
    added = {
        name: pa.scalar(int(value) if value and _INTEGER.fullmatch(value) else value)
        for name, value in partitions
        if name not in table.schema.names
    }
    if not added:
        return table
    schema = table.schema
    for name, value in added.items():
        schema = schema.append(pa.field(name, value.type))

    def batches(group: RowGroup, names: list[str]) -> Iterator[list[pa.Array]]:
        in_file = [name for name in names if name not in added]
        for size, columns in _sized(group, in_file):
            found = dict(zip(in_file, columns, strict=True))
            yield [
                checked(pa.repeat(added[name], size)) if name in added else found[name]
                for name in names
            ]

    def row_groups(names: list[str]) -> Iterator[RowGroup]:
        for group in table.row_groups([name for name in names if name not in added]):
            yield RowGroup(group.num_rows, partial(batches, group))

    return OpenTable(schema, row_groups)


def _sized(group: RowGroup, names: list[str]) -> Iterator[tuple[int, list[pa.Array]]]:
    """The number of rows of each batch, and its columns; without names, as declared."""
    if names:
        yield from ((len(columns[0]), columns) for columns in group.batches(names))
        return
    for start in range(0, group.num_rows, _ROWS_PER_BATCH):
        yield min(_ROWS_PER_BATCH, group.num_rows - start), []
