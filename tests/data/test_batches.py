"""Batches: what they hold, equal to windows that are read one by one."""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tct.data.store import Store
from tct.data.tokenizer import PAD
from tct.data.windows import CONTEXT, POLICIES, STRIDE, Policy
from tct.data.windows.batches import Batches
from tct.data.windows.layouts import LAYOUTS, Layout
from tct.tests.data.slow_batches import (
    S,
    all_steps,
    as_tuples,
    check,
    equal,
    make,
    slow_epoch,
)

BuildStore = Callable[..., Store]

policies = pytest.mark.parametrize("policy", POLICIES)
layouts = pytest.mark.parametrize("layout", LAYOUTS)


# ------------------------------------------------------------------- what they hold


@policies
@layouts
@pytest.mark.parametrize("rows", [None, 2])
def test_batches_are_those_of_a_slow_loop(
    small: Store, policy: Policy, layout: Layout, rows: int | None
) -> None:
    batches = make(small, policy=policy, layout=layout, rows=rows)
    for epoch in (0, 1, 3, 33):
        windows = slow_epoch(batches, epoch)
        assert len(windows) > 5
        assert batches.num_steps(epoch) == math.ceil(len(windows) / 5)
        for step in range(batches.num_steps(epoch)):
            batch = batches.batch(epoch, step)
            expected = windows[step * 5 : step * 5 + 5]
            assert (batch.epoch, batch.step) == (epoch, step)
            assert batches.is_packed == (layout == "packed")
            assert as_tuples(batch.windows) == expected
            assert as_tuples(batches.windows(epoch, step)) == expected
            assert batch.num_targets == sum(end - start for _, start, end in expected)
            check(batch, small, S)


@policies
@layouts
def test_batches_of_the_real_geometry_are_those_of_a_slow_loop(
    store: Store, policy: Policy, layout: Layout
) -> None:
    batches = Batches(
        store, "train", batch_size=8, seed=0, policy=policy, layout=layout
    )
    cut = 0
    for epoch in (0, 5):
        for step in range(min(4, batches.num_steps(epoch))):
            batch = batches.batch(epoch, step)
            check(batch, store, STRIDE)
            cut += sum(start > 0 for _, start, _ in as_tuples(batch.windows))
    assert cut >= 1


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(epoch=st.integers(0, 70), seed=st.integers(0, 2**64 - 1), data=st.data())
def test_any_step_of_any_batches_equals_the_slow_loop(
    small: Store, epoch: int, seed: int, data: st.DataObject
) -> None:
    draw = data.draw
    size = draw(st.integers(1, 40))
    world_size = draw(st.integers(1, min(size, 5)))
    context, stride = draw(st.sampled_from([(64, 16), (96, 32), (32, 32), (12, 1)]))
    batches = make(
        small,
        batch_size=size,
        seed=seed,
        policy=draw(st.sampled_from(["plan", "spread", "overlap", "sequential"])),
        layout=draw(st.sampled_from(LAYOUTS)),
        static=draw(st.booleans()),
        rows=draw(st.none() | st.integers(1, size)),
        context=context,
        stride=stride,
        rank=draw(st.integers(0, world_size - 1)),
        world_size=world_size,
    )
    step = draw(st.integers(0, batches.num_steps(epoch) - 1))
    windows = slow_epoch(batches, epoch)[step * size : (step + 1) * size]
    out = np.full(batches.max_positions, 54321, dtype=np.uint16)
    batch = batches.batch(epoch, step, out)
    assert as_tuples(batches.windows(epoch, step)) == windows
    assert Counter(as_tuples(batch.windows)) <= Counter(windows)
    check(batch, small, stride)
    assert (out[batch.arrangement.num_positions :] == 54321).all()


def test_a_batch_is_the_one_written_by_hand(build_store: BuildStore) -> None:
    store = build_store([np.arange(100, 111, dtype="<u2"), np.array([7], dtype="<u2")])
    batch = make(store, batch_size=4, context=8, stride=2, rows=2).batch(1, 0)
    # Offset 2: [0, 2), [2, 10) and [10, 11) of the first, and the second whole.
    places = dict(zip(as_tuples(batch.windows), batch.arrangement.at, strict=True))
    assert sorted(places) == [(0, 0, 2), (0, 2, 10), (0, 10, 11), (1, 0, 1)]
    targets, is_target = batch.targets()
    signed = np.where(is_target, targets.astype(int), -1)
    for window, x, y in [
        ((0, 0, 2), [0, 100, *[PAD] * 6], [100, 101, *[-1] * 6]),
        ((0, 2, 10), [1, *range(102, 109)], [*range(102, 110)]),
        ((0, 10, 11), [5, *[PAD] * 7], [110, *[-1] * 7]),
        ((1, 0, 1), [0, *[PAD] * 7], [7, *[-1] * 7]),
    ]:
        at = places[window]
        assert batch.inputs[at : at + 8].tolist() == x
        assert signed[at : at + 8].tolist() == y
    assert batch.num_targets == 12
    assert batch.offset == 2
    assert batch.arrangement.passes == ((2, 8), (2, 8))


def test_windows_at_the_end_of_a_shard_are_read_right(build_store: BuildStore) -> None:
    # Each shard ends in a document of one token, so of no content among the inputs.
    documents = [np.full(size, size, dtype="<u2") for size in (9, 1, 9, 1, 9, 1)]
    store = build_store(documents, max_tokens=10)
    assert len(store.shards) == 3
    batch = Batches(store, "train", batch_size=6, seed=0).batch(0, 0)
    rows = batch.inputs.reshape(6, CONTEXT).tolist()
    for row, last, (document, start, end) in zip(
        rows, batch.last.tolist(), as_tuples(batch.windows), strict=True
    ):
        size = len(documents[document])
        assert (start, end) == (0, size)
        assert row == [0] + [size] * (size - 1) + [PAD] * (CONTEXT - size)
        assert last == size


def test_a_full_window_has_no_pad(build_store: BuildStore) -> None:
    store = build_store([np.arange(1, CONTEXT + 1, dtype="<u2")])
    batch = Batches(store, "train", batch_size=1, seed=0).batch(0, 0)
    targets, is_target = batch.targets()
    assert batch.inputs.tolist() == list(range(CONTEXT))
    assert targets.tolist() == list(range(1, CONTEXT + 1))
    assert is_target.all()


def authors_rows(
    tokens: list[list[int]], epoch: int, context: int, stride: int
) -> list[tuple[int, int, list[int], list[int]]]:
    """The author's own loop: (document, start, x, y) of each window of an epoch."""
    offset = (epoch * stride) % context
    windows = []
    for document, ids in enumerate(tokens):
        if len(ids) < context:
            if offset == 0:
                windows.append((document, 0))
        else:
            pos = offset
            while pos + context <= len(ids):
                windows.append((document, pos))
                pos += context
    rows = []
    for document, start in windows:
        window = tokens[document][start : start + context]
        actual_length = len(window)
        window = window + [8192] * (context - actual_length)
        sequence = [start // stride, *window]
        x, y = sequence[:-1], sequence[1:]
        y[actual_length:] = [-1] * (context - actual_length)
        rows.append((document, start, x, y))
    return rows


def check_original(batches: Batches, epoch: int) -> int:
    """Compare an epoch with the author's rows; how many of them were padded."""
    store, context = batches.store, batches.context
    documents = batches.documents.tolist()
    tokens = [store.tokens(row).tolist() for row in documents]
    expected = {
        (documents[document], start): (x, y)
        for document, start, x, y in authors_rows(
            tokens, epoch, context, batches.stride
        )
    }
    padded = 0
    for epoch_, step in all_steps(batches, epoch):
        batch = batches.batch(epoch_, step)
        targets, is_target = batch.targets()
        inputs = batch.inputs.astype(int)
        signed = np.where(is_target, targets.astype(int), -1)
        windows = as_tuples(batch.windows)
        for at, (row, start, end) in zip(batch.arrangement.at, windows, strict=True):
            x, y = expected.pop((row, start))
            n = end - start
            ours = inputs[at : at + context].tolist()
            assert signed[at : at + context].tolist() == y
            assert ours[:n] == x[:n]  # at every position that has a target
            assert (y[:n].count(-1), set(y[n:])) == (0, {-1} if n < context else set())
            if n < context:
                # The one difference: behind a short window his x repeats its last
                # token once, where there is nothing to predict; ours has PAD.
                assert x[n] == store.tokens(row)[end - 1]
                assert ours[n] == PAD
                assert ours[n + 1 :] == x[n + 1 :]
                padded += 1
    assert expected == {}
    return padded


def test_original_gives_the_rows_of_the_authors_own_loop(small: Store) -> None:
    batches = make(small, policy="original")
    padded = [check_original(batches, epoch) for epoch in range(5)]
    # He keeps the short documents in every fourth epoch here, 32nd in his geometry.
    assert padded == [4, 0, 0, 0, 4]


def test_original_gives_the_authors_rows_in_his_own_geometry(store: Store) -> None:
    batches = Batches(store, "train", batch_size=16, seed=1, policy="original")
    assert check_original(batches, 0) > 10
    assert check_original(batches, 3) == 0


def test_an_epoch_without_windows_has_no_steps(build_store: BuildStore) -> None:
    store = build_store([np.full(5, 1, dtype="<u2")])
    batches = make(store, policy="original")
    assert [batches.num_steps(epoch) for epoch in range(5)] == [1, 0, 0, 0, 1]
    with pytest.raises(IndexError, match="step 0 of epoch 1: found no window"):
        batches.batch(1, 0)
    windows, steps = batches.steps_of(0, 1)
    assert (len(windows), len(steps)) == (0, 0)


# ------------------------------------------------------------------------- a buffer


@policies
@layouts
def test_a_buffer_filled_again_holds_the_same(
    small: Store, policy: Policy, layout: Layout
) -> None:
    batches = make(small, policy=policy, layout=layout, rows=2)
    out = np.empty(batches.max_positions + 100, dtype=np.uint16)
    for when in all_steps(batches, 0, 1):
        out.fill(54321)
        batch = batches.batch(*when, out)
        assert np.shares_memory(batch.inputs, out)
        assert batch.inputs.ctypes.data == out.ctypes.data
        assert len(batch.inputs) == batch.arrangement.num_positions
        assert (out[len(batch.inputs) :] == 54321).all()
        assert equal(batch, batches.batch(*when))


@layouts
def test_full_windows_fit_in_the_most_positions(
    build_store: BuildStore, layout: Layout
) -> None:
    # As many full rows as a step can have, for every way to share them out in passes.
    store = build_store([np.full(8, n, dtype="<u2") for n in range(14)])
    for batch_size in range(1, 14):
        for rows in range(1, batch_size + 1):
            batches = make(
                store,
                batch_size=batch_size,
                rows=rows,
                layout=layout,
                context=8,
                stride=2,
            )
            out = np.empty(batches.max_positions, dtype=np.uint16)
            check(batches.batch(0, 0, out), store, 2)


def test_asking_again_does_not_change_what_was_given(small: Store) -> None:
    batches = make(small)
    first = batches.batch(0, 0)
    before = first.inputs.copy(), first.last.copy(), as_tuples(first.windows)
    for when in all_steps(batches, 0, 1):
        batches.batch(*when)
    assert np.array_equal(first.inputs, before[0])
    assert np.array_equal(first.last, before[1])
    assert as_tuples(first.windows) == before[2]
