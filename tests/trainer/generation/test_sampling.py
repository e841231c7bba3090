"""Drawing: every token with its probability, and nothing that is not admissible."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tct.data.errors import ConfigError
from tct.trainer.generation.sampling import Sampling, draw, uniform

LOGITS = np.log(np.array([0.5, 0.2, 0.2, 0.1], dtype=np.float32))
ALL = np.ones(4, dtype=bool)


def shares(allowed: NDArray[np.bool_] | None, sampling: Sampling) -> list[float]:
    """How often each id is drawn, over evenly spaced uniforms."""
    uniforms = (np.arange(1000) + 0.5) / 1000
    drawn = [draw(LOGITS, allowed, float(u), sampling)[0] for u in uniforms]
    return [round(share, 2) for share in np.bincount(drawn, minlength=4) / 1000]


@pytest.mark.parametrize(
    ("allowed", "sampling", "expected"),
    [
        (ALL, Sampling(), [0.5, 0.2, 0.2, 0.1]),
        (ALL, Sampling(top_k=1), [1, 0, 0, 0]),
        (ALL, Sampling(top_p=0.5), [1, 0, 0, 0]),
        (ALL, Sampling(top_p=0.6), [0.71, 0.29, 0, 0]),
        (ALL, Sampling(min_p=0), [0.5, 0.2, 0.2, 0.1]),
        (ALL, Sampling(min_p=0.3), [0.56, 0.22, 0.22, 0]),
        (ALL, Sampling(min_p=1), [1, 0, 0, 0]),
        (ALL, Sampling(top_k=2, min_p=0.5), [1, 0, 0, 0]),
        (None, Sampling(), [0.5, 0.2, 0.2, 0.1]),
        (ALL, Sampling(temperature=0), [1, 0, 0, 0]),
        (ALL, Sampling(temperature=0.5), [0.74, 0.12, 0.12, 0.03]),
        (np.array([False, True, True, True]), Sampling(), [0, 0.4, 0.4, 0.2]),
        (np.array([False, False, False, True]), Sampling(top_k=2), [0, 0, 0, 1]),
    ],
)
def test_tokens_are_drawn_with_their_probabilities(
    allowed: NDArray[np.bool_] | None, sampling: Sampling, expected: list[float]
) -> None:
    assert shares(allowed, sampling) == expected


@pytest.mark.parametrize("temperature", [0, 0.5, 1.0])
def test_the_log_probability_is_that_at_temperature_one(temperature: float) -> None:
    allowed = np.array([True, True, False, False])
    token, log_prob = draw(LOGITS, allowed, 0.0, Sampling(temperature=temperature))

    assert token == 0
    assert log_prob == pytest.approx(np.log(0.5 / 0.7), abs=1e-6)


def test_the_largest_luck_does_not_draw_what_was_left_out() -> None:
    almost_one = 1 - 2**-53
    assert draw(LOGITS, ALL, almost_one, Sampling(min_p=0.3))[0] == 2
    assert draw(LOGITS, None, 1.0, Sampling(min_p=0.3))[0] == 2


def test_luck_is_uniform_and_differs_by_seed_sample_and_position() -> None:
    lucks = [uniform(0, sample, at) for sample in range(50) for at in range(50)]
    counts = np.histogram(lucks, bins=10, range=(0, 1))[0]

    assert counts.min() > 200
    assert len({uniform(0, 0, 0), uniform(1, 0, 0), uniform(0, 1, 0)}) == 3


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"temperature": -1}, "temperature: found -1, expected 0 or more"),
        ({"temperature": float("nan")}, "temperature: found nan"),
        ({"temperature": float("inf")}, "temperature: found inf"),
        ({"top_k": 0}, "top-k: found 0"),
        ({"top_p": 0}, "top-p: found 0"),
        ({"min_p": 1.5}, "min-p: found 1.5, expected 0 to 1"),
        ({"max_tokens": 0}, "max-tokens: found 0"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, int], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Sampling(**options)
