"""Which rows count: a condition compares one column with a value.

    head=true   stars>=10   license!=GPL-3.0   time<2026-01-31

The value is read as what the column holds: a boolean, a number, a text or a time.  As
in SQL, a row with nothing in the column is left out, whatever the comparison.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa

from ...data.errors import ConfigError

__all__ = ["Condition"]

_FORM = re.compile(r"\s*(\S.*?)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*", re.DOTALL)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_BOOLEANS = {"true": True, "false": False}
# What a value of each kind looks like, the narrower kind first.
_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    Decimal: "a number",
    str: "a text",
    bytes: "a text",
    datetime: "a time such as 2026-01-31T12:00",
    date: "a day such as 2026-01-31",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `str` gives it back as it is written."""

    column: str
    operator: str
    value: str

    @staticmethod
    def parse(text: str) -> "Condition":
        """Read `COLUMN OPERATOR VALUE`, where spaces do not matter.

        Raises:
            ConfigError: the text has another form.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise ConfigError(
                f"--where {text!r}: expected a column, one of {' '.join(_OPERATORS)} "
                "and a value",
                "write it like --where head=true",
            )
        return Condition(*match.groups())

    def __str__(self) -> str:
        return f"{self.column}{self.operator}{self.value}"

    def holds(self, cell: object) -> bool:
        """Whether the comparison is true of a cell."""
        operand = _operand(self.value, _kind(type(cell)))
        if operand is None:
            return False
        if isinstance(cell, datetime):
            cell = cell.replace(tzinfo=cell.tzinfo or UTC)
        return _OPERATORS[self.operator](cell, operand)

    def expected(self, column: pa.DataType) -> str | None:
        """What the value should look like to fit a column; None where it does fit."""
        kind = _column_kind(column)
        if _operand(self.value, kind) is not None:
            return None
        return "a column of simple values" if kind is None else _KINDS[kind]


def _kind(cell: type) -> type | None:
    return next((kind for kind in _KINDS if issubclass(cell, kind)), None)


def _column_kind(column: pa.DataType) -> type | None:
    """What `to_pylist` makes of the values of a column."""
    kinds = {
        bool: (pa.types.is_boolean,),
        int: (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal),
        str: (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
        bytes: (pa.types.is_binary, pa.types.is_large_binary),
        datetime: (pa.types.is_timestamp,),
        date: (pa.types.is_date,),
    }
    if pa.types.is_dictionary(column):
        column = column.value_type
    for kind, tests in kinds.items():
        if any(test(column) for test in tests):
            return kind
    return None


@cache
def _operand(value: str, kind: type | None) -> object | None:
    """The value as one of a kind; None if it is none."""
    try:
        if kind is bool:
            return _BOOLEANS.get(value.lower())
        if kind in (int, float, Decimal):
            return _number(value)
        if kind is datetime:
            time = datetime.fromisoformat(value)
            return time.replace(tzinfo=time.tzinfo or UTC)
        if kind is date:
            return date.fromisoformat(value)
    except ValueError:
        return None
    if kind is bytes:
        return value.encode("utf-8", "surrogateescape")
    return value if kind is str else None


def _number(value: str) -> int | float:
    try:
        return int(value)
    except ValueError:
        return float(value)
