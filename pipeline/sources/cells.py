"""Cells of rows as what a record says: texts, names, times, and what is compared.

The one place where columns of Arrow become values of Python.  A column is checked, then
cast in Arrow to a type of which Python holds every value: texts and names are bytes,
times are seconds or whole nanoseconds.  So a cell can be of any type and hold anything.
"""

import math
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.parse import MAX_DOCUMENT_BYTES
from ...data.rejects import RejectedError

__all__ = [
    "EPOCH",
    "MAX_NAME",
    "Kind",
    "Text",
    "checked",
    "comparable",
    "days",
    "kind_of",
    "name_of",
    "names",
    "nanoseconds",
    "plain",
    "text_of",
    "texts",
    "time_of",
    "times",
]

Kind: TypeAlias = Literal["bool", "int", "float", "decimal", "text", "time", "day"]
"""What the values of a column are; every other type is of no kind."""
Text: TypeAlias = tuple[bytes, RejectedError | None]
"""The bytes of a text, or none of it or its beginning and why that is no document."""

MAX_NAME = 1 << 16
"""Most bytes of a name or a time; what is longer is known by its beginning."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = (
    (day.replace(tzinfo=UTC) - EPOCH).total_seconds()
    for day in (datetime.min, datetime.max)
)
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_DAY = 24 * 60 * 60
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


def _each(column: pa.Array, read: Callable[[pa.Array], list[Any]]) -> list[Any]:
    """What `read` makes of a column; of one with a dictionary, each value once."""
    if not pa.types.is_dictionary(column.type):
        return read(column)
    used = column.indices.dictionary_encode()
    values = _each(column.dictionary.take(used.dictionary), read)
    return [None if at is None else values[at] for at in used.indices.to_pylist()]


# -- texts -----------------------------------------------------------------------------


def texts(column: pa.Array) -> list[Text]:
    """The texts of a column that is `checked`."""
    if kind_of(column.type) == "text":
        return [text or text_of(None) for text in _each(column, _texts)]
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
    return _each(column, _names)


def _names(column: pa.Array) -> list[str | None]:
    if kind_of(column.type) != "text":
        column = _as_bytes(column.cast(pa.string()))
    found = _beginnings(column, MAX_NAME)
    return [None if name is None else _utf8(name) for name in found]


def _beginnings(column: pa.Array, most: int) -> list[bytes | None]:
    """The first bytes of each text; many may share what is large."""
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


def _utf8(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")  # other bytes, another name


# -- times -----------------------------------------------------------------------------


def times(column: pa.Array) -> list[float]:
    """The values of a column that is `checked`, as times: newer is greater, 0 is none.

    Numbers and texts of numbers are times as they stand; days, times and texts of them
    (ISO 8601) are Unix seconds.  All else is none, and so is what a `datetime` cannot
    hold; time zones are taken into account, and UTC where nothing says otherwise.
    """
    kind = kind_of(column.type)
    if kind is None or kind == "bool":
        return [0] * len(column)
    return [time or 0 for time in _each(column, _times)]


def _times(column: pa.Array) -> list[float]:
    kind, type_ = kind_of(column.type), column.type
    if kind == "text":
        found = _beginnings(column, MAX_NAME)
        return [time_of(_utf8(text)) if text else 0 for text in found]
    if kind not in ("time", "day"):
        return _finite(_floats(column))
    if kind == "time":
        seconds = _floats(column.view(pa.int64())) * _NANOSECONDS[type_.unit] / 1e9
    elif pa.types.is_date32(type_):
        seconds = _floats(column.view(pa.int32())) * _DAY
    else:
        seconds = _floats(column.view(pa.int64())) / 1e3
    return _finite(np.where((seconds < _FIRST) | (seconds >= _LAST), 0, seconds))


def _floats(column: pa.Array) -> NDArray[np.float64]:
    """Numbers as float64, NaN for null."""
    numbers = column.cast(pa.float64(), safe=False)
    floats: NDArray[np.float64] = numbers.to_numpy(zero_copy_only=False)
    return floats


def _finite(numbers: NDArray[np.float64]) -> list[float]:
    finite: list[float] = np.where(np.isfinite(numbers), numbers, 0).tolist()
    return finite


def time_of(value: object) -> float:
    """The time that a value of JSON is, as `times` has it."""
    if isinstance(value, str):
        value = _moment(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    with suppress(OverflowError):
        number = float(value)
        return number if math.isfinite(number) else 0
    return 0


def _moment(text: str) -> float:
    """A number or a time of ISO 8601.  Eight digits are a day: 20260131."""
    text = text.strip()
    with suppress(ValueError):
        if len(text) != 8 or not text.isdecimal():
            return float(text)
    with suppress(ValueError):
        time = datetime.fromisoformat(text)
        return (time.replace(tzinfo=time.tzinfo or UTC) - EPOCH).total_seconds()
    with suppress(ValueError):
        return float(text)
    return 0


# -- what is compared ------------------------------------------------------------------


def comparable(column: pa.Array) -> list[Any]:
    """The values of a column that is `checked`, as conditions compare them.

    Texts are bytes, times are nanoseconds and days are days since 1970; numbers and
    booleans are what they are; null is None.
    """
    return _each(column, _comparable)


def _comparable(column: pa.Array) -> list[Any]:
    kind, type_ = kind_of(column.type), column.type
    if pa.types.is_float32(type_):
        column = column.cast(pa.string())  # which is the shortest: 0.1 is 0.1
    if kind == "float":
        column = column.cast(pa.float64())
    if kind == "text":
        return _beginnings(column, MAX_DOCUMENT_BYTES)
    if kind == "time":
        unit = _NANOSECONDS[type_.unit]
        return _scaled(column.view(pa.int64()).to_pylist(), lambda tick: tick * unit)
    if kind == "day":
        if pa.types.is_date32(type_):
            return list(column.view(pa.int32()).to_pylist())
        ticks = column.view(pa.int64()).to_pylist()
        return _scaled(ticks, lambda tick: tick // (_DAY * 1000))
    return list(column.to_pylist())


def _scaled(
    ticks: Iterable[int | None], scale: Callable[[int], int]
) -> list[int | None]:
    return [None if tick is None else scale(tick) for tick in ticks]


def nanoseconds(time: datetime) -> int:
    """A time as `comparable` has it; UTC where it does not say otherwise."""
    since = time.replace(tzinfo=time.tzinfo or UTC) - EPOCH
    return since // timedelta(microseconds=1) * 1000


def days(day: date) -> int:
    """A day as `comparable` has it."""
    return (day - EPOCH.date()).days
