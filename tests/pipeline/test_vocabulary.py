"""Choosing the tokens of a vocabulary: which merges stay, and which are dropped."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tct.pipeline.vocabulary.bpe import learn_merges
from tct.pipeline.vocabulary.prune import learn_vocabulary

ALPHABET = "abcd|"
CHUNKS = st.dictionaries(
    st.text(alphabet=ALPHABET, min_size=1, max_size=12),
    st.integers(min_value=1, max_value=40),
    max_size=12,
)


def test_a_step_to_a_long_token_is_dropped_where_nothing_else_uses_it() -> None:
    # ab is learnt first, but only abc is ever used.
    assert learn_merges({"abc": 20}, ALPHABET, size=2) == ["ab", "abc"]
    assert learn_vocabulary({"abc": 20}, ALPHABET, size=1) == ["abc"]


def test_a_step_that_saves_more_tokens_than_the_long_one_is_kept() -> None:
    assert learn_merges({"abc": 5, "ab": 20}, ALPHABET, size=2) == ["ab", "abc"]
    assert learn_vocabulary({"abc": 5, "ab": 20}, ALPHABET, size=1) == ["ab"]


def test_a_token_is_worth_all_the_tokens_that_would_take_its_place() -> None:
    # Without abcd it is ab and cd, one more; ab is used as often as abcd, and counts
    # the same, so the one that was learnt first stays.
    chunks = {"abcd": 10, "ab": 10, "cd": 30}
    assert learn_merges(chunks, ALPHABET, size=4) == ["cd", "ab", "abcd"]
    assert learn_vocabulary(chunks, ALPHABET, size=2) == ["cd", "ab"]
    assert learn_vocabulary(chunks | {"abcd": 11}, ALPHABET, size=2) == ["cd", "abcd"]


def test_a_token_of_three_symbols_is_worth_two_tokens() -> None:
    chunks = {"|d": 25, "d|": 18, "abc": 10}
    assert learn_merges(chunks, ALPHABET, size=4) == ["|d", "d|", "ab", "abc"]
    # Once ab is dropped: 25, 18 and 10 × 2.
    assert learn_vocabulary(chunks, ALPHABET, size=2) == ["|d", "abc"]


def test_where_all_merges_fit_all_are_kept() -> None:
    assert learn_vocabulary({"abc": 20}, ALPHABET, size=2) == ["ab", "abc"]
    assert learn_vocabulary({"abc": 20}, ALPHABET, size=9) == ["ab", "abc"]


def test_no_chunks_make_no_tokens() -> None:
    assert learn_vocabulary({}, ALPHABET, size=5) == []


@given(CHUNKS, st.integers(1, 12))
def test_the_size_is_kept_and_every_token_is_there_once(
    chunks: dict[str, int], size: int
) -> None:
    tokens = learn_vocabulary(chunks, ALPHABET, size=size)
    learnt = learn_merges(chunks, ALPHABET, size=2 * size)
    assert len(tokens) == min(size, len(learnt))
    assert len(set(tokens)) == len(tokens)
    # In the order in which they were learnt.
    assert tokens == [token for token in learnt if token in tokens]


@given(CHUNKS, st.randoms(use_true_random=False))
def test_the_order_of_the_chunks_does_not_matter(
    chunks: dict[str, int], random: Random
) -> None:
    tokens = learn_vocabulary(chunks, ALPHABET, size=5)
    items = list(chunks.items())
    random.shuffle(items)
    assert learn_vocabulary(dict(items), ALPHABET, size=5) == tokens


@given(CHUNKS)
def test_frozen_symbols_are_in_no_token(chunks: dict[str, int]) -> None:
    frozen = frozenset("|b")
    tokens = learn_vocabulary(chunks, ALPHABET, size=5, frozen=frozen)
    assert not any(set(token) & frozen for token in tokens)


def test_frozen_symbols_keep_their_neighbours_apart() -> None:
    chunks = {"ab|ab": 20}
    assert learn_vocabulary(chunks, ALPHABET, size=9, frozen=frozenset("|")) == ["ab"]


def test_progress_counts_the_merges_that_are_learnt() -> None:
    seen: list[int] = []
    learn_vocabulary({"abcd": 20}, ALPHABET, size=2, progress=seen.append)
    assert seen == [1, 2, 3]


def test_a_symbol_outside_the_alphabet_is_an_error() -> None:
    with pytest.raises(KeyError):
        learn_vocabulary({"xyz": 20}, ALPHABET, size=1)
