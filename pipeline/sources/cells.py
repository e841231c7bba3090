"""Cells of rows as what a record says: texts and names.

Here, in `times` and in `conditions` columns of Arrow become values of Python.  A column
is checked, then cast in Arrow to a type of which Python holds every value: texts and
names are bytes, times are numbers.  So a cell can be of any type and hold anything.
"""

import re
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from ...data.documents.parse import MAX_DOCUMENT_BYTES
from ...data.documents.rejects import RejectedError

__all__ = [
    "MAX_NAME",
    "Kind",
    "Text",
    "beginnings",
    "checked",
    "each",
    "kind_of",
    "name_of",
    "names",
    "plain",
    "text_of",
    "texts",
    "utf8",
]

Kind: TypeAlias = Literal["bool", "int", "float", "decimal", "text", "time", "day"]
"""What the values of a column are; every other type is of no kind."""
Text: TypeAlias = tuple[bytes, RejectedError | None]
"""The bytes of a text, or none of it or its beginning and why that is no document."""

MAX_NAME = 1 << 16
"""Most bytes of a name or a time; what is longer is known by its beginning."""

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
    """What the values of a column of a type are."""
    if isinstance(type_, pa.BaseExtensionType):
        return kind_of(type_.storage_type)
    if pa.types.is_dictionary(type_) or pa.types.is_run_end_encoded(type_):
        return kind_of(type_.value_type)
    fitting = (kind for kind, tests in _KINDS.items() if any(t(type_) for t in tests))
    return next(fitting, None)


def checked(column: pa.Array) -> pa.Array:
    """A column whose values can be touched, with texts as the bytes that they are.

    Files do not vouch for themselves: those of a damaged one point beyond its end.

    Raises:
        ArrowInvalid: the column is damaged.
    """
    column = _as_bytes(column)
    column.validate(full=True)
    return column


def plain(column: pa.Array) -> pa.Array:
    """A column that is `checked`, with a dictionary in the place of runs.

    Decoded, runs would take as much memory as they say that they are long.
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
    """Texts need not be UTF-8, and an extension is what it is stored as."""
    if isinstance(column, pa.ExtensionArray):
        return _as_bytes(column.storage)
    if pa.types.is_dictionary(column.type):
        values = _as_bytes(column.dictionary)
        return pa.DictionaryArray.from_arrays(column.indices, values, safe=False)
    return column.view(_AS_BYTES.get(column.type, column.type))


def each(column: pa.Array, read: Callable[[pa.Array], list[Any]]) -> list[Any]:
    """What `read` makes of a column; of one with a dictionary, each value once."""
    if not pa.types.is_dictionary(column.type):
        return read(column)
    used = column.indices.dictionary_encode()
    values = each(column.dictionary.take(used.dictionary), read)
    return [None if at is None else values[at] for at in used.indices.to_pylist()]


# -- texts -----------------------------------------------------------------------------


def texts(column: pa.Array) -> list[Text]:
    """The texts of a column that is `checked`."""
    if kind_of(column.type) == "text":
        return [text or text_of(None) for text in each(column, _texts)]
    kind = re.match("[a-z]+", str(column.type))
    other = _no_text(kind[0] if kind else "something else")
    valid = column.is_valid().to_pylist()
    return [other if is_valid else text_of(None) for is_valid in valid]


def _texts(column: pa.Array) -> list[Text | None]:
    if column.nbytes <= MAX_DOCUMENT_BYTES:
        return [None if text is None else (text, None) for text in column.to_pylist()]
    # One at a time: many cells may share what is large.
    return [text_of(cell.as_buffer()) if cell.is_valid else None for cell in column]


def text_of(value: object) -> Text:
    """The text that a value is."""
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


def _no_text(kind: str) -> Text:
    message = f"the text column holds {kind}, no text"
    return b"", RejectedError("bad_record", message)


# -- names -----------------------------------------------------------------------------


def names(column: pa.Array) -> list[str | None]:
    """The values of a column that is `checked`, as text.

    Raises:
        ArrowException: they cannot be written.
    """
    return each(column, _names)


def _names(column: pa.Array) -> list[str | None]:
    if kind_of(column.type) != "text":
        column = _as_bytes(column.cast(pa.string()))
    found = beginnings(column, MAX_NAME)
    return [None if name is None else utf8(name) for name in found]


def beginnings(column: pa.Array, most: int) -> list[bytes | None]:
    """At least the first `most` bytes of each text; many may share what is large."""
    if column.nbytes <= MAX_DOCUMENT_BYTES:
        return list(column.to_pylist())
    return [
        cell.as_buffer()[:most].to_pybytes() if cell.is_valid else None
        for cell in column
    ]


def name_of(value: object) -> str | None:
    """A value of JSON as the same name; None for null and what holds other values."""
    if value is None or isinstance(value, list | dict):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:MAX_NAME].encode("utf-8", "backslashreplace").decode()


def utf8(name: bytes) -> str:
    """A name as text."""
    return name.decode("utf-8", "backslashreplace")  # other bytes, another name
