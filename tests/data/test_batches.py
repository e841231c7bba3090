"""Batches: any step of any epoch, equal to windows that are read one by one."""

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tct.data import batches as batches_module
from tct.data.batches import Batch, Batches
from tct.data.errors import ConfigError
from tct.data.layouts import LAYOUTS, Layout
from tct.data.permutation import Permutation
from tct.data.store import Split, Store
from tct.data.tokenizer import PAD
from tct.data.windows import CONTEXT, POLICIES, STRIDE, Policy, Windows
from tct.tests.data.slow_windows import slow_windows

BuildStore = Callable[..., Store]
Tuples = list[tuple[int, int, int]]
C, S = 64, 16  # four views: many windows from few tokens

# Lengths around windows and strides; some end a shard exactly, some have one alone.
LENGTHS = [1, 200, 63, 64, 65, 500, 32, 96, 129, 128, 1, 300, 64, 7, 250, 2]
VAL = [2, 5, 15]

policies = pytest.mark.parametrize("policy", POLICIES)
layouts = pytest.mark.parametrize("layout", LAYOUTS)
worlds = pytest.mark.parametrize("world_size", [1, 2, 3, 4, 7])


MADE: list[Store] = []


@pytest.fixture
def small(build_store: BuildStore) -> Store:
    """Sixteen documents in seven shards; three of them for validation.

    Made once, since files are slow to write and nothing changes a store.
    """
    if not MADE:
        draw = np.random.default_rng(0)
        documents = [draw.integers(0, 8192, size).astype("<u2") for size in LENGTHS]
        MADE.append(build_store(documents, val=VAL, max_tokens=330))
        assert len(MADE[0].shards) == 7
    return MADE[0]


def make(store: Store, split: Split = "train", **options: Any) -> Batches:
    options = {"batch_size": 5, "seed": 3, "context": C, "stride": S} | options
    return Batches(store, split, **options)


def as_tuples(windows: Windows) -> Tuples:
    columns = (windows.document, windows.start, windows.end)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def slow_epoch(batches: Batches, epoch: int) -> Tuples:
    """The windows of an epoch in the order of training."""
    store = batches.store
    rows = [
        row for row in range(len(store)) if (row in VAL) == (batches.split == "val")
    ]
    phases = [
        int.from_bytes(sha[:2], "little") for sha in store.docs["sha256"].to_pylist()
    ]
    in_order = slow_windows(
        batches.policy,
        [LENGTHS[row] for row in rows],
        epoch=epoch,
        phases=[phases[row] for row in rows],
        context=batches.context,
        stride=batches.stride,
    )
    total = len(in_order)
    if total == 0:
        return []
    order = Permutation(total, seed=batches.seed, epoch=epoch)(np.arange(total))
    shuffled = [in_order[number] for number in order]
    return [(rows[document], start, end) for document, start, end in shuffled]


@dataclass(frozen=True)
class Slow:
    """A batch made one window at a time."""

    inputs: list[int]
    last: list[int]
    targets: list[int]
    """-1 where there is nothing to predict."""


def slow_batch(batch: Batch, store: Store, stride: int) -> Slow:
    """What a batch of these windows at these places has to hold."""
    inputs = [PAD] * batch.arrangement.num_positions
    targets = [-1] * batch.arrangement.num_positions
    last = []
    windows = as_tuples(batch.windows)
    for at, (row, start, end) in zip(batch.arrangement.at, windows, strict=True):
        content = store.tokens(row)[start:end].tolist()
        x = [start // stride, *content[:-1]]
        assert len(x) == len(content) == end - start
        inputs[at : at + len(x)] = x
        targets[at : at + len(x)] = content
        last.append(content[-1])
    return Slow(inputs, last, targets)


def check(batch: Batch, store: Store, stride: int) -> None:
    """A batch holds what it has to."""
    expected = slow_batch(batch, store, stride)
    assert batch.inputs.dtype == batch.last.dtype == np.uint16
    assert batch.inputs.tolist() == expected.inputs
    assert batch.last.tolist() == expected.last
    ends = zip(batch.arrangement.at, as_tuples(batch.windows), strict=True)
    assert batch.ends.tolist() == [at + end - start - 1 for at, (_, start, end) in ends]
    targets, is_target = batch.targets()
    assert targets.shape == is_target.shape == batch.inputs.shape
    assert np.where(is_target, targets.astype(int), -1).tolist() == expected.targets
    assert is_target.sum() == batch.windows.length.sum()


def equal(one: Batch, other: Batch) -> bool:
    return (
        (one.epoch, one.step, one.offset, one.num_targets)
        == (other.epoch, other.step, other.offset, other.num_targets)
        and as_tuples(one.windows) == as_tuples(other.windows)
        and one.windows.position.tolist() == other.windows.position.tolist()
        and one.arrangement == other.arrangement
        and np.array_equal(one.inputs, other.inputs)
        and np.array_equal(one.last, other.last)
    )


def all_steps(batches: Batches, *epochs: int) -> list[tuple[int, int]]:
    return [
        (epoch, step) for epoch in epochs for step in range(batches.num_steps(epoch))
    ]


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
            assert batch.is_packed == (layout == "packed")
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


# -------------------------------------------------------------------- which and when


@policies
@pytest.mark.parametrize("batch_size", [1, 5, 32, 1000])
@pytest.mark.parametrize("split", ["train", "val"])
def test_every_window_comes_once_per_epoch(
    small: Store, policy: Policy, split: Split, batch_size: int
) -> None:
    batches = make(small, split, batch_size=batch_size, policy=policy)
    for epoch in (0, 1):
        found = [
            window
            for step in range(batches.num_steps(epoch))
            for window in as_tuples(batches.windows(epoch, step))
        ]
        assert found == slow_epoch(batches, epoch)
        assert set(Counter(found).values()) <= {1}


def test_the_last_batch_of_an_epoch_has_what_is_left(small: Store) -> None:
    for layout in LAYOUTS:
        batches = make(small, layout=layout)
        total = batches.plan(0).num_windows
        left = total % 5
        assert left > 0
        last = batches.batch(0, batches.num_steps(0) - 1)
        assert len(last.windows) == len(last.last) == left
        check(last, small, S)
        if layout == "padded":  # of the same shape as the others
            assert last.arrangement.passes == ((5, C),)
            assert (last.inputs[left * C :] == PAD).all()


@pytest.mark.parametrize(
    ("rows", "passes"),
    [(None, ((5, C),)), (9, ((5, C),)), (2, ((2, C), (2, C), (1, C)))],
)
def test_a_pass_has_at_most_the_rows_asked_for(
    small: Store, rows: int | None, passes: tuple[tuple[int, int], ...]
) -> None:
    batch = make(small, rows=rows).batch(0, 0)
    assert batch.arrangement.passes == passes


@layouts
def test_a_pass_has_no_more_rows_than_a_rank_has_windows(
    small: Store, layout: Layout
) -> None:
    options: dict[str, Any] = {"layout": layout, "batch_size": 10, "world_size": 2}
    many, five, default = (make(small, rows=rows, **options) for rows in (99, 5, None))
    assert many.max_positions == five.max_positions == default.max_positions
    for when in all_steps(five, 0, 1):
        assert equal(many.batch(*when), five.batch(*when))
        assert equal(default.batch(*when), five.batch(*when))


@pytest.mark.parametrize("layout", ["bucketed", "packed"])
def test_static_shapes_are_the_default(small: Store, layout: Layout) -> None:
    default = make(small, layout=layout, rows=2)
    static = make(small, layout=layout, rows=2, static=True)
    tight = make(small, layout=layout, rows=2, static=False)
    saved = 0
    for when in all_steps(default, 0):
        assert equal(default.batch(*when), static.batch(*when))
        saved += len(static.batch(*when).inputs) - len(tight.batch(*when).inputs)
    assert saved > 0


@policies
def test_the_offset_is_that_of_the_plan(small: Store, policy: Policy) -> None:
    batches = make(small, policy=policy)
    moves = [0, S, 2 * S, 3 * S, 0]
    expected = {"plan": moves, "original": moves, "spread": [None] * 5}
    found = [batches.batch(epoch, 0).offset for epoch in range(5)]
    assert found == expected.get(policy, [0] * 5)


@policies
@layouts
def test_steps_can_be_asked_for_in_any_order(
    small: Store, policy: Policy, layout: Layout
) -> None:
    options: dict[str, Any] = {"policy": policy, "layout": layout, "rows": 3}
    batches = make(small, **options)
    wanted = all_steps(batches, 0, 4, 1)
    for i in np.random.default_rng(0).permutation(len(wanted)).tolist():
        fresh = make(small, **options)
        assert equal(batches.batch(*wanted[i]), fresh.batch(*wanted[i]))


@pytest.mark.parametrize("batch_size", [1, 3])
def test_steps_far_apart_can_be_asked_for_in_turn(
    build_store: BuildStore, batch_size: int
) -> None:
    # More steps than one would look up at once, and documents that tell who they are.
    documents = [np.full(2 + n % 3, n, dtype="<u2") for n in range(500)]
    store = build_store(documents)
    batches = make(store, batch_size=batch_size)
    steps = batches.num_steps(0)
    order = Permutation(500, seed=3, epoch=0)(np.arange(500))
    for step in np.random.default_rng(0).permutation(steps).tolist():
        batch = batches.batch(0, step)
        expected = order[step * batch_size : (step + 1) * batch_size].tolist()
        assert batch.windows.document.tolist() == expected
        assert batch.inputs[1::C][: len(expected)].tolist() == expected
        assert batch.last.tolist() == expected
        assert batch.num_targets == sum(2 + n % 3 for n in expected)


@pytest.mark.parametrize("policy", ["plan", "spread", "original"])
def test_a_pass_resumed_at_any_step_is_the_undisturbed_one(
    small: Store, policy: Policy
) -> None:
    undisturbed = make(small, policy=policy)
    wanted = all_steps(undisturbed, 0, 1, 2)
    whole = [undisturbed.batch(*when) for when in wanted]
    for first in range(len(wanted)):
        resumed = make(small, policy=policy)
        assert equal(resumed.batch(*wanted[first]), whole[first])
        for number in range(first + 1, min(first + 4, len(wanted))):
            assert equal(resumed.batch(*wanted[number]), whole[number])


def test_threads_can_share_batches(small: Store) -> None:
    shared = make(small, batch_size=2)
    wanted = all_steps(shared, 0, 1, 2) * 5
    alone = {when: make(small, batch_size=2).batch(*when) for when in set(wanted)}
    np.random.default_rng(0).shuffle(wanted)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda when: shared.batch(*when), wanted))
    finally:
        sys.setswitchinterval(interval)
    for when, batch in zip(wanted, found, strict=True):
        assert equal(batch, alone[when[0], when[1]])


def test_seeds_give_different_orders_of_the_same_windows(small: Store) -> None:
    first, second = (
        as_tuples(make(small, batch_size=1000, seed=seed).windows(0, 0))
        for seed in (0, 1)
    )
    assert first != second
    assert sorted(first) == sorted(second)


@policies
@pytest.mark.parametrize("split", ["train", "val"])
def test_the_steps_of_a_document_are_those_that_hold_it(
    small: Store, policy: Policy, split: Split
) -> None:
    batches = make(small, split, policy=policy, batch_size=3)
    for epoch in (0, 1, 2):
        holding = defaultdict(list)
        for step in range(batches.num_steps(epoch)):
            for window in as_tuples(batches.windows(epoch, step)):
                holding[window[0]].append((window, step))
        for row in batches.documents.tolist():
            windows, steps = batches.steps_of(row, epoch)
            found = list(zip(as_tuples(windows), steps.tolist(), strict=True))
            assert found == sorted(holding.pop(row, []))
        assert not holding


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


# --------------------------------------------------------------------------- ranks


@worlds
@layouts
@pytest.mark.parametrize("batch_size", [7, 10, 16])
def test_ranks_share_out_the_windows_of_one_world(
    small: Store, layout: Layout, world_size: int, batch_size: int
) -> None:
    alone = make(small, batch_size=batch_size)
    share = math.ceil(batch_size / world_size)
    ranks = [
        make(
            small,
            batch_size=batch_size,
            layout=layout,
            rank=rank,
            world_size=world_size,
        )
        for rank in range(world_size)
    ]
    for epoch in (0, 1, 2):
        assert {rank.num_steps(epoch) for rank in ranks} == {alone.num_steps(epoch)}
        for step in range(alone.num_steps(epoch)):
            whole = alone.batch(epoch, step)
            slices = [rank.batch(epoch, step) for rank in ranks]
            together = [w for part in slices for w in as_tuples(part.windows)]
            assert together == as_tuples(whole.windows)
            sizes = [len(part.windows) for part in slices]
            assert max(sizes) <= share
            assert max(sizes) - min(sizes) <= 1
            for rank, part in zip(ranks, slices, strict=True):
                assert part.num_targets == whole.num_targets
                assert as_tuples(rank.windows(epoch, step)) == together
                assert len(part.inputs) <= rank.max_positions
                check(part, small, S)


@layouts
def test_a_last_step_with_fewer_windows_than_ranks_serves_all(
    small: Store, layout: Layout
) -> None:
    total = make(small).plan(0).num_windows
    batch_size = next(size for size in range(7, 30) if 0 < total % size < 4)
    left = total % batch_size
    parts = []
    for rank in range(7):
        batches = make(
            small, batch_size=batch_size, layout=layout, rank=rank, world_size=7
        )
        part = batches.batch(0, batches.num_steps(0) - 1)
        assert part.arrangement.passes  # every rank computes a pass
        check(part, small, S)
        parts.append(part)
    assert sum(len(part.windows) for part in parts) == left
    empty = [part for part in parts if len(part.windows) == 0]
    assert len(empty) == 7 - left
    assert all((part.inputs == PAD).all() for part in empty)
    assert len({part.num_targets for part in parts}) == 1


def test_more_ranks_than_windows_in_a_step_are_refused(small: Store) -> None:
    make(small, batch_size=4, rank=3, world_size=4)
    with pytest.raises(ConfigError) as caught:
        make(small, batch_size=4, world_size=5)
    assert "found 5 ranks for 4 windows per step" in str(caught.value)
    assert "data.batch_size" in str(caught.value)


@pytest.mark.parametrize(("rank", "world_size"), [(-1, 2), (2, 2), (0, 0)])
def test_a_rank_outside_the_world_is_refused(
    small: Store, rank: int, world_size: int
) -> None:
    message = f"rank: found {rank}, expected 0 to {world_size - 1}"
    with pytest.raises(ValueError, match=message):
        make(small, rank=rank, world_size=world_size)


# ------------------------------------------------------------------------ identity


def test_the_identity_changes_with_all_that_windows_depend_on(
    small: Store, build_store: BuildStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = build_store([np.full(9, 1, dtype="<u2")], name="other")
    identities = [
        make(small).identity,
        make(other).identity,
        make(small, "val").identity,
        *(make(small, policy=policy).identity for policy in POLICIES[1:]),
        make(small, context=2 * C).identity,
        make(small, stride=2 * S).identity,
        make(small, seed=4).identity,
        make(small, batch_size=6).identity,
    ]
    monkeypatch.setattr(batches_module, "ORDER_VERSION", "feistel-2")
    identities.append(make(small).identity)
    for i, one in enumerate(identities):
        assert one not in identities[:i]


@pytest.mark.parametrize(
    "options",
    [
        {"rank": 1, "world_size": 3},
        {"layout": "packed"},
        {"layout": "bucketed"},
        {"rows": 2},
        {"static": False},
    ],
)
def test_the_identity_is_the_same_on_any_machine(small: Store, options: Any) -> None:
    assert make(small, **options).identity == make(small).identity


# ------------------------------------------------------------------------ refusals


@pytest.mark.parametrize("beyond", [0, 1, 1000])
def test_a_step_beyond_the_epoch_is_refused(small: Store, beyond: int) -> None:
    batches = make(small)
    steps = batches.num_steps(2)
    message = (
        rf"step {steps + beyond} of epoch 2: found no window, "
        rf"expected a step in \[0, {steps}\)"
    )
    for ask in (batches.batch, batches.windows):
        with pytest.raises(IndexError, match=message):
            ask(2, steps + beyond)


def test_a_negative_step_is_refused(small: Store) -> None:
    with pytest.raises(IndexError, match="step -1 of epoch 0"):
        make(small).batch(0, -1)
