"""Steps: which windows each has, for any number of ranks, and in which order."""

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from tct.data.errors import ConfigError
from tct.data.store import Split, Store
from tct.data.tokenizer import PAD
from tct.data.windows import POLICIES, Policy
from tct.data.windows import batches as batches_module
from tct.data.windows.layouts import LAYOUTS, Layout
from tct.data.windows.permutation import Permutation
from tct.tests.data.slow_batches import (
    C,
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
worlds = pytest.mark.parametrize("world_size", [1, 2, 3, 4, 7])


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
