"""Bounds on numbers as automata, judged by exact and by rounded arithmetic."""

import json
import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tct.pipeline.compiler.languages.numbers import (
    listed_numbers,
    loses_exponents,
    number_texts,
)

SMALL = st.integers(-120, 120) | st.floats(-20, 20).map(lambda x: round(x, 2))
EDGES = st.sampled_from(
    [
        *(0, -0.0, 0.1, 0.1 + 0.2, 9.99, 99, 999.5, 5e-324, 1e17, 1e18, -1e18, 1e300),
        *(math.inf, -math.inf, 2**53 + 1, 10**18 - 1, 1 - 10**18),
    ]
)
BOUNDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={
        name: SMALL | EDGES
        for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    },
)
TEXTS = st.one_of(
    (SMALL | EDGES.filter(math.isfinite)).map(json.dumps),
    st.from_regex(r"-?(0|[1-9][0-9]{0,2})(\.[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"-?(0|9{1,18})(\.(9{1,17}|0{1,17}|0{16}1))?", fullmatch=True),
)


def is_between(number: Any, rules: dict[str, Any], exact: Any = lambda x: x) -> bool:
    return bool(
        number >= exact(rules.get("minimum", -math.inf))
        and number <= exact(rules.get("maximum", math.inf))
        and number > exact(rules.get("exclusiveMinimum", -math.inf))
        and number < exact(rules.get("exclusiveMaximum", math.inf))
    )


def decimal(bound: float) -> Any:
    """The number that a schema's text names, not the double next to it."""
    if isinstance(bound, int) or not math.isfinite(bound):
        return bound
    return Fraction(repr(bound))


@settings(max_examples=300, deadline=None)
@given(rules=BOUNDS, texts=st.lists(TEXTS, min_size=10, max_size=10))
def test_no_text_is_out_of_bounds_however_it_is_read(
    rules: dict[str, Any], texts: list[str]
) -> None:
    language = number_texts([rules])
    for text in filter(language.accepts, texts):
        assert is_between(json.loads(text), rules)
        assert is_between(Fraction(text), rules, decimal)
        assert rules["type"] == "number" or json.loads(text) % 1 == 0


@settings(max_examples=300, deadline=None)
@given(rules=BOUNDS, numbers=st.lists(SMALL, min_size=10, max_size=10))
def test_every_number_within_bounds_has_its_text(
    rules: dict[str, Any], numbers: list[float]
) -> None:
    language = number_texts([rules])
    for number in numbers:
        whole = rules["type"] == "number" or number % 1 == 0
        expected = whole and is_between(number, rules)
        assert language.accepts(json.dumps(number)) == expected


@pytest.mark.parametrize(
    ("rules", "inside", "outside"),
    [
        ({"minimum": 10**17}, ["1" + 17 * "0"], [17 * "9", 16 * "9"]),
        (
            {"exclusiveMinimum": 0},
            ["1e-05", "1e+16", "1.5e-99"],
            ["0", "-0.0", "0.00", "-1e-05", "0.00001"],
        ),
        ({"maximum": -0.5}, ["-0.5", "-0.50", "-1"], ["-0.4", "0", "-0.49"]),
        ({"exclusiveMaximum": 5}, ["4.999"], ["5", "5.0", "4.99999999999999999"]),
        ({"exclusiveMaximum": 1e-4}, ["0", "-1"], ["1e-05", "9.9999999999999999e-05"]),
        (
            {"minimum": 2},
            ["4.6780662120662515e+17", "9.999999999999999e+99"],
            ["1e+100"],
        ),
        ({"minimum": 1e-5}, ["0.0001"], ["1e-05", "2e-05", "0", "1e-06"]),
        ({"maximum": 1e17}, ["-1e+16", "-1e-07"], ["1e+16", "1e+18"]),
        ({"minimum": 0.1}, ["0.1", "0.10"], ["0.09999999999999999", "1e1"]),
    ],
)
def test_texts_close_to_a_bound(
    rules: dict[str, Any], inside: list[str], outside: list[str]
) -> None:
    accepts = number_texts([rules]).accepts
    assert all(map(accepts, inside))
    assert not any(map(accepts, outside))


def test_a_number_without_bounds_may_have_an_exponent_and_an_integer_not() -> None:
    assert number_texts([{"type": "number"}]).accepts("1.5e-07")
    assert not number_texts([{"type": "number"}, {"type": "integer"}]).accepts("1e3")
    assert number_texts([{"type": ["integer", "string"]}]).accepts("1.0")
    assert not number_texts([{"type": ["integer", "string"]}]).accepts("1.5")
    assert number_texts([{"type": ["integer", "number"]}]).accepts("1.5")


def test_only_bounds_on_fractions_cost_something() -> None:
    assert loses_exponents([{"minimum": 1e-6}])
    assert loses_exponents([{"maximum": 1e20}])
    assert not loses_exponents([{"minimum": 3}])
    assert not loses_exponents([{"minimum": -3}, {"maximum": 100}])
    assert not loses_exponents([{"minimum": 3}, {"type": "integer"}])
    assert not loses_exponents([{"type": "number"}])


def test_draft_04_has_no_integer_with_a_point() -> None:
    assert not number_texts([{"type": "integer"}], strict=True).accepts("1.0")
    bounded = {"type": "integer", "minimum": 1}
    assert not number_texts([bounded], strict=True).accepts("1.0")
    assert number_texts([bounded], strict=True).accepts("1")
    assert listed_numbers([[1, 2.0]], [{"type": "integer"}], strict=True) == {
        1: {"1"},
        2: {"2"},
    }


@settings(max_examples=40, deadline=None)
@given(
    rules=BOUNDS,
    texts=st.lists(
        st.from_regex(
            r"-?([0-9]|[1-9][0-9]{1,17})(\.[0-9]{1,17})?(e[+-][0-9]{2})?",
            fullmatch=True,
        ),
        min_size=10,
        max_size=10,
    ),
)
def test_what_is_written_is_read_and_written_again(
    rules: dict[str, Any], texts: list[str]
) -> None:
    language = number_texts([{**rules, "type": "number", "minimum": -(10**18)}])
    for text in filter(language.accepts, texts):
        assert language.accepts(json.dumps(json.loads(text)))


def test_listed_numbers_have_the_texts_of_their_equals() -> None:
    assert listed_numbers([[1, "a", True, 2.5]], [{}]) == {
        1: {"1", "1.0"},
        2.5: {"2.5"},
    }
    assert listed_numbers([[0.0]], [{}]) == {0: {"0", "0.0", "-0.0"}}
    assert listed_numbers([[1, 2], [2.0, 3]], [{}]) == {2: {"2", "2.0"}}
    assert listed_numbers([[1, 1.5]], [{"type": "integer"}]) == {1: {"1", "1.0"}}
    assert listed_numbers([[1, 2, 3]], [{"minimum": 2, "exclusiveMaximum": 3}]) == {
        2: {"2", "2.0"}
    }
    assert listed_numbers([[10**20]], [{}]) == {10**20: set()}
