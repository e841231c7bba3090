"""Fewest-token segmentation against brute force and plain dynamic programming."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tct.data.tokenizer import segmenter as segment
from tct.data.tokenizer.segmenter import Segmenter

SYMBOLS = "abc"
VOCABULARIES = st.lists(
    st.text(alphabet=SYMBOLS, min_size=2, max_size=4), unique=True, max_size=8
)


def fewest(chunk: str, tokens: set[str]) -> int:
    """The least number of tokens, by trying every set of cuts."""
    for cuts in range(len(chunk)):
        for places in itertools.combinations(range(1, len(chunk)), cuts):
            ends = [0, *places, len(chunk)]
            if all(chunk[a:b] in tokens for a, b in itertools.pairwise(ends)):
                return cuts + 1
    raise AssertionError(chunk)


@given(VOCABULARIES, st.text(alphabet=SYMBOLS, min_size=1, max_size=9))
def test_a_chunk_takes_the_fewest_tokens_there_are(
    merged: list[str], chunk: str
) -> None:
    tokens = [*SYMBOLS, *merged]
    segmenter = Segmenter((token, number) for number, token in enumerate(tokens))
    ids = segmenter.segment(chunk)
    assert "".join(tokens[number] for number in ids) == chunk
    assert len(ids) == fewest(chunk, set(tokens))


def plain(chunk: str, tokens: list[str]) -> list[str]:
    """The shortest way whose last tokens are longest, position by position."""
    ways: list[list[str]] = [[]]
    for end in range(1, len(chunk) + 1):
        last = [token for token in tokens if chunk[:end].endswith(token)]
        last.sort(key=len, reverse=True)
        ways.append(min(([*ways[end - len(t)], t] for t in last), key=len))
    return ways[-1]


@given(VOCABULARIES, st.lists(st.text(alphabet=SYMBOLS, max_size=40), max_size=5))
def test_among_the_shortest_ways_the_last_tokens_are_longest(
    merged: list[str], chunks: list[str]
) -> None:
    tokens = [*SYMBOLS, *merged]
    segmenter = Segmenter((token, number) for number, token in enumerate(tokens))
    for chunk in chunks:  # later ones meet states that earlier ones have made
        ids = segmenter.segment(chunk)
        assert [tokens[number] for number in ids] == plain(chunk, tokens)


def test_what_was_learnt_is_forgotten_before_it_is_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokens = ["a", "b", "ab", "bba", "aba"]
    chunks = ["".join(cs) for cs in itertools.product("ab", repeat=6)]
    wanted = [
        Segmenter((t, i) for i, t in enumerate(tokens)).segment(c) for c in chunks
    ]
    monkeypatch.setattr(segment, "_MAX_STATES", 4)
    segmenter = Segmenter((token, number) for number, token in enumerate(tokens))
    assert [segmenter.segment(chunk) for chunk in chunks] == wanted
    assert segmenter.num_states <= 4 + 6


def test_greedy_is_not_enough() -> None:
    segmenter = Segmenter([("a", 0), ("b", 1), ("ab", 2), ("abb", 3), ("bba", 4)])
    assert segmenter.segment("abba") == (0, 4)


def test_a_chunk_is_cut_the_same_from_the_cache() -> None:
    segmenter = Segmenter([("a", 0), ("b", 1), ("ab", 2)])
    once, again = segmenter.encode(["aab", "b"]), segmenter.encode(["aab", "b"])
    assert once == again == bytes([0, 0, 2, 0, 1, 0])
    assert segmenter.segment("aab") == (0, 2)


def test_an_unknown_symbol_is_an_error() -> None:
    with pytest.raises(KeyError):
        Segmenter([("a", 0)]).segment("ab")


def test_an_empty_chunk_has_no_token() -> None:
    assert Segmenter([("a", 0)]).segment("") == ()


@pytest.mark.parametrize(
    ("token", "count"),
    [("ab", 2), ("abc", 2), ("abcd", 2), ("bcd", 3), ("aaa", 3)],
)
def test_the_tokens_in_place_of_one_are_counted(token: str, count: int) -> None:
    tokens = ["ab", "abc", "bcd", "abcd", "aaa", *"abcd"]
    segmenter = Segmenter((token, number) for number, token in enumerate(tokens))
    assert segmenter.num_without(token) == count


@given(VOCABULARIES.filter(bool))
def test_the_tokens_in_place_of_one_are_the_fewest_of_the_others(
    merged: list[str],
) -> None:
    tokens = [*SYMBOLS, *merged]
    segmenter = Segmenter((token, number) for number, token in enumerate(tokens))
    for token in merged:
        assert segmenter.num_without(token) == fewest(token, {*tokens} - {token})
        assert segmenter.segment(token) == (tokens.index(token),)  # it is still there
