"""Express sets of JSON numbers as regular languages of their texts.

Bounds are compared digit by digit.  Let c = I.F be a magnitude without superfluous
zeros.  An unsigned text is above c if and only if

- it has more digits before the point than I, or
- as many, and the first that differs is greater, or
- the same digits as I, and the first digit that differs from F is greater, or
- the same digits as I.F, and a digit other than 0 behind them.

From all texts, those beyond the upper and those beyond the lower bound are subtracted;
signs are handled by mirroring.

Python writes 1e16 and more, and less than 1e-4, with an exponent.  So bounded numbers
of these magnitudes have one, too: all of a magnitude, or none if a bound lies inside.

Many readers take numbers as doubles and may round a text near a bound to the bound or
across it.  So the bounds of numbers with a fraction are doubles: the next one inside
if the schema's own bound is excluded or is not a double.  Rounding preserves order.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from interegular.fsm import FSM, Alphabet, anything_else

from .algebra import product
from .automata import fsm

__all__ = [
    "is_bounded",
    "listed_numbers",
    "loses_exponents",
    "multiples",
    "number_texts",
]

# The grammar only has numbers that every JSON reader can hold: no overflow to infinity,
# no integer beyond 64 bits.  Documents with others are encoded with an escape.
_DIGITS, _PLACES = 18, 17
_WHOLE = rf"-?(0|[1-9][0-9]{{0,{_DIGITS - 1}}})"
_DECIMAL = rf"{_WHOLE}(\.[0-9]{{1,{_PLACES}}})?"
_NUMBER = rf"{_DECIMAL}([eE][+-]?[0-9]{{1,2}})?"
# JSON Schema counts 1.0 among the integers; up to here a double is exact.
_INTEGER = rf"{_WHOLE}|-?(0|[1-9][0-9]{{0,14}})\.0"

_MANTISSA = r"[1-9](\.[0-9]{1,16})?"
_SHORT_MANTISSA = r"[1-9](\.[0-9]{1,15})?"  # which e+99 never rounds to e+100
_MAGNITUDES = (  # open intervals, and the unsigned texts inside
    (0.0, math.nextafter(1e-4, 1), rf"{_MANTISSA}e-(0[5-9]|[1-9][0-9])"),
    (
        math.nextafter(1e16, 0),
        math.inf,
        rf"({_MANTISSA}e\+(1[6-9]|[2-8][0-9]|9[0-8])|{_SHORT_MANTISSA}e\+99)",
    ),
)
_WITHOUT_EXPONENT = r"-?([1-9][0-9]{16,}|9{16})\.[0-9]+|-?0\.0000[0-9]*[1-9][0-9]*"
"""Texts of these magnitudes that Python would write with an exponent."""

_MAX_DIVISOR = 1_000  # an automaton needs a state per remainder
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
    if not any(map(is_bounded, schemas)) or any(map(_only_integers, schemas)):
        return False
    return any(is_partial for _, _, is_partial in _magnitudes(schemas))


def number_texts(schemas: Sequence[PlainKeywords], *, strict: bool = False) -> FSM:
    """The texts of the numbers that all schemas allow, enums disregarded.

    Exact for numbers of up to 18 digits; see `loses_exponents`.

    Args:
        schemas: their plain keywords.
        strict: whether 1.0 is no integer, as in draft-04.
    """
    whole = any(map(_only_integers, schemas))
    integers = _WHOLE if strict else _INTEGER
    if not any(map(is_bounded, schemas)):
        return fsm(integers if whole else _NUMBER)
    least = max(_least(rules, 1, whole) for rules in schemas)
    most = -max(_least(rules, -1, whole) for rules in schemas)
    texts = fsm(integers if whole else _DECIMAL)
    for beyond in (_beyond(most, ""), _beyond(-least, "-")):
        texts = product(texts, beyond, _without)
    if not whole:
        texts = product(texts, fsm(_WITHOUT_EXPONENT), _without)
        for text, is_whole, _ in _magnitudes(schemas):
            if is_whole:
                texts = product(texts, fsm(text), _either)
    return texts


def _magnitudes(schemas: Sequence[PlainKeywords]) -> Iterator[tuple[str, bool, bool]]:
    """The texts of each magnitude with an exponent, and how much of it is allowed.

    Yields:
        A regular expression, whether all of it is allowed, and whether only a part is.
    """
    bounds = [
        [
            rules[keyword]
            for rules in schemas
            for keyword in keywords
            if keyword in rules
        ]
        for keywords in (_LOWER, _UPPER)
    ]
    least, most = max(bounds[0], default=-math.inf), min(bounds[1], default=math.inf)
    for low, high, text in _MAGNITUDES:
        for sign, (a, b) in (("", (low, high)), ("-", (-high, -low))):
            is_all = least <= a and most >= b
            yield f"{sign}{text}", is_all, not is_all and least < b and most > a


def _without(a: bool, b: bool) -> bool:
    return a and not b


def _either(a: bool, b: bool) -> bool:
    return a or b


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
    inside = fsm(f"{other}({_above(-bound)}|{_equal(-bound)})")
    return product(fsm(_DECIMAL), inside, _without)


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


def multiples(divisor: float) -> FSM | None:
    """The texts of whole numbers that are multiples, where that is simple.

    None if the divisor is neither a small integer nor the inverse of one.
    """
    exact = Fraction(divisor if isinstance(divisor, int) else repr(divisor))
    if exact.numerator == 1:
        return fsm(_INTEGER)
    if exact.denominator > 1 or exact > _MAX_DIVISOR:
        return None
    # States: the remainder so far, from 1 on with a sign before it.
    size = int(exact)
    groups = [*(set(digit) for digit in "0123456789"), {"-"}, {anything_else}]
    alphabet = Alphabet.from_groups(*groups)
    after = {
        state: {alphabet[str(d)]: (10 * state + d) % size for d in range(10)}
        for state in range(size)
    }
    after[size] = {**after[0], alphabet["-"]: size + 1}
    after[size + 1] = dict(after[0])
    texts = FSM(alphabet, {*after}, size, {0}, after)
    return product(texts, fsm(_WHOLE), lambda a, b: a and b)


def listed_numbers(
    enums: Sequence[Sequence[Any]],
    schemas: Sequence[PlainKeywords],
    *,
    strict: bool = False,
) -> dict[float, set[str]]:
    """The numbers that are in all enums and allowed by all schemas, with their texts.

    The texts are those that Python writes for the number and its equals, such as 1 and
    1.0; a text that some reader could not hold is left out.  `strict` as above.
    """
    numbers = [_numbers(values) for values in enums]
    whole = strict and any(map(_only_integers, schemas))
    return {
        number: {t for t in _spellings(number) if not whole or fsm(_WHOLE).accepts(t)}
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
