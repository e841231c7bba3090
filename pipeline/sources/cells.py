"""Read Arrow columns of any type as the texts and names of records.

This module, `times.py` and `where.py` turn columns into Python values.  A column is
validated, then cast within Arrow to a type whose every value Python can hold: texts and
names are bytes, times are numbers.  pyarrow's own conversion fails on some values, such
as timestamps beyond the year 9999 or strings that are not UTF-8.
"""

import re
from collections.abc import Callable
from itertools import islice
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...data.documents.parse import MAX_DOCUMENT_BYTES
from ...data.documents.rejects import RejectedError

__all__ = [
    "MAX_NAME",
    "Kind",
    "TextCell",
    "beginnings",
    "checked",
    "column_named",
    "each",
    "fields_named",
    "is_list",
    "kind_of",
    "list_sizes",
    "name_of",
    "names",
    "plain",
    "text_of",
    "texts",
    "texts_or_lists",
    "utf8",
]

Kind: TypeAlias = Literal["bool", "int", "float", "decimal", "text", "time", "day"]
"""The kind of a column's values; other types, such as lists, have no kind."""
TextCell: TypeAlias = tuple[bytes, RejectedError | None]
"""The bytes of a text and None; or none or its beginning, and why it is rejected."""

MAX_NAME = 1 << 16
"""Most bytes of a name or a time; longer ones are cut."""

_KINDS: dict[Kind, tuple[Callable[[pa.DataType], bool], ...]] = {
    "bool": (pa.types.is_boolean,),
    "int": (pa.types.is_integer,),
    "float": (pa.types.is_floating,),
    "decimal": (pa.types.is_decimal,),
    "text": (
        *(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
        *(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view),
        pa.types.is_fixed_size_binary,
    ),
    "time": (pa.types.is_timestamp,),
    "day": (pa.types.is_date,),
}
_AS_BYTES = {
    pa.string(): pa.binary(),
    pa.large_string(): pa.large_binary(),
    pa.string_view(): pa.binary_view(),
}


def kind_of(type_: pa.DataType) -> Kind | None:
    """The kind of a type; dictionaries and runs have the kind of their values."""
    if isinstance(type_, pa.BaseExtensionType):
        return kind_of(type_.storage_type)
    if pa.types.is_dictionary(type_) or pa.types.is_run_end_encoded(type_):
        return kind_of(type_.value_type)
    fitting = (kind for kind, tests in _KINDS.items() if any(t(type_) for t in tests))
    return next(fitting, None)


def checked(column: pa.Array) -> pa.Array:
    """Validate a column, with texts as bytes, so that its values may be touched.

    Offsets in a damaged file may point anywhere, and Arrow follows them.

    Raises:
        ArrowInvalid: the column is damaged.
    """
    column = _as_bytes(column)
    column.validate(full=True)
    return column


def fields_named(schema: pa.Schema, name: str) -> list[pa.Field]:
    """The columns with this name, or else the field at this path, such as `a.b`.

    Where `a` holds lists, it is the list of the fields `b`.
    """
    if columns := [schema.field(at) for at in schema.get_all_field_indices(name)]:
        return columns
    first, *path = name.split(".")
    found = [schema.field(at) for at in schema.get_all_field_indices(first)]
    for key in path:
        found = [field for one in found for field in _fields_below(one.type, key)]
    return found


def _fields_below(type_: pa.DataType, key: str) -> list[pa.Field]:
    if is_list(type_):
        below = _fields_below(type_.value_type, key)
        return [field.with_type(pa.list_(field.type)) for field in below]
    if not pa.types.is_struct(type_):
        return []
    return [type_.field(n) for n in type_.get_all_field_indices(key)]


def column_named(batch: pa.RecordBatch, name: str) -> pa.Array:
    """The `checked` column that `fields_named` finds; null where a struct is null.

    Raises:
        ArrowInvalid: the column is damaged.
    """
    if name in batch.schema.names:
        return checked(batch.column(name))
    first, *path = name.split(".")
    column = batch.column(first)
    for key in path:
        column = _column_below(column, key)
    return checked(column)


def _column_below(column: pa.Array, key: str) -> pa.Array:
    if is_list(column.type):
        column.validate(full=True)  # its offsets are followed
        below = _column_below(pc.list_flatten(column), key)
        ends = np.cumsum(list_sizes(column), dtype=np.int32)
        return pa.ListArray.from_arrays(pa.array(np.append(np.int32(0), ends)), below)
    column.validate()
    return pc.struct_field(column, key)


def is_list(type_: pa.DataType) -> bool:
    """Whether values of a type are lists."""
    kinds = pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list
    return any(is_kind(type_) for is_kind in kinds)


def list_sizes(column: pa.Array) -> list[int]:
    """The length of each list of a column; 0 for null."""
    return [size or 0 for size in pc.list_value_length(column).to_pylist()]


def plain(column: pa.Array) -> pa.Array:
    """Turn a run-end encoded column, which must be `checked`, into a dictionary.

    Decoding runs would take memory in proportion to their declared length.
    """
    if not pa.types.is_run_end_encoded(column.type):
        return column
    first, size = column.find_physical_offset(), column.find_physical_length()
    ends = column.run_ends.slice(first, size).to_numpy() - column.offset
    lengths = np.diff(np.minimum(ends, len(column)), prepend=0)
    runs = pa.array(np.repeat(np.arange(size), lengths))
    values = _as_bytes(column.values.slice(first, size))
    return pa.DictionaryArray.from_arrays(runs, values)


def _as_bytes(column: pa.Array) -> pa.Array:
    """View texts, which may be invalid UTF-8, as bytes, and extensions as storage."""
    if isinstance(column, pa.ExtensionArray):
        return _as_bytes(column.storage)
    if pa.types.is_dictionary(column.type):
        values = _as_bytes(column.dictionary)
        return pa.DictionaryArray.from_arrays(column.indices, values, safe=False)
    return column.view(_AS_BYTES.get(column.type, column.type))


def each(column: pa.Array, read: Callable[[pa.Array], list[Any]]) -> list[Any]:
    """Apply `read` to a column; with a dictionary, only once to each value in use."""
    if not pa.types.is_dictionary(column.type):
        return read(column)
    used = column.indices.dictionary_encode()
    values = each(column.dictionary.take(used.dictionary), read)
    return [None if at is None else values[at] for at in used.indices.to_pylist()]


# -- texts -----------------------------------------------------------------------------


def texts_or_lists(column: pa.Array) -> list[TextCell] | list[list[TextCell]]:
    """The texts of a `checked` column; if it holds lists, those of each."""
    if not is_list(column.type):
        return texts(column)
    found = iter(texts(_as_bytes(pc.list_flatten(column))))
    return [list(islice(found, size)) for size in list_sizes(column)]


def texts(column: pa.Array) -> list[TextCell]:
    """The texts of a `checked` column."""
    if kind_of(column.type) == "text":
        return [text or text_of(None) for text in each(column, _texts)]
    kind = re.match("[a-z]+", str(column.type))
    other = _no_text(kind[0] if kind else "something else")
    valid = column.is_valid().to_pylist()
    return [other if is_valid else text_of(None) for is_valid in valid]


def _texts(column: pa.Array) -> list[TextCell | None]:
    if column.nbytes <= MAX_DOCUMENT_BYTES:
        return [None if text is None else (text, None) for text in column.to_pylist()]
    # One at a time: many cells of a view type may share one large buffer.
    return [text_of(cell.as_buffer()) if cell.is_valid else None for cell in column]


def text_of(value: object) -> TextCell:
    """The text of a single value, from JSON or from Arrow."""
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    if not isinstance(value, bytes | pa.Buffer):
        return _no_text("null" if value is None else type(value).__name__)
    size = len(value)
    text = bytes(value[: MAX_DOCUMENT_BYTES + 1])
    if size <= MAX_DOCUMENT_BYTES:
        return text, None
    message = f"{size:,} bytes, at most {MAX_DOCUMENT_BYTES:,}"
    return text, RejectedError("too_large", message)


def _no_text(kind: str) -> TextCell:
    message = f"the text column holds {kind}, no text"
    return b"", RejectedError("bad_record", message)


# -- names -----------------------------------------------------------------------------


def names(column: pa.Array) -> list[str | None]:
    """The values of a `checked` column as text; None for null.

    Raises:
        ArrowException: Arrow cannot cast the type to text.
    """
    return each(column, _names)


def _names(column: pa.Array) -> list[str | None]:
    if kind_of(column.type) != "text":
        column = _as_bytes(column.cast(pa.string()))
    found = beginnings(column, MAX_NAME)
    return [None if name is None else utf8(name) for name in found]


def beginnings(column: pa.Array, most: int) -> list[bytes | None]:
    """Each text, or at least its first `most` bytes where the column is large."""
    if column.nbytes <= MAX_DOCUMENT_BYTES:
        return list(column.to_pylist())
    return [
        cell.as_buffer()[:most].to_pybytes() if cell.is_valid else None
        for cell in column
    ]


def name_of(value: object) -> str | None:
    """A JSON value as a name, written as `names` does; None for null and containers."""
    if value is None or isinstance(value, list | dict):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:MAX_NAME].encode("utf-8", "backslashreplace").decode()


def utf8(name: bytes) -> str:
    """A name as text; invalid bytes are escaped, so different names stay different."""
    return name.decode("utf-8", "backslashreplace")
