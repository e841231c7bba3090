"""Patterns as automata: the semantics of ECMA-262, not of Python's re."""

import itertools
import re

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tct.pipeline.compiler.languages.algebra import minimal, product, trie
from tct.pipeline.compiler.languages.automata import (
    ANYTHING,
    Strings,
    few_words,
    label_automaton,
    of_length,
    regions,
)
from tct.pipeline.compiler.languages.patterns import ecma_pattern

TEXTS = st.text(alphabet="ab${}.\n\r\u2028é", max_size=8)

# The same language for Python's re.fullmatch, with ECMA's dot written out.
DOT = "[^\n\r\u2028\u2029]"
PATTERNS = {
    "^a+$": "a+",
    "a": "[\\s\\S]*a[\\s\\S]*",
    "^.*$": f"{DOT}*",
    "^(a|b)*$": "(a|b)*",
    "^\\$\\{\\{(.|[\r\n])*\\}\\}$": f"\\$\\{{\\{{({DOT}|[\r\n])*\\}}\\}}",
    "^.a": f"{DOT}a[\\s\\S]*",
}


# Judged by a validator, whose own `.` is not that of ECMA.
JUDGED = [
    *("", "^", "$", "^$", "^a|b$", "^a$|^b$", "^(?:a|b){2}$", "^(|a)$", "^a{1,2}?b*$"),
    *(r"\s", r"^\S$", r"^[\s]$", r"^[^\s]+$", r"\d", r"^\D+$", r"^\w+$", r"\W"),
    *(r"^[\w-]+$", r"^[^\W_]+$", r"^[\Wa]$", r"^[^a]$", r"^[a-c.-]+$", r"^[a\]]$"),
    *("(^|/)a", "a(b|$)", "^(?:^a|b$)", "(?<name>a)$", "$^"),
    *(r"\u00e9", r"^\x41$", r"^\t$", r"^\$\/\-$", r"^[+-]?\d+$", "^a\nb$"),
]
ODD_TEXTS = st.text(
    "aAbc1_-.$/+ é\n\r\t\v\f\u2028\u2029\ufeff\u00a0\u3000\u180e\x85٣\U0001f600",
    max_size=4,
)


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=TEXTS)
def test_an_automaton_accepts_what_the_pattern_matches(pattern: str, text: str) -> None:
    reference = PATTERNS[pattern]
    automaton = label_automaton([ecma_pattern(pattern)])
    assert (automaton.label(text) == 0) == bool(re.fullmatch(reference, text))


@pytest.mark.parametrize("pattern", JUDGED)
@given(text=ODD_TEXTS)
def test_a_validator_matches_the_same_texts(pattern: str, text: str) -> None:
    validator = jsonschema_rs.Draft7Validator({"pattern": pattern})
    assert ecma_pattern(pattern).accepts(text) == validator.is_valid(text)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"\b", r"the escape \\b is unsupported"),
        (r"(a)\1", r"the escape \\1 is unsupported"),
        (r"\p{L}", r"the escape \\p is unsupported"),
        (r"\ud83d", "half a character"),
        ("a(?=b)", "a look-ahead that does not follow a leading \\^"),
        ("^(a|(?!b))", "a look-ahead that does not follow a leading \\^"),
        ("^(?!a)*b", "a look-ahead that repeats"),
        ("^(?!a", "a parenthesis that does not close"),
        ("a(?<=b)", "a look-behind"),
        ("(?i)a", r"a group that begins with \(\? is unsupported"),
        ("a^*", "an anchor that repeats"),
        ("^*", "nothing that \\* could repeat"),
        ("a**", "nothing that \\* could repeat"),
        ("a{1001}", "more than 1,000 repetitions"),
        ("a{2,1}", "are out of order"),
        ("(a", "a parenthesis that does not close"),
        ("a)", r"a single \)"),
        ("^.*a.{20}$", "needs an automaton of more than 10,000 states"),
        ("((a{100}){100}){100}", "needs an automaton of more than 10,000 states"),
        ("a{", "a single {"),
        ("[a", r"a single \["),
        (r"[\w-z]", "no single ends"),
        ("[\\u0000-\\uffff]", "empty or too long"),
        ("(a", r"pattern '\(a'"),
    ],
)
def test_a_pattern_that_is_not_understood_is_refused(
    pattern: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ecma_pattern(pattern)


def _alternatives(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    sequence = st.lists(part, max_size=3).map("".join)
    return st.lists(sequence, min_size=1, max_size=3).map("|".join)


def _parts(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.sampled_from(["(", "(?:"]).flatmap(
        lambda opening: _alternatives(inner).map(lambda text: f"{opening}{text})")
    )
    return group | st.tuples(group, st.sampled_from("*+?")).map("".join)


PARTS = st.recursive(st.sampled_from(["a", "b", ".", "^", "$"]), _parts, max_leaves=6)
SHORT_TEXTS = ["".join(t) for n in range(5) for t in itertools.product("ab", repeat=n)]


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.sampled_from(["(?=", "(?!"]), _alternatives(PARTS)),
                max_size=2,
            ),
            _alternatives(PARTS),
        ),
        min_size=1,
        max_size=2,
    )
)
def test_anchors_and_look_aheads_mean_what_they_do_elsewhere(
    branches: list[tuple[list[tuple[str, str]], str]],
) -> None:
    pattern = "|".join(
        "^" * bool(aheads)
        + "".join(f"{kind}{text})" for kind, text in aheads)
        + (f"({rest})" if aheads else rest)
        for aheads, rest in branches
    )
    found, reference = ecma_pattern(pattern), re.compile(pattern)
    for text in SHORT_TEXTS:
        assert found.accepts(text) == bool(reference.search(text)), (pattern, text)


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


def test_a_length_that_needs_too_many_states_is_refused() -> None:
    with pytest.raises(ValueError, match="lengths of more than 10,000"):
        of_length(0, 10_001)


def test_no_text_is_shorter_than_it_is_long() -> None:
    assert of_length(2, 1).empty()


def test_patterns_that_overlap_in_too_many_ways_are_refused() -> None:
    patterns = {name: ecma_pattern(name) for name in "abcdefg"}
    with pytest.raises(ValueError, match="overlap in more than 64 ways"):
        list(regions(patterns, set()))


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


WORDS = st.lists(st.text("ab\u00e9", max_size=4), max_size=6)


@given(a=WORDS, b=WORDS, text=st.text("ab\u00e9c", max_size=4))
def test_products_and_minimal_forms_keep_the_language(
    a: list[str], b: list[str], text: str
) -> None:
    one, other = trie(a), trie(b)
    both = product(one, other, lambda x, y: x and y)
    either = product(one, other, lambda x, y: x or y)
    without = product(one, other, lambda x, y: x and not y)
    assert one.accepts(text) == (text in a)
    assert both.accepts(text) == (text in a and text in b)
    assert either.accepts(text) == (text in a or text in b)
    assert without.accepts(text) == (text in a and text not in b)
    for language in (one, both, either, without):
        least = len(language.reduce().states) if language.finals else 1
        assert len(minimal(language).states) == least


@pytest.mark.parametrize(("least", "most"), [(0, 0), (0, 2), (2, 2), (1, None), (3, 2)])
def test_lengths_count_characters(least: int, most: int | None) -> None:
    for size in range(5):
        expected = least <= size <= (size if most is None else most)
        assert of_length(least, most).accepts("\u00e9" * size) == expected


@given(
    st.sampled_from(["^a{0,40}$", "^(ab){3,9}$|^b", "^[ab]*a[ab]{4}$", "^x{7}(a|b)*$"]),
    st.integers(0, 12),
)
def test_alike_states_read_the_same_short_texts(pattern: str, length: int) -> None:
    automaton = label_automaton([ecma_pattern(pattern)])
    alike = automaton.alike(length)
    texts = [
        "".join(t)
        for n in range(min(length, 6) + 1)
        for t in itertools.product("abx", repeat=n)
    ]
    texts += ["a" * length, "ab" * (length // 2), "x" * length]

    def outcomes(state: int) -> list[tuple[int, int]]:
        found = []
        for text in texts:
            at = state
            for character in text:
                at = automaton.step(at, character) if at >= 0 else at
            found.append(
                (automaton.labels[at], automaton.reach[at]) if at >= 0 else (-1, 0)
            )
        return found

    for state, first in enumerate(alike):
        assert first <= state
        assert alike[first] == first
        assert outcomes(state) == outcomes(first)
