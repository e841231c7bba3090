"""Draw one token from the logits of a model."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...data.errors import ConfigError, NotFiniteError

__all__ = ["Sampling", "draw", "uniform"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How tokens are drawn; filters apply in the order below."""

    seed: int = 0
    temperature: float = 1.0
    """0 takes the likeliest token."""
    top_k: int | None = None
    """Keep this many likeliest tokens."""
    top_p: float | None = None
    """Keep the likeliest tokens whose probabilities reach this sum."""
    min_p: float | None = None
    """Keep tokens of at least this share of the likeliest one's probability."""
    max_tokens: int | None = None
    """Most tokens of a document, prompt included; None is the model's context."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        finite = self.temperature < float("inf")
        _expect(
            self.temperature >= 0 and finite,
            "temperature",
            self.temperature,
            "0 or more",
        )
        if self.top_k is not None:
            _expect(self.top_k >= 1, "top-k", self.top_k, "1 or more")
        if self.top_p is not None:
            _expect(0 < self.top_p <= 1, "top-p", self.top_p, "more than 0, at most 1")
        if self.min_p is not None:
            _expect(0 <= self.min_p <= 1, "min-p", self.min_p, "0 to 1")
        if self.max_tokens is not None:
            _expect(self.max_tokens >= 1, "max-tokens", self.max_tokens, "1 or more")


def _expect(is_right: bool, name: str, found: float, expected: str) -> None:
    if not is_right:
        problem = f"{name}: found {found}, expected {expected}"
        raise ConfigError(problem, "change the option")


def uniform(seed: int, sample: int, position: int) -> float:
    """A uniform number in [0, 1), a function of the three arguments alone."""
    digest = hashlib.sha256(f"{seed}:{sample}:{position}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def draw(
    logits: NDArray[np.float32],
    allowed: NDArray[np.bool_] | None,
    uniform: float,
    sampling: Sampling,
) -> tuple[int, float]:
    """Draw one token by inverse transform sampling.

    Args:
        logits: (V,) of the next token.
        allowed: (V,) mask, at least one True; None for all.
        uniform: random number in [0, 1).
        sampling: temperature and filters.

    Returns:
        The token, and its log-probability among the allowed tokens at temperature 1,
        in nats.

    Raises:
        NotFiniteError: a logit is inf or nan.
    """
    ids = None if allowed is None else np.flatnonzero(allowed)
    scores = (logits if ids is None else logits[ids]).astype(np.float64)
    if not np.isfinite(top := scores.max()):
        problem = f"the model's logits: found {top}, expected finite numbers"
        raise NotFiniteError(problem, "take another checkpoint, or retrain the model")
    scores -= top
    index = _choose(scores, uniform, sampling)
    log_prob = float(scores[index] - np.log(np.exp(scores).sum()))
    return (index if ids is None else int(ids[index])), log_prob


def _choose(scores: NDArray[np.float64], uniform: float, sampling: Sampling) -> int:
    """Draw an index into `scores`, whose maximum is 0."""
    if sampling.temperature == 0:
        return int(scores.argmax())
    kept: NDArray[np.intp] | None = None
    if sampling.top_k is not None and sampling.top_k < len(scores):
        # Before top-p: sorting the whole vocabulary takes longer than the model.
        kept = np.argpartition(scores, -sampling.top_k)[-sampling.top_k :]
        scores = scores[kept]
    with np.errstate(over="ignore"):  # -inf is right: its weight is 0
        weights = np.exp(scores / sampling.temperature)
    if sampling.top_p is not None:
        order = _nucleus(weights, sampling.top_p)
        weights = weights[order]
        kept = order if kept is None else kept[order]
    if sampling.min_p is not None:
        weights = np.where(weights >= sampling.min_p, weights, 0.0)
    sums = np.cumsum(weights)
    drawn = int(np.searchsorted(sums, uniform * sums[-1], side="right"))
    # The product may round up to the sum itself, which is past the end.
    drawn = min(drawn, int(np.searchsorted(sums, sums[-1])))
    return drawn if kept is None else int(kept[drawn])


def _nucleus(weights: NDArray[np.float64], share: float) -> NDArray[np.intp]:
    """The fewest indices that have a share of all weight, the heaviest first.

    Only a few are sorted: all those below the bound weigh less than may be left out.
    """
    total = weights.sum()
    few = np.flatnonzero(weights >= (1 - share) * total / len(weights))
    order = few[np.argsort(-weights[few], kind="stable")]
    sums = np.cumsum(weights[order])
    return order[: int(np.searchsorted(sums, share * total)) + 1]
