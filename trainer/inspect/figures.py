"""Draw windows and policies with Matplotlib."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from ...data.display.figures import INK, label_axes, new_figure
from ...data.windows import Windows
from ...data.windows.layouts import LAYOUTS
from .coverage import PolicyCounts

__all__ = ["Bar", "bars_figure", "policies_figure"]

# Legible on white and on black, and for colour-blind readers.
_WINDOWS = ("#3b8ea5", "#d98e32")
_PAD, _UNSEEN = "#8c959f", "#cf4f4f"
_LINE_INCHES = 0.26
_MAX_BARS = 64
_MAX_CONTEXTS = 8  # on the axis; few documents are longer


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A document, or some windows of it, as one line of a figure."""

    label: str
    length: int
    """Tokens of the document; 0 to draw only windows."""
    windows: Windows
    """Of one document, ascending."""
    context: int
    """C, the most tokens of each of them."""


def bars_figure(
    bars: Sequence[Bar], *, title: str, name: str, context: int, marked: int | None
) -> Figure:
    """Draw windows to scale, the first bar on top.

    Args:
        bars: at least one; only the first 64 are drawn.
        title: above the figure.
        name: label of the axis of bars.
        context: tokens from one tick to the next.
        marked: token of a vertical line, such as the offset of an epoch.
    """
    shown = bars[:_MAX_BARS]
    if len(shown) < len(bars):
        title += f" (the first {len(shown)} of {len(bars):,} lines)"
    figure = new_figure(height=1.5 + _LINE_INCHES * len(shown))
    axes = figure.add_subplot()
    ends = [int(bar.windows.end.max(initial=bar.length)) for bar in shown]
    end = min(max(ends) + context // 2, _MAX_CONTEXTS * context)
    for line, bar in enumerate(shown):
        _draw_windows(axes, line, bar)
        _draw_rest(axes, line, bar)
        if ends[line] > end:
            axes.annotate("▸", (end, line), color=INK, va="center", clip_on=False)
    if marked is not None:
        line_style = (0, (4, 3))
        axes.axvline(marked, color=INK, linewidth=0.8, linestyle=line_style)
    axes.set_yticks(range(len(shown)), [bar.label for bar in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, end)
    axes.xaxis.set_major_locator(MultipleLocator(context))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    label_axes(axes, title=title, x="token of the document", y=name)
    axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.6)
    axes.set_axisbelow(True)
    _explain(axes, has_gaps=any(_gaps(bar) for bar in shown))
    return figure


def _draw_windows(axes: Axes, line: int, bar: Bar) -> None:
    """Draw windows side by side, overlapping ones below each other."""
    windows = bar.windows
    furthest_first = np.searchsorted(windows.end, windows.start, side="right")
    lanes = int((np.arange(len(windows)) - furthest_first).max(initial=0)) + 1
    height = 0.8 / lanes
    spans = list(zip(windows.start.tolist(), windows.length.tolist(), strict=True))
    for lane in range(lanes):
        here = spans[lane::lanes]
        colors = [_WINDOWS[number % 2] for number in range(lane, len(spans), lanes)]
        top = line - 0.4 + lane * height
        axes.broken_barh(here, (top, height), facecolors=colors, edgecolor="none")


def _draw_rest(axes: Axes, line: int, bar: Bar) -> None:
    """Draw the tokens that no window holds, and the PAD after the last window."""
    where = (line - 0.25, 0.5)
    for start, end in _gaps(bar):
        axes.broken_barh([(start, end - start)], where, **_hatched(_UNSEEN, "xxxx"))
    if len(bar.windows):
        start, end = int(bar.windows.start[-1]), int(bar.windows.end[-1])
        span = (end, start + bar.context - end)
        axes.broken_barh([span], where, **_hatched(_PAD, "////"))


def _hatched(color: str, pattern: str) -> dict[str, Any]:
    return {
        "facecolor": "none",
        "edgecolor": color,
        "hatch": pattern,
        "linewidth": 0.0,
    }


def _gaps(bar: Bar) -> list[tuple[int, int]]:
    """Tokens of the document that no window holds."""
    found, covered = [], 0
    for start, end in zip(
        bar.windows.start.tolist(), bar.windows.end.tolist(), strict=True
    ):
        if start > covered:
            found.append((covered, start))
        covered = max(covered, end)
    if covered < bar.length:
        found.append((covered, bar.length))
    return found if bar.length else []


def _explain(axes: Axes, *, has_gaps: bool) -> None:
    marks = {
        "a window": Patch(facecolor=_WINDOWS[0]),
        "the next one": Patch(facecolor=_WINDOWS[1]),
        "PAD": Patch(**_hatched(_PAD, "////")),
    }
    if has_gaps:
        marks["never seen in this epoch"] = Patch(**_hatched(_UNSEEN, "xxxx"))
    _legend(axes, list(marks.values()), list(marks))


def _legend(axes: Axes, handles: list[Patch], labels: list[str]) -> None:
    """Draw a legend in one line below the figure."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.legend(
        handles,
        labels,
        ncols=len(labels),
        loc="outside lower right",
        fontsize=7,
        frameon=False,
        labelcolor=INK,
    )


def policies_figure(counts: Sequence[PolicyCounts]) -> Figure:
    """Draw all policies in six panels."""
    figure = new_figure(height=5.6)
    panels: dict[str, list[float]] = {
        "never seen (% of tokens)": [100 * each.never / each.tokens for each in counts],
        "missed per epoch (%)": [100 * each.missed_share for each in counts],
        "trained again in an epoch (%)": [100 * each.repeated_share for each in counts],
        "views of a token, mean": [each.views[1] for each in counts],
        "windows per epoch, most": [float(each.windows[1]) for each in counts],
    }
    names = [each.label for each in counts]
    grid = figure.subplots(2, 3, sharey=True)
    axes: list[Axes] = list(grid.flat)
    for panel, (title, values) in zip(axes, panels.items(), strict=False):
        panel.barh(names, values, color=_WINDOWS[0], height=0.6)
        for place, value in enumerate(values):
            text = f"{value:,.0f}" if value > 100 or value == 0 else f"{value:.3g}"
            panel.text(value, place, f" {text}", va="center", color=INK, fontsize=8)
        panel.set_xlim(0, 1.3 * max(*values, 1e-9))
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        label_axes(panel, title=title)
    _draw_pad(axes[-1], counts)
    axes[0].invert_yaxis()  # shared: the first policy is on top in all
    return figure


def _draw_pad(axes: Axes, counts: Sequence[PolicyCounts]) -> None:
    """Draw three bars per policy, one per layout, and the legend of the figure."""
    shades = (_PAD, *_WINDOWS)
    for place, layout in enumerate(LAYOUTS):
        lines = [line + 0.25 * (place - 1) for line in range(len(counts))]
        values = [100 * each.pad_share[layout] for each in counts]
        axes.barh(lines, values, color=shades[place], height=0.22)
    axes.set_xlim(0, 100)
    _legend(axes, [Patch(facecolor=shade) for shade in shades], list(LAYOUTS))
    label_axes(axes, title=f"PAD (%), rows of {counts[0].rows}")
