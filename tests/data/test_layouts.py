"""How windows lie in memory: no overlap, no row crossed, few shapes, little PAD."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tct.data.windows.layouts import (
    LAYOUTS,
    Arrangement,
    Layout,
    arrange,
    max_positions,
)

layouts = pytest.mark.parametrize("layout", LAYOUTS)

EXAMPLE = [900, 40, 700, 60]


@dataclass(frozen=True, kw_only=True)
class Step:
    """Windows to lay out."""

    lengths: list[int]
    batch: int
    rows: int
    context: int
    static: bool

    def arranged(self, layout: Layout) -> Arrangement:
        return arrange(
            self.lengths,
            layout,
            batch=self.batch,
            rows=self.rows,
            context=self.context,
            static=self.static,
        )

    def most(self, layout: Layout) -> int:
        return max_positions(
            layout, batch=self.batch, rows=self.rows, context=self.context
        )


@st.composite
def steps(draw: st.DrawFn, max_batch: int = 40) -> Step:
    """Steps that are complete or not, with windows that are often full or tiny."""
    context = draw(st.sampled_from([1, 7, 32, 64, 96, 200, 1024]))
    batch = draw(st.integers(1, max_batch))
    length = st.one_of(
        st.integers(1, context),
        st.sampled_from([1, context, (context + 1) // 2, context // 2 + 1]),
    )
    size = draw(st.just(batch) | st.integers(0, batch))
    drawn = draw(st.lists(length, min_size=size, max_size=size))
    rows = draw(st.integers(1, batch))
    return Step(
        lengths=drawn,
        batch=batch,
        rows=rows,
        context=context,
        static=draw(st.booleans()),
    )


def for_steps(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test for fifty steps; there are many such tests."""
    return settings(max_examples=50)(given(step=steps())(test))


def rows_of(arrangement: Arrangement) -> list[tuple[int, int]]:
    """[first, last + 1) position of every row of every pass."""
    found, position = [], 0
    for height, width in arrangement.passes:
        for _ in range(height):
            found.append((position, position + width))
            position += width
    return found


def row_at(arrangement: Arrangement, position: int) -> tuple[int, int]:
    ((begin, end),) = [
        (begin, end) for begin, end in rows_of(arrangement) if begin <= position < end
    ]
    return begin, end


# -------------------------------------------------------------- the worked example


@pytest.mark.parametrize(
    ("layout", "passes", "at", "pad"),
    [
        ("padded", ((2, 1024), (2, 1024)), [0, 1024, 2048, 3072], 58),
        # 900 and 700 are a pass of width 960; 60 and 40 one of width 64.
        ("bucketed", ((2, 960), (2, 64)), [0, 1984, 960, 1920], 17),
        # 900 + 60 + 40, and 700: both are looked at when 60 comes, the first is fuller.
        ("packed", ((2, 1024),), [0, 960, 1024, 900], 17),
    ],
)
def test_the_worked_example_holds(
    layout: Layout, passes: tuple[tuple[int, int], ...], at: list[int], pad: int
) -> None:
    found = arrange(EXAMPLE, layout, batch=4, rows=2, context=1024)
    assert found.passes == passes
    assert found.at == at
    assert found.num_positions == sum(height * width for height, width in passes)
    assert round(100 * (1 - sum(EXAMPLE) / found.num_positions)) == pad


@pytest.mark.parametrize(
    ("layout", "spans"),
    [
        ("padded", [[900, 124, 40, 984], [700, 324, 60, 964]]),
        ("bucketed", [[900, 60, 700, 260], [60, 4, 40, 24]]),
        ("packed", [[900, 60, 40, 24, 700, 324]]),
    ],
)
def test_the_spans_of_the_worked_example(
    layout: Layout, spans: list[list[int]]
) -> None:
    found = arrange(EXAMPLE, layout, batch=4, rows=2, context=1024)
    assert found.spans(EXAMPLE) == spans


def test_a_row_goes_to_the_fullest_place_that_has_room() -> None:
    # 60 leaves 40; 50 leaves 50; 40 fits both and fills the first; 45 has the second.
    found = arrange([60, 50, 40, 45, 5], "packed", batch=5, rows=5, context=100)
    assert found.at == [0, 100, 60, 150, 195]
    assert found.passes == ((4, 100),)


def test_passes_that_are_not_static_end_where_windows_do() -> None:
    bucketed, packed = (
        arrange(EXAMPLE, layout, batch=4, rows=4, context=1024, static=False)
        for layout in ("bucketed", "packed")
    )
    assert bucketed.passes == ((4, 900),)
    assert packed.passes == ((2, 1024),)  # and ((4, 1024),) if it were


def test_empty_rows_are_spans_of_pad() -> None:
    found = arrange([3], "packed", batch=4, rows=4, context=8)
    assert found.passes == ((4, 8),)
    assert found.spans([3]) == [[3, 5, 8, 8, 8]]


# -------------------------------------------------------------------- every layout


@layouts
@for_steps
def test_each_window_has_places_of_its_own_inside_one_row(
    layout: Layout, step: Step
) -> None:
    found = step.arranged(layout)
    assert len(found.at) == len(step.lengths)
    taken = np.zeros(found.num_positions, dtype=np.int64)
    for at, length in zip(found.at, step.lengths, strict=True):
        begin, end = row_at(found, at)
        assert begin <= at
        assert at + length <= end
        taken[at : at + length] += 1
    assert taken.max(initial=0) <= 1
    assert taken.sum() == sum(step.lengths)


@layouts
@for_steps
def test_rows_are_filled_from_their_beginning(layout: Layout, step: Step) -> None:
    found = step.arranged(layout)
    ends = dict(zip(found.at, step.lengths, strict=True))
    reached = {at + length for at, length in ends.items()}
    for at in found.at:
        begin, _ = row_at(found, at)
        assert at == begin or at in reached
        assert layout == "packed" or at == begin


@layouts
@for_steps
def test_passes_stand_back_to_back_and_have_at_most_so_many_rows(
    layout: Layout, step: Step
) -> None:
    found = step.arranged(layout)
    assert len(found.passes) >= 1
    assert all(1 <= height <= step.rows for height, _ in found.passes)
    assert all(1 <= width <= step.context for _, width in found.passes)
    area = sum(height * width for height, width in found.passes)
    assert found.num_positions == area


@layouts
@for_steps
def test_no_step_has_more_positions_than_the_most(layout: Layout, step: Step) -> None:
    assert step.arranged(layout).num_positions <= step.most(layout)


@layouts
def test_no_small_step_of_full_windows_has_more_positions_than_the_most(
    layout: Layout,
) -> None:
    for batch in range(1, 14):
        for rows in range(1, batch + 1):
            most = max_positions(layout, batch=batch, rows=rows, context=8)
            found = [
                arrange([8] * num, layout, batch=batch, rows=rows, context=8)
                for num in range(batch + 1)
            ]
            highest = max(one.num_positions for one in found)
            assert highest <= most, (batch, rows)
            assert most <= (batch + 3) * 8  # and the most is not far beyond
            if layout != "packed":
                assert highest == most == batch * 8


@for_steps
def test_static_shapes_cost_pad_only(step: Step) -> None:
    for layout in LAYOUTS:
        static, tight = (
            replace(step, static=static).arranged(layout) for static in (True, False)
        )
        assert static.num_positions >= tight.num_positions
        assert len(static.passes) == len(tight.passes)


@layouts
@for_steps
def test_the_same_call_gives_the_same_places(layout: Layout, step: Step) -> None:
    before = list(step.lengths)
    assert step.arranged(layout) == step.arranged(layout)
    assert step.lengths == before


@pytest.mark.parametrize("layout", ["bucketed", "packed"])
@given(steps(), st.randoms(use_true_random=False))
def test_places_follow_windows_of_distinct_lengths(
    layout: Layout, step: Step, random: Any
) -> None:
    distinct = list(dict.fromkeys(step.lengths))
    shuffled = random.sample(distinct, len(distinct))

    def places(lengths: Sequence[int]) -> tuple[object, dict[int, int]]:
        found = replace(step, lengths=list(lengths)).arranged(layout)
        return found.passes, dict(zip(lengths, found.at, strict=True))

    assert places(distinct) == places(shuffled)


@layouts
@for_steps
def test_spans_are_the_windows_and_the_pad_between_them(
    layout: Layout, step: Step
) -> None:
    found = step.arranged(layout)
    spans = found.spans(step.lengths)
    assert [sum(of_pass) for of_pass in spans] == [
        height * width for height, width in found.passes
    ]
    windows = dict(zip(found.at, step.lengths, strict=True))
    position = 0
    for of_pass in spans:
        for length in of_pass:
            assert length >= 1
            begin, end = row_at(found, position)
            assert begin <= position < position + length <= end
            if position in windows:
                assert windows.pop(position) == length
            else:  # PAD is one stretch up to the end of its row
                assert position + length == end
            position += length
    assert windows == {}


# -------------------------------------------------------------------------- padded


@for_steps
def test_padded_shapes_do_not_depend_on_lengths(step: Step) -> None:
    found = step.arranged("padded")
    num = len(step.lengths)
    assert found == replace(step, lengths=[1] * num).arranged("padded")
    assert found == replace(step, static=not step.static).arranged("padded")
    assert found.at == [row * step.context for row in range(num)]


@pytest.mark.parametrize(
    ("batch", "rows", "heights"),
    [
        (4, 4, [4]),
        (4, 2, [2, 2]),
        (5, 2, [2, 2, 1]),
        (7, 3, [3, 3, 1]),
        (3, 1, [1] * 3),
    ],
)
def test_padded_passes_are_full_but_the_last(
    batch: int, rows: int, heights: list[int]
) -> None:
    for num in range(batch + 1):
        found = arrange([3] * num, "padded", batch=batch, rows=rows, context=8)
        # A step with fewer windows has fewer passes, of the same shapes.
        needed = max(1, math.ceil(num / rows))
        assert found.passes == tuple((height, 8) for height in heights[:needed])


# ------------------------------------------------------------------------ bucketed


@for_steps
def test_a_bucketed_pass_is_as_wide_as_its_longest_window(step: Step) -> None:
    found = step.arranged("bucketed")
    longest_first = sorted(step.lengths, reverse=True)
    assert len(found.passes) == max(1, math.ceil(len(step.lengths) / step.rows))
    for number, (height, width) in enumerate(found.passes):
        first = number * step.rows
        longest = (longest_first[first:] or [1])[0]
        multiple = 64 if step.static else 1
        assert width == min(step.context, math.ceil(longest / multiple) * multiple)
        # The last step of an epoch keeps the heights of the others.
        assert height == min(step.rows, step.batch - first)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 8, 10])
def test_packed_shapes_are_few(rows: int) -> None:
    found = {
        shape
        for num in range(41)
        for shape in arrange([8] * num, "packed", batch=40, rows=rows, context=8).passes
    }
    heights = {*range(4, rows, 4), rows}
    assert found == {(height, 8) for height in heights}


@pytest.mark.parametrize("context", [64, 96, 200, 1024])
def test_bucketed_widths_are_few(context: int) -> None:
    draw = np.random.default_rng(context)
    widths = {
        width
        for length in [*range(1, context + 1), *draw.integers(1, context + 1, 300)]
        for _, width in arrange(
            [int(length), 1], "bucketed", batch=2, rows=1, context=context
        ).passes
    }
    assert widths == {*range(64, context + 1, 64), context}
    assert len(widths) == math.ceil(context / 64)


# -------------------------------------------------------------------------- packed


def used_rows(found: Arrangement) -> int:
    return len({row_at(found, at) for at in found.at})


def slow_best_fit(lengths: Sequence[int], context: int) -> list[int]:
    """What is left in each row when the longest windows go first, each where it fits
    with the least left over."""
    left: list[int] = []
    for length in sorted(lengths, reverse=True):
        room = [row for row, space in enumerate(left) if space >= length]
        if room:
            left[min(room, key=left.__getitem__)] -= length
        else:
            left.append(context - length)
    return left


@cache
def fewest_rows(lengths: tuple[int, ...], context: int) -> int:
    """The fewest rows that hold these windows, by trying everything."""
    if not lengths:
        return 0
    first, others = lengths[0], lengths[1:]
    best = len(lengths)
    for subset in range(1 << len(others)):
        with_it = [n for i, n in enumerate(others) if subset >> i & 1]
        if first + sum(with_it) <= context:
            rest = tuple(n for i, n in enumerate(others) if not subset >> i & 1)
            best = min(best, 1 + fewest_rows(rest, context))
    return best


@for_steps
def test_packed_passes_are_full_rows_in_static_numbers(step: Step) -> None:
    found = step.arranged("packed")
    multiple = min(4, step.rows) if step.static else 1
    assert all(width == step.context for _, width in found.passes)
    *all_but_last, last = [height for height, _ in found.passes]
    assert all(height == step.rows for height in all_but_last)
    assert last % multiple == 0 or last == step.rows
    # At least one pass, and fewer rows than a multiple stay empty.
    assert len(rows_of(found)) - max(1, used_rows(found)) < multiple


@for_steps
def test_packed_rows_are_those_of_a_slow_best_fit(step: Step) -> None:
    found = step.arranged("packed")
    left = {row_at(found, at): step.context for at in found.at}
    for at, length in zip(found.at, step.lengths, strict=True):
        left[row_at(found, at)] -= length
    assert sorted(left.values()) == sorted(slow_best_fit(step.lengths, step.context))


@settings(max_examples=50)
@given(steps(max_batch=200))
def test_packed_rows_are_few(step: Step) -> None:
    used = used_rows(step.arranged("packed"))
    assert used <= len(step.lengths)
    # Two rows are never both at most half full, so all but one hold more than half.
    assert used <= 2 * sum(step.lengths) / step.context + 1
    if all(2 * length <= step.context for length in step.lengths):
        # And two thirds if no window is longer than half a row.
        assert used <= 1.5 * sum(step.lengths) / step.context + 1


@given(steps(max_batch=8))
def test_packed_rows_are_at_most_one_more_than_the_fewest(step: Step) -> None:
    used = used_rows(step.arranged("packed"))
    assert used <= fewest_rows(tuple(step.lengths), step.context) + 1


def test_packed_rows_of_mixed_lengths_are_nearly_full() -> None:
    draw = np.random.default_rng(0)
    for _ in range(10):
        lengths = draw.integers(1, 1025, 128).tolist()
        found = arrange(lengths, "packed", batch=128, rows=32, context=1024)
        # No two windows beyond half a row share one, whoever packs them.
        fewest = max(sum(lengths) / 1024, sum(length > 512 for length in lengths))
        assert used_rows(found) <= 1.05 * fewest + 1


# ------------------------------------------------------------------------ refusals


def test_an_unknown_layout_is_refused() -> None:
    unknown: Any = "ragged"
    message = "layout: found 'ragged', expected one of padded, bucketed, packed"
    with pytest.raises(ValueError, match=message):
        arrange([1], unknown, batch=1, rows=1, context=8)


@layouts
@pytest.mark.parametrize("rows", [0, -1])
def test_a_pass_without_rows_is_refused(layout: Layout, rows: int) -> None:
    with pytest.raises(ValueError, match=f"rows: found {rows}, expected at least 1"):
        arrange([1], layout, batch=1, rows=rows, context=8)
