"""Conditions on rows: compare one column with a value.

    head=true   stars>=10   license!=GPL-3.0   time<2026-01-31

The value is read as the type of the column: a boolean, a number, a text or a time.  As
in SQL, a row with null in the column is left out, whatever the comparison.
"""

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa

from ...data.documents.parse import MAX_DOCUMENT_BYTES
from ...data.errors import ConfigError
from .cells import Kind, beginnings, each, kind_of
from .times import DAY, NANOSECONDS, days, nanoseconds

__all__ = ["Condition", "check_utf8"]

_OPERATOR = re.compile(r"!=|<=|>=|=|<|>")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_BOOLEANS = {"true": True, "false": False}
_EXPECTED: dict[Kind | None, str] = {
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "decimal": "a number",
    "text": "a text",
    "time": "a time such as 2026-01-31T12:00",
    "day": "a day such as 2026-01-31",
    None: "a column of simple values",
}
_JSON_KINDS: dict[type, Kind] = {bool: "bool", int: "int", float: "float", str: "text"}


def check_utf8(text: str, option: str) -> str:
    """Return `text`, if it is UTF-8 without NUL.

    Raises:
        ConfigError: it holds NUL or a lone surrogate, which Python makes of a byte on
            the command line that is not UTF-8.
    """
    if "\0" in text or text.encode("utf-8", "replace").decode() != text:
        problem = f"{option} {text!r}: found NUL or bytes that are not UTF-8"
        raise ConfigError(problem, "write it in UTF-8")
    return text


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `str` writes it as `parse` reads it."""

    column: str
    operator: str
    value: str

    @staticmethod
    def parse(text: str) -> "Condition":
        """Parse `COLUMN OPERATOR VALUE`; spaces around each are ignored.

        Raises:
            ConfigError: the text has another form, or is not UTF-8.
        """
        text = check_utf8(text, "--where").strip()
        found = _OPERATOR.search(text, 1)
        if found is None:
            raise ConfigError(
                f"--where {text!r}: expected a column, one of {' '.join(_OPERATORS)} "
                "and a value",
                "write it like --where head=true",
            )
        column, value = text[: found.start()], text[found.end() :]
        return Condition(column.rstrip(), found[0], value.lstrip())

    def __str__(self) -> str:
        # The space keeps < and a value that begins with = from being read as <=.
        space = " " if self.operator in "<>" and self.value.startswith("=") else ""
        return f"{self.column}{self.operator}{space}{self.value}"

    def holds(self, cell: object) -> bool | None:
        """Whether the comparison is true of a JSON value.

        None, which leaves the row out, if the cell is null or its type does not fit
        the value.
        """
        kind = _JSON_KINDS.get(type(cell))
        operand = _operand(self.value, kind)
        if kind is None or operand is None:
            return None
        if isinstance(cell, str):
            cell = cell.encode("utf-8", "surrogatepass")
        return _OPERATORS[self.operator](cell, operand)

    def holds_each(self, column: pa.Array) -> list[bool]:
        """Whether it is true of each cell of a `checked` column of a fitting type."""
        kind = kind_of(column.type)
        operand, compare = _operand(self.value, kind), _OPERATORS[self.operator]
        cells = _values(column)
        return [cell is not None and compare(cell, operand) for cell in cells]

    def expected(self, column: pa.DataType) -> str | None:
        """The kind of value that a column's type expects; None if the value fits."""
        return None if pa.types.is_null(column) else self._expected(kind_of(column))

    def expected_of(self, cell: object) -> str | None:
        """The same for the type of a JSON value."""
        return None if cell is None else self._expected(_JSON_KINDS.get(type(cell)))

    def _expected(self, kind: Kind | None) -> str | None:
        return _EXPECTED[kind] if _operand(self.value, kind) is None else None


@cache
def _operand(value: str, kind: Kind | None) -> object | None:
    """Parse a value as the kind, in the form of `_values`; None if it does not fit."""
    match kind:
        case "bool":
            return _BOOLEANS.get(value.lower())
        case "text":
            return value.encode()
        case None:
            return None
    try:
        if kind == "time":
            return nanoseconds(datetime.fromisoformat(value))
        if kind == "day":
            return days(date.fromisoformat(value))
        number = float(value) if kind == "float" else _exact(value)
        return None if number != number else number  # nothing compares with NaN
    except (ValueError, ArithmeticError):
        return None


def _exact(value: str) -> Decimal | float:
    """The exact number, or a float if its exponent is beyond what Decimal can hold."""
    try:
        return Decimal(value)
    except ArithmeticError:
        return float(value)


def _values(column: pa.Array) -> list[Any]:
    """The values of a `checked` column, in the form in which they are compared.

    Texts are bytes; times are nanoseconds, and days are days, since 1970; numbers and
    booleans are themselves; null is None.
    """
    return each(column, _plain_values)


def _plain_values(column: pa.Array) -> list[Any]:
    kind, type_ = kind_of(column.type), column.type
    if pa.types.is_float32(type_):
        column = column.cast(pa.string())  # the shortest text, so 0.1 equals 0.1
    if kind == "float":
        column = column.cast(pa.float64())
    if kind == "text":
        return beginnings(column, MAX_DOCUMENT_BYTES)
    if kind == "time":
        unit = NANOSECONDS[type_.unit]
        return _scaled(column.view(pa.int64()).to_pylist(), lambda tick: tick * unit)
    if kind == "day":
        if pa.types.is_date32(type_):
            return list(column.view(pa.int32()).to_pylist())
        ticks = column.view(pa.int64()).to_pylist()
        return _scaled(ticks, lambda tick: tick // (DAY * 1000))
    return list(column.to_pylist())


def _scaled(
    ticks: Iterable[int | None], scale: Callable[[int], int]
) -> list[int | None]:
    return [None if tick is None else scale(tick) for tick in ticks]
