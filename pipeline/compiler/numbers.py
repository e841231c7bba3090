"""Express sets of JSON numbers as regular languages of their texts.

Bounds are compared digit by digit.  Let c = I.F be a magnitude without superfluous
zeros.  An unsigned text is above c if and only if

- it has more digits before the point than I, or
- as many, and the first that differs is greater, or
- the same digits as I, and the first digit that differs from F is greater, or
- the same digits as I.F, and a digit other than 0 behind them.

From all texts, those beyond the upper and those beyond the lower bound are subtracted;
signs are handled by mirroring.

Many readers take numbers as doubles and may round a text near a bound to the bound or
across it.  So the bounds of numbers with a fraction are doubles: the next one inside
if the schema's own bound is excluded or is not a double.  Rounding preserves order.
"""

import json
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from interegular.fsm import FSM

from .automata import fsm

__all__ = ["is_bounded", "listed_numbers", "loses_exponents", "number_texts"]

# The grammar only has numbers that every JSON reader can hold: no overflow to infinity,
# no integer beyond 64 bits.  Documents with others are encoded with an escape.
_DIGITS, _PLACES = 18, 17
_WHOLE = rf"-?(0|[1-9][0-9]{{0,{_DIGITS - 1}}})"
_DECIMAL = rf"{_WHOLE}(\.[0-9]{{1,{_PLACES}}})?"
_NUMBER = rf"{_DECIMAL}([eE][+-]?[0-9]{{1,2}})?"
# JSON Schema counts 1.0 among the integers; up to here a double is exact.
_INTEGER = rf"{_WHOLE}|-?(0|[1-9][0-9]{{0,14}})\.0"

_UNIT: int = 10**_PLACES  # bounds are integers in units of 10^-17, the last place
_LIMIT: int = 10**_DIGITS  # above every number without an exponent
_LOWER = ("minimum", "exclusiveMinimum")
_UPPER = ("maximum", "exclusiveMaximum")

PlainKeywords = dict[str, Any]
"""The plain keywords of one schema."""


def is_bounded(rules: PlainKeywords) -> bool:
    """Whether a schema bounds numbers."""
    return any(bound in rules for bound in _LOWER + _UPPER)


def loses_exponents(schemas: Sequence[PlainKeywords]) -> bool:
    """Whether `number_texts` leaves out numbers that the schemas allow."""
    return any(map(is_bounded, schemas)) and not any(map(_only_integers, schemas))


def number_texts(schemas: Sequence[PlainKeywords]) -> FSM:
    """The texts of the numbers that all schemas allow, enums disregarded.

    Exact for integers of up to 18 digits; numbers with bounds have no exponent.
    """
    whole = any(map(_only_integers, schemas))
    if not any(map(is_bounded, schemas)):
        return fsm(_INTEGER if whole else _NUMBER)
    least = max(_least(rules, 1, whole) for rules in schemas)
    most = -max(_least(rules, -1, whole) for rules in schemas)
    texts = fsm(_INTEGER if whole else _DECIMAL)
    return (texts - _beyond(most, "") - _beyond(-least, "-")).reduce()


def _only_integers(rules: PlainKeywords) -> bool:
    named = rules.get("type", ())
    names = {named} if isinstance(named, str) else set(named)
    return "integer" in names and "number" not in names


def _least(rules: PlainKeywords, sign: int, whole: bool) -> int:
    """The inclusive lower bound of `sign` times a number, in units."""
    inclusive, exclusive = _LOWER if sign > 0 else _UPPER
    least = -_LIMIT * _UNIT
    if inclusive in rules:
        bound = _clamped(sign * rules[inclusive])
        least = max(least, _ceiling(bound, whole))
    if exclusive in rules:
        bound = _clamped(sign * rules[exclusive])
        least = max(least, _next(bound, whole))
    return least


def _clamped(bound: float) -> float:
    return max(-_LIMIT, min(bound, _LIMIT))


def _ceiling(bound: float, whole: bool) -> int:
    """Round a bound up, to a whole number or to units."""
    if whole:
        return math.ceil(bound) * _UNIT
    double = float(bound)
    if double < bound:  # an integer that is no double
        double = math.nextafter(double, math.inf)
    # A schema's 0.1 means the decimal; repr is the shortest text of the double.
    exact = double if double == int(double) else repr(double)
    return math.ceil(Fraction(exact) * _UNIT)


def _next(bound: float, whole: bool) -> int:
    """The least whole number or number of units above the bound."""
    if whole:
        return (math.floor(bound) + 1) * _UNIT
    return _ceiling(math.nextafter(bound, math.inf), whole)


def _beyond(bound: int, sign: str) -> FSM:
    """The texts above a bound; with the sign "-", below its negation.

    Args:
        bound: in units; negated for "-", so that beyond always means greater.
        sign: "" or "-", the sign of texts far beyond the bound.
    """
    if bound >= 0:
        return fsm(f"{sign}({_above(bound)})")
    other = "" if sign else "-"
    return fsm(_DECIMAL) - fsm(f"{other}({_above(-bound)}|{_equal(-bound)})")


def _places(magnitude: int) -> tuple[str, str]:
    """The digits before and after the decimal point."""
    digits = f"{magnitude:0{_PLACES + 1}d}"
    return digits[:-_PLACES], digits[-_PLACES:].rstrip("0")


def _above(magnitude: int) -> str:
    """A regular expression for the unsigned texts above a magnitude."""
    whole, fraction = _places(magnitude)
    any_fraction = r"(\.[0-9]+)?"
    cases = [f"[1-9][0-9]{{{len(whole)},}}{any_fraction}"]
    for index, digit in enumerate(whole):
        more = f"[0-9]{{{len(whole) - index - 1}}}{any_fraction}"
        cases += [f"{whole[:index]}{above}{more}" for above in _greater(digit)]
    for index, digit in enumerate(fraction):
        same = rf"{whole}\.{fraction[:index]}"
        cases += [f"{same}{above}[0-9]*" for above in _greater(digit)]
    return "|".join([*cases, rf"{whole}\.{fraction}0*[1-9][0-9]*"])


def _greater(digit: str) -> list[str]:
    return [f"[{int(digit) + 1}-9]"] if digit != "9" else []


def _equal(magnitude: int) -> str:
    """A regular expression for the unsigned texts equal to a magnitude."""
    whole, fraction = _places(magnitude)
    return rf"{whole}\.{fraction}0*" if fraction else rf"{whole}(\.0+)?"


def listed_numbers(
    enums: Sequence[Sequence[Any]], schemas: Sequence[PlainKeywords]
) -> dict[float, set[str]]:
    """The numbers that are in all enums and allowed by all schemas, with their texts.

    The texts are those that Python writes for the number and its equals, such as 1 and
    1.0; a text that some reader could not hold is left out.
    """
    numbers = [_numbers(values) for values in enums]
    return {
        number: _spellings(number)
        for number in numbers[0]
        if all(number in others for others in numbers)
        and all(_is_allowed(number, rules) for rules in schemas)
    }


def _numbers(values: Iterable[Any]) -> list[float]:
    return [value for value in values if type(value) in (int, float)]


def _is_allowed(number: float, rules: PlainKeywords) -> bool:
    return (
        not (_only_integers(rules) and number % 1)
        and number >= rules.get("minimum", number)
        and number <= rules.get("maximum", number)
        and number > rules.get("exclusiveMinimum", -math.inf)
        and number < rules.get("exclusiveMaximum", math.inf)
    )


def _spellings(number: float) -> set[str]:
    """The texts of a number that every reader can hold; perhaps none."""
    texts = {json.dumps(number)}
    if abs(number) < _LIMIT:
        if number == int(number):
            texts.add(json.dumps(int(number)))
        if number == float(number):
            texts.add(json.dumps(float(number)))
    if number == 0:
        texts.add("-0.0")
    return {text for text in texts if fsm(_NUMBER).accepts(text)}
