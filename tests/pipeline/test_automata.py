"""Patterns as automata: the semantics of ECMA-262, not of Python's re."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tct.pipeline.automata import (
    ANYTHING,
    Strings,
    ecma_pattern,
    few_words,
    label_automaton,
    of_length,
    regions,
)

TEXTS = st.text(alphabet="ab${}.\n\r\u2028é", max_size=8)

# The same language for Python's re.fullmatch, with ECMA's dot written out.
DOT = "[^\n\r\u2028\u2029]"
PATTERNS = {
    "^a+$": "a+",
    "a": "[\\s\\S]*a[\\s\\S]*",
    "^.*$": f"{DOT}*",
    "^a|b": None,
    "^(a|b)*$": "(a|b)*",
    "^\\$\\{\\{(.|[\r\n])*\\}\\}$": f"\\$\\{{\\{{({DOT}|[\r\n])*\\}}\\}}",
    "^.a": f"{DOT}a[\\s\\S]*",
}


@pytest.mark.parametrize(
    "pattern", [p for p, reference in PATTERNS.items() if reference]
)
@given(text=TEXTS)
def test_an_automaton_accepts_what_the_pattern_matches(pattern: str, text: str) -> None:
    reference = PATTERNS[pattern]
    assert reference is not None
    automaton = label_automaton([ecma_pattern(pattern)])
    assert (automaton.label(text) == 0) == bool(re.fullmatch(reference, text))


def test_an_anchor_that_binds_one_side_of_a_bar_is_refused() -> None:
    with pytest.raises(ValueError, match="an anchor inside the pattern"):
        ecma_pattern("^a|b")


@given(text=TEXTS)
def test_a_dollar_does_not_match_before_a_final_newline(text: str) -> None:
    automaton = label_automaton([ecma_pattern("^a$")])
    assert (automaton.label(text) == 0) == (text == "a")


@given(text=TEXTS)
def test_labels_tell_disjoint_languages_apart(text: str) -> None:
    languages = [ecma_pattern("^a[ab]*$"), ecma_pattern("^b[ab]*$")]
    expected = {"a": 0, "b": 1}.get(text[:1], -1)
    if set(text) - set("ab"):
        expected = -1
    assert label_automaton(languages).label(text) == expected


@given(text=TEXTS)
def test_sets_of_strings_obey_their_algebra(text: str) -> None:
    a = Strings(words=frozenset({"a", "b"}))
    b = Strings(language=ecma_pattern("^[ab]+$"))
    in_a, in_b = text in a, text in b
    assert (text in a & b) == (in_a and in_b)
    assert (text in a | b) == (in_a or in_b)
    assert (text in b - a) == (in_b and not in_a)
    assert (text in ANYTHING - b) == (not in_b)


@given(text=TEXTS)
def test_length_bounds_count_characters(text: str) -> None:
    automaton = label_automaton([of_length(2, 4)])
    assert (automaton.label(text) == 0) == (2 <= len(text) <= 4)


def test_only_short_finite_languages_become_words() -> None:
    assert few_words(ecma_pattern("^(in|ex)clude$")) == {"include", "exclude"}
    assert few_words(ecma_pattern("^a+$")) == set()
    assert few_words(ecma_pattern("^.$")) == set()


def test_regions_split_keys_by_the_patterns_they_match() -> None:
    patterns = {"^x": ecma_pattern("^x"), "1$": ecma_pattern("1$")}
    found = {hit: language for hit, language in regions(patterns, {"x1"})}
    assert set(found) == {frozenset(), frozenset({"^x"}), frozenset({"1$"}),
                          frozenset({"^x", "1$"})}  # fmt: skip
    both = found[frozenset({"^x", "1$"})]
    assert both.accepts("xx1")
    assert not both.accepts("x\n1")
    assert not both.accepts("x1")


@given(text=TEXTS)
def test_every_state_of_an_automaton_leads_to_acceptance(text: str) -> None:
    automaton = label_automaton([ecma_pattern("^a(b|\\$)*\\}$")])
    state = 0
    for character in text:
        state = automaton.step(state, character)
        if state < 0:
            break
        assert automaton.reach[state] == 1
