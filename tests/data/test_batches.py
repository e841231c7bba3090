"""Batches: the rows of any step, equal to rows that are made one by one."""

import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tct.data.batches import Batch, Batches
from tct.data.permutation import Permutation
from tct.data.store import Store
from tct.data.tokenizer import PAD
from tct.data.windows import CONTEXT, STRIDE

BuildStore = Callable[..., Store]
C = 64  # two strides: many windows from few tokens

# Lengths around windows and strides; some end a shard exactly, some have one alone.
LENGTHS = [1, 200, 63, 64, 65, 500, 32, 96, 129, 128, 1, 300, 64, 7, 250, 2]


@pytest.fixture
def small(build_store: BuildStore) -> Store:
    """Sixteen documents in seven shards; three of them for validation."""
    draw = np.random.default_rng(0)
    documents = [draw.integers(0, 8192, size).astype("<u2") for size in LENGTHS]
    store = build_store(documents, val=[2, 5, 15], max_tokens=330)
    assert len(store.shards) == 7
    return store


def slow_row(store: Store, row: int, start: int, end: int, context: int) -> list[int]:
    """Position token, content, and PAD up to the end."""
    content = store.tokens(row)[start:end].tolist()
    return [start // STRIDE, *content, *[PAD] * (context - len(content))]


def as_tuples(batch: Batch) -> list[tuple[int, int, int]]:
    windows = batch.windows
    columns = (windows.document, windows.start, windows.end)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def slow_windows(store: Store, rows: list[int], epoch: int) -> list[tuple[int, ...]]:
    offset = STRIDE * epoch % C
    found: list[tuple[int, ...]] = []
    for row in rows:
        length = int(store.length[row])
        cuts = (
            [0, *range(offset or C, length, C), length] if length > C else [0, length]
        )
        found += [(row, start, end) for start, end in pairwise(cuts)]
    return found


@pytest.mark.parametrize("epoch", [0, 1, 2, 33])
def test_rows_are_those_of_a_slow_loop(small: Store, epoch: int) -> None:
    batches = Batches(small, "train", batch_size=5, seed=3, context=C)
    for step in range(batches.num_steps(epoch)):
        batch = batches.batch(epoch, step)
        expected = [slow_row(small, *window, C) for window in as_tuples(batch)]
        expected += [[PAD] * (C + 1)] * (5 - len(expected))
        assert batch.rows.dtype == np.uint16
        assert batch.rows.tolist() == expected


def test_rows_of_the_real_context_are_those_of_a_slow_loop(store: Store) -> None:
    batches = Batches(store, "train", batch_size=8, seed=0)
    cut = 0
    for epoch in (0, 5):
        for step in range(batches.num_steps(epoch)):
            batch = batches.batch(epoch, step)
            windows = as_tuples(batch)
            assert batch.rows.shape == (8, CONTEXT + 1)
            for row, window in zip(batch.rows, windows, strict=False):
                assert row.tolist() == slow_row(store, *window, CONTEXT)
            cut += sum(start > 0 for _, start, _ in windows)
    assert cut >= 3


@pytest.mark.parametrize("batch_size", [1, 5, 32, 1000])
@pytest.mark.parametrize("split", ["train", "val"])
def test_every_window_comes_once_per_epoch(
    small: Store, split: str, batch_size: int
) -> None:
    rows = [r for r in range(16) if (r in (2, 5, 15)) == (split == "val")]
    batches = Batches(
        small,
        "val" if split == "val" else "train",
        batch_size=batch_size,
        seed=9,
        context=C,
    )
    for epoch in (0, 1):
        found = Counter(
            window
            for step in range(batches.num_steps(epoch))
            for window in as_tuples(batches.batch(epoch, step))
        )
        assert found == Counter(slow_windows(small, rows, epoch))


def test_the_order_is_the_permutation_of_the_plan(small: Store) -> None:
    batches = Batches(small, "train", batch_size=7, seed=21, context=C)
    total = batches.plan(4).num_windows
    order = Permutation(total, seed=21, epoch=4)(np.arange(total))
    in_plan = slow_windows(small, batches.documents.tolist(), 4)
    found = [
        window
        for step in range(batches.num_steps(4))
        for window in as_tuples(batches.batch(4, step))
    ]
    assert found == [in_plan[number] for number in order]


def test_the_last_batch_may_be_partly_empty(small: Store) -> None:
    batches = Batches(small, "train", batch_size=5, seed=0, context=C)
    total = batches.plan(0).num_windows
    left = total % 5
    assert left > 0
    assert batches.num_steps(0) == math.ceil(total / 5)
    last = batches.batch(0, batches.num_steps(0) - 1)
    assert len(last.windows) == left
    assert last.rows.shape == (5, C + 1)
    assert (last.rows[left:] == PAD).all()
    assert (last.rows[:left, 0] < PAD).all()


def test_steps_can_be_asked_for_in_any_order(small: Store) -> None:
    batches = Batches(small, "train", batch_size=4, seed=1, context=C)
    wanted = [
        (epoch, step) for epoch in (0, 3, 1) for step in range(batches.num_steps(epoch))
    ]
    shuffled = np.random.default_rng(0).permutation(len(wanted))
    found = {int(i): batches.batch(*wanted[i]) for i in shuffled}
    for number, (epoch, step) in enumerate(wanted):
        fresh = Batches(small, "train", batch_size=4, seed=1, context=C)
        expected = fresh.batch(epoch, step)
        assert np.array_equal(found[number].rows, expected.rows)
        assert as_tuples(found[number]) == as_tuples(expected)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_steps_far_apart_can_be_asked_for_in_turn(
    build_store: BuildStore, batch_size: int
) -> None:
    # More steps than one would look up at once, and documents that tell who they are.
    documents = [np.full(1 + n % 3, n, dtype="<u2") for n in range(500)]
    store = build_store(documents)
    batches = Batches(store, "train", batch_size=batch_size, seed=5, context=C)
    steps = batches.num_steps(0)
    total = len(documents)
    order = Permutation(total, seed=5, epoch=0)(np.arange(total))
    for step in np.random.default_rng(0).permutation(steps).tolist():
        batch = batches.batch(0, step)
        expected = order[step * batch_size : (step + 1) * batch_size].tolist()
        assert batch.windows.document.tolist() == expected
        assert batch.rows[: len(expected), 1].tolist() == expected


def test_asking_again_does_not_change_what_was_given(small: Store) -> None:
    batches = Batches(small, "train", batch_size=4, seed=1, context=C)
    first = batches.batch(0, 0)
    before = first.rows.copy()
    batches.batch(0, 1)
    assert np.array_equal(first.rows, before)


def test_seeds_give_different_orders_of_the_same_windows(small: Store) -> None:
    everything = [
        Batches(small, "train", batch_size=1000, seed=seed, context=C).batch(0, 0)
        for seed in (0, 1)
    ]
    first, second = (as_tuples(batch) for batch in everything)
    assert first != second
    assert sorted(first) == sorted(second)


def test_windows_at_the_end_of_a_shard_are_read_right(build_store: BuildStore) -> None:
    # Each shard ends in a document of one token, which is read at full width.
    documents = [np.full(size, size, dtype="<u2") for size in (9, 1, 9, 1, 9, 1)]
    store = build_store(documents, max_tokens=10)
    assert len(store.shards) == 3
    batch = Batches(store, "train", batch_size=6, seed=0).batch(0, 0)
    for row, (document, start, end) in zip(batch.rows, as_tuples(batch), strict=True):
        size = int(store.length[document])
        assert (start, end) == (0, size)
        assert row.tolist() == [0] + [size] * size + [PAD] * (CONTEXT - size)


def test_a_full_window_has_no_pad(build_store: BuildStore) -> None:
    store = build_store([np.full(CONTEXT, 7, dtype="<u2")])
    rows = Batches(store, "train", batch_size=1, seed=0).batch(0, 0).rows
    assert rows.tolist() == [[0] + [7] * CONTEXT]


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(epoch=st.integers(0, 70), seed=st.integers(0, 2**64 - 1), data=st.data())
def test_any_step_of_any_epoch_and_seed_equals_the_slow_loop(
    small: Store, epoch: int, seed: int, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, 40))
    batches = Batches(small, "train", batch_size=size, seed=seed, context=C)
    step = data.draw(st.integers(0, batches.num_steps(epoch) - 1))
    batch = batches.batch(epoch, step)
    assert len(batch.windows) >= 1
    for row, window in zip(batch.rows, as_tuples(batch), strict=False):
        assert row.tolist() == slow_row(small, *window, C)


@pytest.mark.parametrize("beyond", [0, 1, 1000])
def test_a_step_beyond_the_epoch_is_refused(small: Store, beyond: int) -> None:
    batches = Batches(small, "train", batch_size=5, seed=0, context=C)
    steps = batches.num_steps(2)
    message = (
        rf"step {steps + beyond} of epoch 2: found no window, "
        rf"expected a step in \[0, {steps}\)"
    )
    with pytest.raises(IndexError, match=message):
        batches.batch(2, steps + beyond)


def test_a_negative_step_is_refused(small: Store) -> None:
    with pytest.raises(IndexError, match="step -1 of epoch 0"):
        Batches(small, "train", batch_size=5, seed=0, context=C).batch(0, -1)


@pytest.mark.parametrize("context", [0, -32, CONTEXT + 1, 2 * CONTEXT])
def test_a_context_that_the_guards_do_not_cover_is_refused(
    small: Store, context: int
) -> None:
    with pytest.raises(ValueError, match=f"context: found {context}, expected 1 to"):
        Batches(small, "train", batch_size=5, seed=0, context=context)
