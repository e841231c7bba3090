"""Read columns of any type as times: numbers that are greater for newer rows."""

import math
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .cells import MAX_NAME, beginnings, each, kind_of, utf8

__all__ = ["DAY", "NANOSECONDS", "days", "nanoseconds", "time_of", "times"]

DAY = 24 * 60 * 60
"""Seconds in a day."""
NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
"""Nanoseconds in each unit of a timestamp."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = (
    (time.replace(tzinfo=UTC) - _EPOCH).total_seconds()
    for time in (datetime.min, datetime.max)
)


def times(column: pa.Array) -> list[float]:
    """The values of a `checked` column as times: greater is newer, 0 is unknown.

    Numbers, also as text, are taken as they are; dates and timestamps, also as ISO 8601
    text, become Unix seconds, in UTC unless they name a time zone.  Everything else,
    and a time that `datetime` cannot hold, is 0.
    """
    kind = kind_of(column.type)
    if kind is None or kind == "bool":
        return [0] * len(column)
    return [time or 0 for time in each(column, _times)]


def _times(column: pa.Array) -> list[float]:
    kind, type_ = kind_of(column.type), column.type
    if kind == "text":
        found = beginnings(column, MAX_NAME)
        return [time_of(utf8(text)) if text else 0 for text in found]
    if kind not in ("time", "day"):
        return _finite(_floats(column))
    if kind == "time":
        seconds = _floats(column.view(pa.int64())) * NANOSECONDS[type_.unit] / 1e9
    elif pa.types.is_date32(type_):
        seconds = _floats(column.view(pa.int32())) * DAY
    else:
        seconds = _floats(column.view(pa.int64())) / 1e3
    return _finite(np.where((seconds < _FIRST) | (seconds >= _LAST), 0, seconds))


def _floats(column: pa.Array) -> NDArray[np.float64]:
    """Numbers as float64; null becomes NaN."""
    numbers = column.cast(pa.float64(), safe=False)
    floats: NDArray[np.float64] = numbers.to_numpy(zero_copy_only=False)
    return floats


def _finite(numbers: NDArray[np.float64]) -> list[float]:
    finite: list[float] = np.where(np.isfinite(numbers), numbers, 0).tolist()
    return finite


def time_of(value: object) -> float:
    """The time of a JSON value, as in `times`."""
    if isinstance(value, str):
        value = _moment(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    try:
        number = float(value)
    except OverflowError:
        return 0
    return number if math.isfinite(number) else 0


def _moment(text: str) -> float:
    """Parse a number or an ISO 8601 time; eight digits are a date, such as 20260131.

    `UTC` may replace `Z`, as in BigQuery, and letters may be lower case (RFC 3339).
    """
    text = text.strip().upper().replace("UTC", "Z")
    with suppress(ValueError):
        if len(text) != 8 or not text.isdecimal():
            return float(text)
    with suppress(ValueError):
        time = datetime.fromisoformat(text)
        return (time.replace(tzinfo=time.tzinfo or UTC) - _EPOCH).total_seconds()
    with suppress(ValueError):
        return float(text)
    return 0


def nanoseconds(time: datetime) -> int:
    """Nanoseconds since 1970; UTC unless the time names a zone."""
    since = time.replace(tzinfo=time.tzinfo or UTC) - _EPOCH
    return since // timedelta(microseconds=1) * 1000


def days(day: date) -> int:
    """Days since 1970."""
    return (day - _EPOCH.date()).days
