"""Intervals by bootstrap over groups.

Documents of one repository resemble each other, so they are drawn together: a resample
has as many groups as there are, drawn with replacement.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Interval", "ratio_interval"]

_RESAMPLES = 2000
_TAIL = 2.5  # per cent on each side, for an interval of 95 %


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A figure and where it lies in 95 % of resamples."""

    value: float
    low: float | None
    """None where there is one group, which says nothing about others."""
    high: float | None

    def map(self, function: Callable[[float], float]) -> "Interval":
        """The interval of a figure that grows with this one."""
        return Interval(
            value=function(self.value),
            low=None if self.low is None else function(self.low),
            high=None if self.high is None else function(self.high),
        )


def ratio_interval(
    numerator: NDArray[np.float64],
    denominator: NDArray[np.int64],
    group: NDArray[np.int64],
    *,
    seed: int = 0,
) -> Interval:
    """The ratio of two sums over documents; a pure function of its arguments.

    Args:
        numerator: (D,) of each document.
        denominator: (D,) of each document, more than 0.
        group: (D,) number of its group, from 0 without gaps.
        seed: of the resamples.
    """
    above, below = (np.bincount(group, part) for part in (numerator, denominator))
    value, groups = float(above.sum() / below.sum()), len(above)
    if groups == 1:
        return Interval(value=value, low=None, high=None)
    draw, even = np.random.default_rng(seed), np.full(groups, 1 / groups)
    ratios = np.empty(_RESAMPLES)
    for number in range(_RESAMPLES):
        times = draw.multinomial(groups, even)
        ratios[number] = (times @ above) / (times @ below)
    low, high = np.percentile(ratios, [_TAIL, 100 - _TAIL])
    return Interval(value=value, low=float(low), high=float(high))
