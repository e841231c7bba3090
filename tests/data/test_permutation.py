"""The order of an epoch: a keyed bijection, frozen under its version."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tct.data.permutation import ORDER_VERSION, Permutation

SIZES = [1, 2, 127, 128, 129, 100_003]  # a table below 128, a network from there on
KEYS = st.integers(0, 2**64 - 1)

# (n, seed, epoch): the first values, and the sha256 of all of them as int64.  These
# never change: a change of the algorithm is a new ORDER_VERSION with its own vectors.
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
    }
}


@pytest.mark.parametrize("key", GOLDEN[ORDER_VERSION])
def test_the_order_is_the_one_frozen_under_its_version(
    key: tuple[int, int, int],
) -> None:
    n, seed, epoch = key
    first, digest = GOLDEN[ORDER_VERSION][key]
    values = Permutation(n, seed=seed, epoch=epoch)(np.arange(n))
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
