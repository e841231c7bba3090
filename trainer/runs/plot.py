"""Draw runs: loss, bits per byte, learning rate and speed over tokens.

The abscissa is tokens, since a step has more of them under one policy than under
another.  The training loss is an exponential moving average, with the records
themselves drawn faintly behind it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...data.display.figures import INK, label_axes, new_figure
from ...data.display.visible import visible
from ...data.errors import ConfigError
from .history import History

if TYPE_CHECKING:  # an optional dependency
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MOST_RUNS", "plot_runs", "smooth"]

# By Okabe and Ito: distinct for colour-blind readers, on white and on black.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MOST_RUNS = len(_COLORS)


def plot_runs(
    histories: Sequence[History], names: Sequence[str], *, records: int = 5
) -> "Figure":
    """Draw the figure.

    Args:
        histories: of at most MOST_RUNS runs.
        names: of the runs, for the legend.
        records: span of the moving average of the training loss.

    Raises:
        ConfigError: too many runs, or one without any record.
    """
    _check(histories)
    shown = [visible(name) for name in names]
    figure = new_figure(height=6.5)
    loss, bits, rate, speed = figure.subplots(2, 2).flat
    for history, color in zip(histories, _COLORS, strict=False):
        _draw_loss(loss, history, color, records)
        train, found = history.train, history.evaluations
        bits.plot(
            *(found["tokens"], found["bits_per_byte"]), color=color, marker=".", lw=1.2
        )
        rate.plot(train["tokens"], train["lr"], color=color, lw=1.2)
        speeds = smooth(train["tokens_per_s"], records)
        speed.plot(train["tokens"], speeds, color=color, lw=1.2)
    x = "tokens seen"
    title = "loss, nats per token: training (line), validation (dots)"
    for axes in (loss, bits, rate, speed):
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.locator_params(axis="x", nbins=5)
    label_axes(loss, title=title, x=x)
    label_axes(bits, title="validation, bits per byte", x=x)
    label_axes(rate, title="learning rate", x=x)
    label_axes(speed, title="targets per second", x=x)
    speed.set_ylim(bottom=0)
    lines = rate.get_lines()  # with explicit labels, names like _old are kept too
    legend = rate.legend(lines, shown, fontsize=7, frameon=False, labelcolor=INK)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure


def _check(histories: Sequence[History]) -> None:
    if len(histories) > MOST_RUNS:
        raise ConfigError(
            f"found {len(histories)} runs, expected at most {MOST_RUNS}",
            "draw them in several pictures",
        )
    for history in histories:
        if not len(history.train):
            raise ConfigError(
                f"{history.folder}: found no record of training, expected at least one",
                "wait until the run has done its first steps",
            )


def smooth(values: NDArray[np.float64], records: int) -> NDArray[np.float64]:
    """Exponential moving average whose weights decay by 1 - 2 / (records + 1).

    The first values are averages of what there is, so they are not biased towards zero.
    """
    keep = 1 - 2 / (records + 1)
    total = weight = 0.0
    means = np.empty_like(values)
    for i, value in enumerate(values):
        total, weight = keep * total + value, keep * weight + 1
        means[i] = total / weight
    return means


def _draw_loss(axes: "Axes", history: History, color: str, records: int) -> None:
    train, found = history.train, history.evaluations
    axes.plot(train["tokens"], train["loss"], color=color, alpha=0.25, lw=0.7)
    axes.plot(train["tokens"], smooth(train["loss"], records), color=color, lw=1.2)
    axes.plot(found["tokens"], found["val_loss"], color=color, marker=".", ls=":", lw=1)
