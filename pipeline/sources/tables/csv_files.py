"""Read CSV files block by block.

CSV has no types.  Columns that `--where` compares get the type that fits the values of
the first block; all others are texts as they are written, so that the hash 00123 keeps
its zeros.
"""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.csv as pcsv

from ..input_file import InputFile, open_unpacked
from .columnar import OpenTable, RowGroup, row_group

__all__ = ["open_csv"]

_BLOCK_BYTES = 16 << 20  # a row must fit into it
_HEADER_BYTES = 1 << 16


@contextmanager
def open_csv(file: InputFile, conditions: list[str]) -> Iterator[OpenTable]:
    """Open a CSV file, compressed or not, whose first line names the columns.

    Args:
        file: in UTF-8, with commas, fields in double quotes where they need it.
        conditions: the columns that get a type.
    """
    with io.BufferedReader(_raw(file), _BLOCK_BYTES) as stream:
        names = _header(stream.peek(_HEADER_BYTES)[:_HEADER_BYTES])
        texts = {name: pa.binary() for name in names if name not in conditions}
        reader = pcsv.open_csv(
            stream,
            read_options=pcsv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
            parse_options=pcsv.ParseOptions(newlines_in_values=True),
            convert_options=pcsv.ConvertOptions(
                column_types=texts,
                check_utf8=False,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )

        def row_groups(_names: list[str]) -> Iterator[RowGroup]:
            return map(row_group, reader)

        yield OpenTable(reader.schema, row_groups)


def _raw(file: InputFile) -> io.RawIOBase:
    """The bytes of the file, decompressed."""
    return open_unpacked(file).detach()


def _header(beginning: bytes) -> list[str]:
    text = beginning.decode("utf-8-sig", "replace")
    return next(csv.reader(io.StringIO(text, newline="")), [])
