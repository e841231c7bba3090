"""The order of an epoch: a keyed bijection, frozen under its version."""

import hashlib
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tct.data.windows.permutation import ORDER_VERSION, Permutation

SIZES = [1, 2, 127, 128, 129, 100_003]  # a table below 128, a network from there on
KEYS = st.integers(0, 2**64 - 1)

# (n, seed, epoch): the first values, and the sha256 of all of them as int64, or of the
# first and last 500 beyond a million.  These never change: a change of the algorithm is
# a new ORDER_VERSION with its own vectors.
GOLDEN = {
    "feistel-1": {
        (1, 0, 0): ([0], "af5570f5a1810b7a"),
        (2, 0, 0): ([1, 0], "4cbbd8ca5215b8d1"),
        (2, 1, 0): ([0, 1], "9d34149fbd1fe777"),
        (127, 0, 0): ([59, 29, 56, 77], "4f3751be33258514"),
        (127, 7, 3): ([103, 44, 76, 81], "7033f8fbff55014e"),
        (128, 0, 0): ([79, 46, 39, 17], "546c8d2875af860f"),
        (128, 7, 3): ([56, 121, 88, 89], "a267847cc0b65224"),
        (129, 0, 0): ([79, 46, 39, 17], "e5b4bf2221e28780"),
        (129, 2**64 - 1, 31): ([34, 115, 15, 47], "f8678a0440ab0b91"),
        (100_003, 0, 0): ([22545, 57785, 36337, 61688], "680bdfe65b7604bf"),
        (100_003, 0, 1): ([12859, 32271, 69107, 95993], "4518a977ea842bf7"),
        (100_003, 1, 0): ([43732, 6438, 2000, 45494], "0aeaeff7b0882add"),
        (10**9, 0, 0): (
            [285712456, 575008559, 459829789, 904772572],
            "f3a7f0eb18c7f9f4",
        ),
        (10**9, 7, 3): (
            [125802819, 603985566, 592527391, 372079134],
            "336549345729e495",
        ),
        (2**40, 0, 0): (
            [938000838260, 653470818277, 250728492107, 1079697220486],
            "cd5f9bfdd59625ea",
        ),
        (2**40, 2**64 - 1, 31): (
            [316659966925, 510206995880, 959571359576, 720245589424],
            "bc558b10334b9ee2",
        ),
        (2**40 + 1, 0, 0): (
            [889859723483, 1009768078937, 593695212857, 734739823460],
            "809e7b9701d2aa4f",
        ),
    }
}


def some_of(n: int) -> NDArray[np.int64]:
    if n <= 1_000_000:
        return np.arange(n)
    return np.concatenate([np.arange(500), np.arange(n - 500, n)])


def slow_mix(value: int) -> int:
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
    return value ^ value >> 31


def slow_permutation(n: int, index: int, *, seed: int, epoch: int) -> int:
    """The algorithm in plain integers, for one index of a domain that has no table."""
    key = slow_mix((slow_mix(seed) + epoch) % 2**64)
    keys = [slow_mix((key + i * 0x9E3779B97F4A7C15) % 2**64) for i in range(1, 9)]
    rows = math.isqrt(n - 1) + 1
    columns = (n + rows - 1) // rows
    value = index
    while True:
        left, right = divmod(value, columns)
        for number in range(0, 8, 2):
            shift = slow_mix((right + keys[number]) % 2**64)
            left = (left + shift) % rows
            shift = slow_mix((left + keys[number + 1]) % 2**64)
            right = (right + shift) % columns
        value = left * columns + right
        if value < n:
            return value


@pytest.mark.parametrize("key", GOLDEN[ORDER_VERSION])
def test_the_order_is_the_one_frozen_under_its_version(
    key: tuple[int, int, int],
) -> None:
    n, seed, epoch = key
    first, digest = GOLDEN[ORDER_VERSION][key]
    values = Permutation(n, seed=seed, epoch=epoch)(some_of(n))
    assert values[:4].tolist() == first
    assert hashlib.sha256(values.astype("<i8").tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize("n", SIZES)
def test_every_number_comes_once(n: int) -> None:
    values = Permutation(n, seed=3, epoch=5)(np.arange(n))
    assert values.dtype == np.int64
    assert np.array_equal(np.sort(values), np.arange(n))


@given(st.integers(1, 400), KEYS, st.integers(0, 10**6))
def test_every_number_comes_once_for_any_key(n: int, seed: int, epoch: int) -> None:
    values = Permutation(n, seed=seed, epoch=epoch)(np.arange(n))
    assert sorted(values.tolist()) == list(range(n))


@pytest.mark.parametrize("n", SIZES)
def test_the_inverse_finds_the_place_of_each_number(n: int) -> None:
    permutation = Permutation(n, seed=3, epoch=5)
    index = np.arange(n)
    assert np.array_equal(permutation.inverse(permutation(index)), index)
    assert np.array_equal(permutation(permutation.inverse(index)), index)


def test_every_small_domain_is_permuted_and_inverted() -> None:
    for n in range(1, 400):
        index = np.arange(n)
        permutation = Permutation(n, seed=n, epoch=7)
        values = permutation(index)
        assert np.array_equal(np.sort(values), index)
        assert np.array_equal(permutation.inverse(values), index)


@pytest.mark.parametrize("root", [12, 13, 2**16, 2**26 + 1, 10**9, 2**30 + 1])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_network_is_exact_around_squares(root: int, more: int) -> None:
    # The square root of a float would be one too high for the large ones.
    n = root * root + more
    some = [0, 1, n // 2, n - 1]
    found = Permutation(n, seed=1, epoch=2)(some)
    assert found.tolist() == [
        slow_permutation(n, index, seed=1, epoch=2) for index in some
    ]


@given(st.integers(128, 2**62), KEYS, st.integers(0, 10**6), st.data())
def test_a_network_gives_what_plain_integers_give(
    n: int, seed: int, epoch: int, data: st.DataObject
) -> None:
    number = st.integers(0, n - 1)
    some = [0, n - 1, *data.draw(st.lists(number, max_size=5))]
    found = Permutation(n, seed=seed, epoch=epoch)(some)
    assert found.tolist() == [
        slow_permutation(n, index, seed=seed, epoch=epoch) for index in some
    ]


@pytest.mark.parametrize("n", [10**9, 2**40])
def test_a_large_domain_takes_no_memory(n: int) -> None:
    tracemalloc.start()
    try:
        permutation = Permutation(n, seed=1, epoch=2)
        assert permutation.inverse(permutation(some_of(n))).tolist() == (
            some_of(n).tolist()
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 500_000


@given(st.integers(1, 2**40), KEYS, st.integers(0, 10**6), st.data())
def test_single_numbers_can_be_asked_for(
    n: int, seed: int, epoch: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, n - 1))
    permutation = Permutation(n, seed=seed, epoch=epoch)
    (value,) = permutation(index).tolist()
    assert 0 <= value < n
    assert permutation.inverse(value).tolist() == [index]


@pytest.mark.parametrize("n", SIZES)
def test_a_slice_is_the_slice_of_the_whole(n: int) -> None:
    permutation = Permutation(n, seed=11, epoch=2)
    whole = permutation(np.arange(n))
    assert np.array_equal(permutation(np.arange(n // 2, n)), whole[n // 2 :])


@pytest.mark.parametrize("n", [127, 128, 129, 100_003])
def test_orders_differ_between_seeds_and_epochs(n: int) -> None:
    orders = {
        Permutation(n, seed=seed, epoch=epoch)(np.arange(n)).tobytes()
        for seed in range(4)
        for epoch in range(4)
    }
    assert len(orders) == 16


@pytest.mark.parametrize("n", [127, 128, 100_003])
def test_seed_and_epoch_are_keys_of_their_own(n: int) -> None:
    # No sum, product or exclusive or of the two: swapped, they give another order.
    for seed, epoch in ((0, 1), (1, 2), (5, 9), (0, 7)):
        one = Permutation(n, seed=seed, epoch=epoch)(np.arange(n))
        other = Permutation(n, seed=epoch, epoch=seed)(np.arange(n))
        assert not np.array_equal(one, other)
    sums = [Permutation(n, seed=s, epoch=5 - s)(np.arange(n)) for s in range(6)]
    assert len({order.tobytes() for order in sums}) == 6


@pytest.mark.parametrize("n", [127, 129, 100_003])
def test_an_order_looks_random(n: int) -> None:
    values = Permutation(n, seed=0, epoch=0)(np.arange(n))
    # Neighbours are uncorrelated, and about one number stays where it is.
    correlation = np.corrcoef(values[:-1], values[1:])[0, 1]
    assert abs(correlation) < 4 / np.sqrt(n)
    assert (values == np.arange(n)).sum() < 8


def test_an_empty_domain_is_refused() -> None:
    with pytest.raises(ValueError, match="n: found 0, expected at least 1"):
        Permutation(0, seed=0, epoch=0)
