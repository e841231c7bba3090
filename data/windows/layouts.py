"""Lay out the windows of an optimiser step in memory: three layouts, one result.

A step's windows are read in *passes*: rectangles of b rows by T positions, one forward
pass each, back to back in one buffer.  A window of n content tokens takes n
consecutive positions of a row; all other positions are PAD.

    padded     a row of C positions per window: always the same shapes.  The reference.
    bucketed   windows ordered by length, a row each; a pass is as wide as its longest
               window.
    packed     rows of C positions, each with as many whole windows as fit; the model
               must keep the windows of a row apart.  The least PAD.

A compiled model needs few shapes, so by default they are static: bucketed widths are
multiples of 64, packed passes have C positions per row and a multiple of four rows.

The layout changes neither the loss nor the gradient of a step, only its work: attention
is causal and stays inside a window, PAD comes after it and is no target.

Example: windows of 900, 40, 700 and 60 tokens, at most two rows per pass, C = 1024:

    padded     2 x 1024, 2 x 1024                             58 % PAD
    bucketed   2 x 960 (900 and 700), 2 x 64 (60 and 40)      17 % PAD
    packed     2 x 1024 (900 + 60 + 40, 700)                  17 % PAD
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["LAYOUTS", "Arrangement", "Layout", "arrange", "max_positions"]

Layout = Literal["padded", "bucketed", "packed"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

# Static widths of bucketed passes, and rows of packed ones, are multiples of these.
_STATIC_WIDTH = 64
_STATIC_ROWS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrangement:
    """Where each window of a step lies; positions are counted through all passes."""

    passes: tuple[tuple[int, int], ...]
    """Rows and positions per row (b, T) of each pass, back to back; at least one."""
    at: list[int]
    """First position of each window, in the order in which windows were given."""
    num_positions: int
    """Positions of all passes."""

    def spans(self, lengths: Sequence[int]) -> list[list[int]]:
        """For each pass, the lengths of the stretches that must not see each other.

        A stretch is a window, with its length from `lengths`, or the PAD that fills a
        row; none crosses a row, and those of a pass sum to b * T.
        """
        windows = sorted(zip(self.at, lengths, strict=True), reverse=True)
        found, row_end = [], 0
        for rows, width in self.passes:
            stretches: list[int] = []
            for _ in range(rows):
                position, row_end = row_end, row_end + width
                while windows and windows[-1][0] < row_end:
                    _, length = windows.pop()  # rows are filled from the left
                    stretches.append(length)
                    position += length
                if position < row_end:
                    stretches.append(row_end - position)
            found.append(stretches)
        return found


def arrange(
    lengths: Sequence[int],
    layout: Layout,
    *,
    batch: int,
    rows: int,
    context: int,
    static: bool = True,
) -> Arrangement:
    """Lay out the windows of one step; a pure function of its arguments.

    Plain integers, not arrays: a step has few windows, and a call on an array of 32
    costs as much as a loop over them.

    Args:
        lengths: content tokens of each window, 1 to `context`.
        layout: see the module's docstring.
        batch: windows of a complete step, at least ``len(lengths)``.  The last step of
            an epoch may have fewer, and keeps the shapes of the others.
        rows: most rows of a pass, at least 1.
        context: C, positions of a full row.
        static: use few shapes; otherwise passes end where their windows do.
    """
    if layout not in LAYOUTS:
        expected = ", ".join(LAYOUTS)
        raise ValueError(f"layout: found {layout!r}, expected one of {expected}")
    if rows < 1:
        raise ValueError(f"rows: found {rows}, expected at least 1")
    if layout == "padded":
        return _padded(len(lengths), batch=batch, rows=rows, context=context)
    longest_first = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    if layout == "bucketed":
        longest = [lengths[window] for window in longest_first[::rows]] or [1]
        multiple = _STATIC_WIDTH if static else 1
        widths = [min(context, _round_up(length, multiple)) for length in longest]
        return _bucketed(longest_first, widths, batch=batch, rows=rows)
    multiple = min(_STATIC_ROWS, rows) if static else 1
    return _packed(
        lengths, longest_first, rows=rows, context=context, multiple=multiple
    )


def max_positions(layout: Layout, *, batch: int, rows: int, context: int) -> int:
    """Most positions that `arrange` gives any step of `batch` windows."""
    multiple = min(rows, _STATIC_ROWS) if layout == "packed" else 1
    return sum(_heights(batch, rows, multiple)) * context


def _padded(num_windows: int, *, batch: int, rows: int, context: int) -> Arrangement:
    firsts = range(0, max(1, num_windows), rows)
    passes = tuple((min(rows, batch - first), context) for first in firsts)
    return Arrangement(
        passes=passes,
        at=list(range(0, num_windows * context, context)),
        num_positions=min(batch, len(passes) * rows) * context,
    )


def _bucketed(
    order: list[int], widths: list[int], *, batch: int, rows: int
) -> Arrangement:
    at, passes, position = [0] * len(order), [], 0
    for number, width in enumerate(widths):
        first = number * rows
        for row, window in enumerate(order[first : first + rows]):
            at[window] = position + row * width
        passes.append((min(rows, batch - first), width))
        position += passes[-1][0] * width
    return Arrangement(passes=tuple(passes), at=at, num_positions=position)


def _packed(
    lengths: Sequence[int], order: list[int], *, rows: int, context: int, multiple: int
) -> Arrangement:
    """Best-fit decreasing: each window goes to the fullest row that has room for it."""
    at, num_rows = [0] * len(lengths), 0
    # Rows with room, the fullest first: each as its positions left and the position
    # of the first of them, in one number, since integers compare fastest.
    free: list[int] = []
    shift = (len(lengths) * context).bit_length()
    mask = (1 << shift) - 1
    for window in order:
        length = lengths[window]
        best = bisect_left(free, length << shift)
        if best < len(free):
            left, position = free[best] >> shift, free.pop(best) & mask
        else:
            left, position = context, num_rows * context
            num_rows += 1
        at[window] = position
        if left > length:
            insort(free, (left - length) << shift | position + length)
    heights = _heights(num_rows, rows, multiple)
    return Arrangement(
        passes=tuple((height, context) for height in heights),
        at=at,
        num_positions=sum(heights) * context,
    )


def _heights(num_rows: int, rows: int, multiple: int) -> list[int]:
    """Rows of each pass: full passes, and one for the rest."""
    rest = num_rows % rows or not num_rows
    # `rows` need not be a multiple itself.
    last = [min(rows, _round_up(rest, multiple))] if rest else []
    return [rows] * (num_rows // rows) + last


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
