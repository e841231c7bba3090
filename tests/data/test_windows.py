"""The windows of an epoch, as design section 5 defines them."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tct.data.tokenizer import VOCAB_SIZE
from tct.data.windows import (
    CONTEXT,
    MAX_DOCUMENT_TOKENS,
    STRIDE,
    WindowPlan,
    Windows,
)
from tct.tests.strategies import lengths

EPOCHS = 34  # two more than there are alignments of the real geometry

SAMPLED = [1, 31, 32, 33, 992, 1023, 1024, 1025, 1055, 1056, 1057, 1120, 2016, 2047]
SAMPLED += [2048, 2049, 2500, 3071, 3072, 3073, 4097, MAX_DOCUMENT_TOKENS]

# Every length up to three windows where that is cheap, those around edges elsewhere.
GEOMETRIES = [
    pytest.param(8, 2, range(1, 25), id="C=8 s=2"),
    pytest.param(6, 3, range(1, 19), id="C=6 s=3"),
    pytest.param(4, 4, range(1, 13), id="C=s=4"),
    pytest.param(
        CONTEXT,
        STRIDE,
        SAMPLED,
        id="C=1024 s=32",
    ),
]
geometries = pytest.mark.parametrize(("context", "stride", "sizes"), GEOMETRIES)


def as_tuples(windows: Windows) -> list[tuple[int, int, int]]:
    columns = (windows.document, windows.start, windows.end)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def slow_windows(
    sizes: Sequence[int], epoch: int, context: int, stride: int
) -> Iterator[tuple[int, int, int]]:
    """The windows one by one, as a person would cut them."""
    offset = (stride * epoch) % context
    for document, size in enumerate(sizes):
        if size <= context:
            yield document, 0, size
            continue
        start = 0
        if offset > 0:
            yield document, 0, offset
            start = offset
        while start < size:
            yield document, start, min(start + context, size)
            start += context


@geometries
def test_windows_are_those_of_a_slow_loop(
    context: int, stride: int, sizes: Sequence[int]
) -> None:
    for epoch in range(EPOCHS):
        plan = WindowPlan(sizes, epoch=epoch, context=context, stride=stride)
        expected = list(slow_windows(sizes, epoch, context, stride))
        assert as_tuples(plan.all()) == expected
        assert plan.num_windows == len(expected)


@given(lengths(), st.integers(0, 1000))
def test_windows_of_any_lengths_are_those_of_a_slow_loop(
    sizes: list[int], epoch: int
) -> None:
    found = WindowPlan(sizes, epoch=epoch).all()
    assert as_tuples(found) == list(slow_windows(sizes, epoch, CONTEXT, STRIDE))


def test_the_worked_example_holds() -> None:
    windows = WindowPlan([2500], epoch=3).all()
    assert windows.start.tolist() == [0, 96, 1120, 2144]
    assert windows.end.tolist() == [96, 1120, 2144, 2500]
    assert windows.position.tolist() == [0, 3, 35, 67]
    assert windows.length.tolist() == [96, 1024, 1024, 356]


@geometries
def test_each_token_is_a_target_once_per_epoch(
    context: int, stride: int, sizes: Sequence[int]
) -> None:
    for epoch in range(EPOCHS):
        plan = WindowPlan(sizes, epoch=epoch, context=context, stride=stride)
        seen = [np.zeros(size, dtype=np.int64) for size in sizes]
        for document, start, end in as_tuples(plan.all()):
            seen[document][start:end] += 1
        assert all((count == 1).all() for count in seen)


@geometries
def test_no_window_crosses_a_document(
    context: int, stride: int, sizes: Sequence[int]
) -> None:
    for epoch in range(EPOCHS):
        plan = WindowPlan(sizes, epoch=epoch, context=context, stride=stride)
        windows = plan.all()
        assert (windows.start >= 0).all()
        assert (windows.end <= np.asarray(sizes)[windows.document]).all()


@geometries
def test_a_window_holds_between_one_token_and_the_context(
    context: int, stride: int, sizes: Sequence[int]
) -> None:
    for epoch in range(EPOCHS):
        plan = WindowPlan(sizes, epoch=epoch, context=context, stride=stride)
        length = plan.all().length
        assert length.min() >= 1
        assert length.max() <= context


@geometries
def test_starts_are_multiples_of_the_stride(
    context: int, stride: int, sizes: Sequence[int]
) -> None:
    for epoch in range(EPOCHS):
        plan = WindowPlan(sizes, epoch=epoch, context=context, stride=stride)
        windows = plan.all()
        assert not (windows.start % stride).any()
        assert (windows.position * stride == windows.start).all()


@geometries
def test_every_beginning_is_in_every_epoch(
    context: int, stride: int, sizes: Sequence[int]
) -> None:
    for epoch in range(EPOCHS):
        plan = WindowPlan(sizes, epoch=epoch, context=context, stride=stride)
        begun = Counter(doc for doc, start, _ in as_tuples(plan.all()) if start == 0)
        assert begun == Counter(range(len(sizes)))


@geometries
def test_a_document_that_fits_is_one_window_in_every_epoch(
    context: int, stride: int, sizes: Sequence[int]
) -> None:
    short = [size for size in sizes if size <= context]
    for epoch in range(EPOCHS):
        plan = WindowPlan(short, epoch=epoch, context=context, stride=stride)
        assert as_tuples(plan.all()) == [(i, 0, size) for i, size in enumerate(short)]


@geometries
def test_the_count_is_the_formula(
    context: int, stride: int, sizes: Sequence[int]
) -> None:
    for epoch in range(EPOCHS):
        offset = stride * epoch % context
        plan = WindowPlan(sizes, epoch=epoch, context=context, stride=stride)
        assert plan.offset == offset
        assert plan.num_windows == sum(
            1
            if size <= context
            else (offset > 0) + math.ceil((size - offset) / context)
            for size in sizes
        )


def test_thirty_two_epochs_give_thirty_two_alignments() -> None:
    size = 5 * CONTEXT
    cuts = [
        tuple(WindowPlan([size], epoch=epoch).all().start.tolist())
        for epoch in range(64)
    ]
    assert len(set(cuts)) == 32
    assert cuts[:32] == cuts[32:]
    residues = {start % CONTEXT for starts in cuts for start in starts}
    assert residues == set(range(0, CONTEXT, STRIDE))


def test_each_alignment_moves_the_cuts_by_one_stride() -> None:
    for epoch in range(1, 32):
        first, second = WindowPlan([5000], epoch=epoch).all().start[:2].tolist()
        assert (first, second) == (0, STRIDE * epoch)


def test_the_position_token_is_a_content_id_up_to_the_longest_document() -> None:
    highest = [
        int(WindowPlan([MAX_DOCUMENT_TOKENS], epoch=epoch).all().position.max())
        for epoch in range(32)
    ]
    # The last id is used, so a longer document would need one more.
    assert max(highest) == VOCAB_SIZE - 1


@given(lengths(), st.integers(0, 63), st.data())
def test_windows_can_be_located_in_any_order(
    sizes: list[int], epoch: int, data: st.DataObject
) -> None:
    plan = WindowPlan(sizes, epoch=epoch)
    number = st.integers(0, plan.num_windows - 1)
    numbers = data.draw(st.lists(number, max_size=20))
    everything = as_tuples(plan.all())
    assert as_tuples(plan.locate(numbers)) == [everything[i] for i in numbers]


def test_a_stride_that_does_not_divide_the_context_is_refused() -> None:
    with pytest.raises(ValueError, match="stride 3 does not divide context 8"):
        WindowPlan([1], epoch=0, context=8, stride=3)


def test_a_plan_says_what_it_is_in_one_line() -> None:
    plan = WindowPlan([2500, 10], epoch=3)
    assert str(plan) == "epoch 3: 5 windows of 2 documents, offset 96"
