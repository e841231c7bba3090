import numpy as np
import pytest

from tct.trainer.evaluation.likelihood import ratio_interval

ONE = np.ones(4, dtype=np.int64)


def test_the_value_is_the_ratio_of_the_sums() -> None:
    found = ratio_interval(
        np.array([1.0, 2.0, 6.0]), np.array([1, 1, 4]), np.array([0, 1, 2])
    )
    assert found.value == 1.5


def test_the_same_seed_gives_the_same_interval_and_another_one_another() -> None:
    draw = np.random.default_rng(1)
    data = draw.random(200), draw.integers(1, 9, 200), np.arange(200) // 4
    first, second, other = (ratio_interval(*data, seed=seed) for seed in (3, 3, 4))

    assert first == second
    assert first != other


def test_groups_are_drawn_whole() -> None:
    # Within a group the documents cancel out, so that nothing is left to vary.
    values, group = np.array([0.0, 2.0, 0.0, 2.0]), np.array([0, 0, 1, 1])
    together = ratio_interval(values, ONE, group)
    apart = ratio_interval(values, ONE, np.arange(4))

    assert (together.low, together.value, together.high) == (1.0, 1.0, 1.0)
    assert apart.low == 0.0
    assert apart.high == 2.0


def test_it_is_as_wide_as_the_normal_one_of_many_independent_groups() -> None:
    values = np.random.default_rng(0).normal(10, 2, 400)
    found = ratio_interval(values, np.ones(400, dtype=np.int64), np.arange(400))

    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_one_group_says_nothing_about_others() -> None:
    found = ratio_interval(np.ones(4), ONE, np.zeros(4, dtype=np.int64))
    assert (found.value, found.low, found.high) == (1.0, None, None)
