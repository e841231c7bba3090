"""Sets of JSON numbers as languages of their texts.

Bounds are compared digit by digit.  For a magnitude c = I.F, written without zeros
that mean nothing, an unsigned text is above c just if it has more digits before the
point than I; or as many, and at the first one that differs a greater one; or the same
ones, and a greater digit in F's place or any but 0 after it.  Signed texts beyond a
bound are those above its magnitude, or all that are not on the other side of it.  What
is left when the texts beyond both bounds are taken away are the texts between them.

Many readers take numbers as doubles, and round a text close to a bound to the bound or
across it.  So the bounds of numbers with a fraction are doubles, the next one inside
where the schema's own is excluded or no double; rounding keeps the order.
"""

import json
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from interegular.fsm import FSM

from .automata import fsm

__all__ = ["is_bounded", "listed_numbers", "loses_exponents", "number_texts"]

# Generated numbers stay within what every JSON reader takes exactly: no overflow to
# infinity, no integer beyond 64 bits.  Other numbers are encoded behind an escape.
_DIGITS, _PLACES = 18, 17
_WHOLE = rf"-?(0|[1-9][0-9]{{0,{_DIGITS - 1}}})"
_DECIMAL = rf"{_WHOLE}(\.[0-9]{{1,{_PLACES}}})?"
_NUMBER = rf"{_DECIMAL}([eE][+-]?[0-9]{{1,2}})?"
# JSON Schema counts 1.0 among the integers; up to here a double is exact.
_INTEGER = rf"{_WHOLE}|-?(0|[1-9][0-9]{{0,14}})\.0"

_UNIT: int = 10**_PLACES  # bounds are whole numbers of 10^-17, the last place of a text
_LIMIT: int = 10**_DIGITS  # more than any text without exponent
_LOWER = ("minimum", "exclusiveMinimum")
_UPPER = ("maximum", "exclusiveMaximum")

Rules = dict[str, Any]
"""The plain keywords of one schema."""


def is_bounded(rules: Rules) -> bool:
    """Whether a schema has a bound for numbers."""
    return any(bound in rules for bound in _LOWER + _UPPER)


def loses_exponents(schemas: Sequence[Rules]) -> bool:
    """Whether `number_texts` leaves out numbers that the schemas allow."""
    return any(map(is_bounded, schemas)) and not any(map(_only_integers, schemas))


def number_texts(schemas: Sequence[Rules]) -> FSM:
    """The texts of the numbers that all schemas allow; their enums are not looked at.

    Exact for integers of up to 18 digits; numbers with bounds have no exponent.
    """
    whole = any(map(_only_integers, schemas))
    if not any(map(is_bounded, schemas)):
        return fsm(_INTEGER if whole else _NUMBER)
    least = max(_least(rules, 1, whole) for rules in schemas)
    most = -max(_least(rules, -1, whole) for rules in schemas)
    texts = fsm(_INTEGER if whole else _DECIMAL)
    return (texts - _beyond(most, "") - _beyond(-least, "-")).reduce()


def _only_integers(rules: Rules) -> bool:
    named = rules.get("type", ())
    names = {named} if isinstance(named, str) else set(named)
    return "integer" in names and "number" not in names


def _least(rules: Rules, sign: int, whole: bool) -> int:
    """The lower bound of `sign` times a number, in units, itself allowed."""
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
    """The least whole number or number of units that is not below the bound."""
    if whole:
        return math.ceil(bound) * _UNIT
    double = float(bound)
    if double < bound:  # an integer that is no double
        double = math.nextafter(double, math.inf)
    # A schema's 0.1 means the decimal, which is the shortest that reads as the double.
    exact = double if double == int(double) else repr(double)
    return math.ceil(Fraction(exact) * _UNIT)


def _next(bound: float, whole: bool) -> int:
    """The least whole number or number of units above the bound."""
    if whole:
        return (math.floor(bound) + 1) * _UNIT
    return _ceiling(math.nextafter(bound, math.inf), whole)


def _beyond(bound: int, sign: str) -> FSM:
    """Texts further from minus infinity than the bound; from plus infinity for "-".

    Args:
        bound: in units, counted along the direction.
        sign: what texts that lie in the direction from 0 begin with.
    """
    if bound >= 0:
        return fsm(f"{sign}({_above(bound)})")
    other = "" if sign else "-"
    return fsm(_DECIMAL) - fsm(f"{other}({_above(-bound)}|{_equal(-bound)})")


def _places(magnitude: int) -> tuple[str, str]:
    """The digits before and after the point."""
    digits = f"{magnitude:0{_PLACES + 1}d}"
    return digits[:-_PLACES], digits[-_PLACES:].rstrip("0")


def _above(magnitude: int) -> str:
    """The unsigned texts of more than a magnitude, as a regular expression."""
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
    """The unsigned texts of a magnitude, as a regular expression."""
    whole, fraction = _places(magnitude)
    return rf"{whole}\.{fraction}0*" if fraction else rf"{whole}(\.0+)?"


def listed_numbers(
    enums: Sequence[Sequence[Any]], schemas: Sequence[Rules]
) -> dict[float, set[str]]:
    """The numbers that are in all enums and that all schemas allow, with their texts.

    Those are the texts that Python gives a number and its equals, such as 1 and 1.0,
    unless they are too long for every reader.
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


def _is_allowed(number: float, rules: Rules) -> bool:
    return (
        not (_only_integers(rules) and number % 1)
        and number >= rules.get("minimum", number)
        and number <= rules.get("maximum", number)
        and number > rules.get("exclusiveMinimum", -math.inf)
        and number < rules.get("exclusiveMaximum", math.inf)
    )


def _spellings(number: float) -> set[str]:
    """The texts of a number that are short enough for every reader; perhaps none."""
    texts = {json.dumps(number)}
    if abs(number) < _LIMIT:
        if number == int(number):
            texts.add(json.dumps(int(number)))
        if number == float(number):
            texts.add(json.dumps(float(number)))
    if number == 0:
        texts.add("-0.0")
    return {text for text in texts if fsm(_NUMBER).accepts(text)}
