"""Byte-pair encoding against its plainest form."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tct.pipeline.vocabulary import bpe as merges
from tct.pipeline.vocabulary.bpe import MAX_TOKEN_SYMBOLS, MIN_PAIR_COUNT, learn_merges

ALPHABET = "abc|"
CHUNKS = st.dictionaries(
    st.text(alphabet=ALPHABET, min_size=1, max_size=12),
    st.integers(min_value=1, max_value=40),
    max_size=12,
)


def plain_merges(chunks: dict[str, int], *, size: int, frozen: str = "") -> list[str]:
    """The textbook loop: count all pairs, join the most frequent, begin again."""
    numbers = {symbol: number for number, symbol in enumerate(ALPHABET)}
    words = [(list(chunk), count) for chunk, count in sorted(chunks.items())]
    tokens: list[str] = []
    while len(tokens) < size:
        counts: dict[tuple[str, str], int] = {}
        for word, count in words:
            for pair in itertools.pairwise(word):
                if not set(pair) & set(frozen) and len("".join(pair)) <= 64:
                    counts[pair] = counts.get(pair, 0) + count
        frequent = {pair: n for pair, n in counts.items() if n >= MIN_PAIR_COUNT}
        if not frequent:
            break
        best = min(frequent, key=lambda p: (-frequent[p], numbers[p[0]], numbers[p[1]]))
        joined = "".join(best)
        numbers.setdefault(joined, len(numbers))
        if joined not in tokens and joined not in list(ALPHABET):
            tokens.append(joined)
        for word, _ in words:
            at = 0
            while at + 1 < len(word):
                if (word[at], word[at + 1]) == best:
                    word[at : at + 2] = [joined]
                at += 1
    return tokens


@settings(max_examples=200, deadline=None)
@given(CHUNKS)
def test_array_merges_are_the_textbook_merges(chunks: dict[str, int]) -> None:
    # Overlapping pairs (aaa) are counted twice by both, and joined from the left.
    assert learn_merges(chunks, ALPHABET, size=30) == plain_merges(chunks, size=30)


@settings(max_examples=50, deadline=None)
@given(CHUNKS)
def test_frozen_symbols_are_in_no_token(chunks: dict[str, int]) -> None:
    tokens = learn_merges(chunks, ALPHABET, size=30, frozen=frozenset("|"))
    assert not any("|" in token for token in tokens)
    assert tokens == plain_merges(chunks, size=30, frozen="|")


def test_a_run_of_one_symbol_is_joined_from_the_left() -> None:
    # aa|a|b, where ab is next; from the right it would be a|aa|b, and aaa.
    assert learn_merges({"aaab": 20}, ALPHABET, size=2) == ["aa", "ab"]


def test_a_token_has_at_most_64_symbols() -> None:
    tokens = learn_merges({"ab" * 100: 50}, ALPHABET, size=50)
    assert max(map(len, tokens)) == MAX_TOKEN_SYMBOLS == 64


def test_a_pair_that_is_rare_makes_no_token() -> None:
    assert learn_merges({"ab": MIN_PAIR_COUNT - 1}, ALPHABET, size=5) == []
    assert learn_merges({"ab": MIN_PAIR_COUNT}, ALPHABET, size=5) == ["ab"]


def test_progress_counts_the_tokens() -> None:
    seen: list[int] = []
    learn_merges({"abcabc": 30}, ALPHABET, size=3, progress=seen.append)
    assert seen == [1, 2, 3]


def test_a_symbol_outside_the_alphabet_is_an_error() -> None:
    with pytest.raises(KeyError):
        learn_merges({"xyz": 20}, ALPHABET, size=1)


def test_ids_fit_into_a_pair() -> None:
    assert merges._SEPARATOR > 8192
