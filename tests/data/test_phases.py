"""A context that changes in the course of a run, compared with plain lists."""

import math
from collections import Counter
from fractions import Fraction
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tct.data.errors import ConfigError
from tct.data.starts import first_steps
from tct.data.store import Store
from tct.data.store.mixture import MixStage, mix
from tct.data.windows import POLICIES, Policy
from tct.data.windows.batches import Batches
from tct.data.windows.layouts import LAYOUTS
from tct.tests.data.slow_batches import Tuples, all_steps, as_tuples, check, equal
from tct.tests.stores import store_of_lengths

C, S = 16, 2
LENGTHS = [3, 16, 9, 41, 5, 60, 2, 17, 8, 33]


def make(store: Store, **options: Any) -> Batches:
    chosen = {"batch_size": 5, "seed": 3, "context": C, "stride": S} | options
    return Batches(store, "train", **chosen)


def fresh(batches: Batches, **changes: Any) -> Batches:
    """The same batches, opened once more."""
    options = {
        name: getattr(batches, name)
        for name in ("batch_size", "seed", "policy", "layout", "rank", "world_size")
    }
    phases = {"phases": [phase[:2] for phase in batches.phases]}
    return make(batches.store, **options | phases | changes)


def mean_length(store: Store, policy: Policy, context: int) -> Fraction:
    """Of the windows of as many epochs as there are alignments."""
    batches = make(store, policy=policy, context=context)
    lengths = [
        length
        for epoch in range(context // S)
        for length in batches.plan(epoch).all().length.tolist()
    ]
    return Fraction(sum(lengths), len(lengths))


def read(batches: Batches, epoch: int) -> Tuples:
    """Every window of an epoch, in the order of training."""
    return [
        window
        for when in all_steps(batches, epoch)
        for window in as_tuples(batches.windows(*when))
    ]


def passes_of(batches: Batches, epoch: int) -> list[Fraction]:
    """Passes of each store before an epoch."""
    return batches.schedule.points(epoch)


contexts = st.sampled_from([2, 4, 6, 8, 12, 16])
some_lengths = st.lists(st.integers(1, 60), min_size=1, max_size=12)
some_weights = st.sampled_from([Fraction(text) for text in ("0.3", "0.5", "1", "2")])


@st.composite
def some_batches(draw: st.DrawFn, *, is_mixture: bool | None = None) -> Batches:
    num = draw(st.integers(1, 3)) if is_mixture is not False else 1
    stores = [store_of_lengths(draw(some_lengths), number=n) for n in range(num)]
    store, step = stores[0], 0
    if num > 1 or is_mixture:
        stages = []
        for _ in range(draw(st.integers(1, 3))):
            weights = st.tuples(*[some_weights | st.just(Fraction(0))] * num)
            stages.append(
                MixStage(after=Fraction(step), weights=draw(weights.filter(any)))
            )
            step += draw(st.integers(1, 9))
        store = mix(stores, stages)
    phases, step = [], 0
    for _ in range(draw(st.integers(1, 3))):
        phases.append((step, draw(contexts)))
        step += draw(st.integers(1, 12))
    size = draw(st.integers(1, 7))
    world_size = draw(st.integers(1, size))
    return make(
        store,
        phases=phases,
        batch_size=size,
        seed=draw(st.integers(0, 2**63 - 1)),
        policy=draw(st.sampled_from(["plan", "spread", "overlap", "sequential"])),
        layout=draw(st.sampled_from(LAYOUTS)),
        rank=draw(st.integers(0, world_size - 1)),
        world_size=world_size,
    )


# ----------------------------------------------------------------------- exact cases


def test_a_phase_begins_at_its_step_with_the_next_pass() -> None:
    store = store_of_lengths(LENGTHS)
    batches = make(store, phases=[(0, 8), (7, 16)])
    short, long = make(store, context=8), make(store)
    # As many targets: a mean pass has 31 windows of 8, or 19 1/8 of 16.
    assert batches.phases == [(0, 8, 8), (7, 16, 5)]
    firsts = [batches.schedule.first_step(epoch) for epoch in range(4)]
    assert firsts == [0, 4, 7, 11]
    assert [batches.num_steps(epoch) for epoch in range(4)] == [4, 3, 4, 4]
    assert read(batches, 0) == read(short, 0)
    assert read(batches, 1) == read(short, 1)[:24]
    for epoch in (2, 3, 17):
        assert read(batches, epoch) == read(long, epoch)
        for when in all_steps(batches, epoch):
            assert equal(batches.batch(*when), long.batch(*when))
    assert [batches.stage(epoch).context for epoch in (0, 1, 2)] == [8, 8, 16]
    assert batches.plan(1).num_left == len(read(short, 1)) - 24
    assert [batches.plan(epoch).num_left for epoch in (0, 2)] == [0, 0]
    assert batches.schedule.read(1) == [1 + Fraction(24, len(read(short, 1)))]
    assert passes_of(batches, 2) == [2]


def test_long_documents_have_twice_the_windows_at_half_the_context() -> None:
    batches = make(store_of_lengths([2000]), phases=[(0, 8), (9, 16)], batch_size=32)
    assert [size for _, _, size in batches.phases] == [64, 32]


def test_short_documents_have_the_same_windows_at_any_context() -> None:
    store = store_of_lengths([3] * 50)
    batches = make(store, phases=[(0, 4), (9, 16)], batch_size=10)
    assert [size for _, _, size in batches.phases] == [10, 10]
    assert [batches.schedule.first_step(epoch) for epoch in range(4)] == [0, 5, 9, 14]
    # The rest of pass 1 is not read, and no order comes twice.
    assert len(read(batches, 1)) == 40
    assert read(batches, 2) == read(make(store), 2)


def test_a_phase_that_begins_with_an_epoch_breaks_no_pass_off() -> None:
    store = store_of_lengths(LENGTHS)
    steps = make(store, phases=[(0, 8)]).num_steps(0)
    batches = make(store, phases=[(0, 8), (steps, 16)])
    assert batches.schedule.phases[1][0] == 1
    assert batches.plan(0).num_left == 0
    assert passes_of(batches, 1) == [1]


def test_the_context_may_fall_and_stay_below_that_of_the_model() -> None:
    store = store_of_lengths(LENGTHS)
    batches = make(store, phases=[(0, 16), (3, 4)])
    assert [(step, context) for step, context, _ in batches.phases] == [(0, 16), (3, 4)]
    assert read(batches, 1) == [
        window
        for step in range(batches.num_steps(1))
        for window in as_tuples(make(store, context=4, batch_size=14).windows(1, step))
    ]
    alone = make(store, phases=[(0, 4)])
    assert alone.phases == [(0, 4, 14)]
    assert alone.changes_context


@pytest.mark.parametrize("phases", [[(0, 16)], [(0, 16), (5, 16)]])
def test_a_context_that_does_not_change_changes_nothing(phases: Any) -> None:
    store = store_of_lengths(LENGTHS)
    ours, theirs = make(store, phases=phases), make(store)
    assert ours.identity == theirs.identity
    assert not ours.changes_context
    for when in all_steps(theirs, 0, 1, 2, 9):
        assert equal(ours.batch(*when), theirs.batch(*when))


def test_the_identity_has_the_phases() -> None:
    store = store_of_lengths(LENGTHS)
    found = [
        make(store, phases=phases).identity
        for phases in ([(0, 8)], [(0, 8), (7, 16)], [(0, 8), (8, 16)], [(0, 4)])
    ]
    assert all(one not in found[:n] for n, one in enumerate(found))
    assert found[1]["phases"] == [[0, 8, 8], [7, 16, 5]]
    assert (found[1]["context"], found[1]["batch_size"]) == (16, 5)


def test_a_mixture_begins_every_store_anew_at_a_switch() -> None:
    stores = [store_of_lengths(LENGTHS, number=n) for n in range(2)]
    weights = Fraction(1), Fraction(1, 2)
    store = mix(stores, [MixStage(after=Fraction(0), weights=weights)])
    batches = make(store, phases=[(0, 8), (9, 16)])
    switch = batches.schedule.phases[1][0]
    before = batches.schedule.read(switch - 1)
    assert any(point.denominator > 1 for point in before)
    assert passes_of(batches, switch) == [math.ceil(point) for point in before]


# ------------------------------------------------------------------------ properties


@settings(max_examples=100)
@given(batches=some_batches(is_mixture=False), more=st.integers(0, 3))
def test_an_epoch_is_that_of_a_run_at_its_context(batches: Batches, more: int) -> None:
    last = batches.schedule.last_stage
    for epoch in range(last + more + 1):
        stage = batches.stage(epoch)
        size = stage.batch_size
        alone = fresh(batches, context=stage.context, batch_size=size, phases=[])
        found = read(batches, epoch)
        assert found == read(alone, epoch)[: len(found)]
        is_last = epoch >= last or batches.stage(epoch + 1).step == stage.step
        assert (len(found) == alone.plan(epoch).num_windows) or not is_last
        for when in all_steps(batches, epoch)[:-1]:
            assert equal(batches.batch(*when), alone.batch(*when))


@settings(max_examples=100)
@given(batches=some_batches())
def test_every_token_comes_once_per_pass_of_a_phase(batches: Batches) -> None:
    if batches.policy == "overlap":
        return
    schedule = batches.schedule
    bounds = [*(epoch for epoch, _ in schedule.phases), schedule.last_stage + 3]
    for first, end in pairwise(bounds):
        seen = Counter[tuple[int, int]]()
        for epoch in range(first, end):
            for row, start, stop in read(batches, epoch):
                assert 0 < stop - start <= batches.stage(epoch).context
                seen.update((row, token) for token in range(start, stop))
        begun, done = passes_of(batches, first), schedule.read(end - 1)
        assert all(point.denominator == 1 for point in begun)
        ends = [*batches.store.first_rows[1:], len(batches.store)]
        for number, after in enumerate(ends):
            passes = done[number] - begun[number]
            for row in range(batches.store.first_rows[number], after):
                for token in range(int(batches.store.length[row])):
                    times = seen[row, token]
                    assert math.floor(passes) <= times <= math.ceil(passes)


@settings(max_examples=100)
@given(batches=some_batches())
def test_a_phase_begins_at_its_step(batches: Batches) -> None:
    schedule, total = batches.schedule, 0
    found: dict[int, int] = {}
    for epoch in range(schedule.last_stage + 1):
        assert schedule.first_step(epoch) == total
        found.setdefault(batches.stage(epoch).step, total)
        total += batches.num_steps(epoch)
    # An epoch without a step may stand before a stage, never in its place.
    assert all(step == first for step, first in found.items())
    assert {step for step, _, _ in batches.phases} <= found.keys()


@settings(max_examples=80)
@given(batches=some_batches(), data=st.data())
def test_any_step_can_be_read_at_any_time(
    batches: Batches, data: st.DataObject
) -> None:
    epochs = range(batches.schedule.last_stage + 12)
    when = data.draw(st.sampled_from(all_steps(batches, *epochs)))
    batch, again = batches.batch(*when), fresh(batches).batch(*when)
    assert equal(again, batch)
    check(batch, batches.store, S)
    assert len(batch.inputs) <= batches.max_positions
    assert len(batch.windows) <= batches.share
    widths = [width for _, width in batch.arrangement.passes]
    assert max(widths) <= batches.stage(when[0]).context


@settings(max_examples=60)
@given(batches=some_batches())
def test_any_number_of_ranks_reads_the_same_windows(batches: Batches) -> None:
    ranks = [fresh(batches, rank=rank) for rank in range(batches.world_size)]
    for when in all_steps(batches, *range(batches.schedule.last_stage + 2)):
        parts = [as_tuples(rank.batch(*when).windows) for rank in ranks]
        assert list(chain(*parts)) == as_tuples(batches.windows(*when))


@settings(max_examples=60)
@given(batches=some_batches())
def test_the_steps_of_a_document_are_those_that_hold_it(batches: Batches) -> None:
    for epoch in range(batches.schedule.last_stage + 1):
        holding = sorted(
            (window, step)
            for _, step in all_steps(batches, epoch)
            for window in as_tuples(batches.windows(epoch, step))
        )
        found: list[tuple[tuple[int, int, int], int]] = []
        for row in batches.documents.tolist():
            windows, steps = batches.steps_of(row, epoch)
            found += zip(as_tuples(windows), steps.tolist(), strict=True)
        assert sorted(found) == holding


@settings(max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=20),
    policy=st.sampled_from(POLICIES),
    context=contexts,
    size=st.integers(1, 64),
)
def test_a_step_has_as_many_targets_at_any_context(
    lengths: list[int], policy: Policy, context: int, size: int
) -> None:
    store = store_of_lengths(lengths)
    batches = make(store, policy=policy, phases=[(0, context)], batch_size=size)
    [(_, _, windows)] = batches.phases
    full, short = (mean_length(store, policy, each) for each in (C, context))
    assert windows >= size
    assert windows == size or abs(windows * short - size * full) <= short / 2


# ------------------------------------------------------------------------ first steps


def test_a_share_is_exact_and_a_part_without_a_step_is_refused() -> None:
    shares = [Fraction(text) for text in ("0", "0.3", "0.7")]
    options: dict[str, Any] = {"part": "part {}", "hint": "change it"}
    assert first_steps(shares, 10, **options) == [0, 3, 7]
    with pytest.raises(
        ConfigError, match=r"part 2: begins at step 0, expected one aft"
    ):
        first_steps(shares, 3, **options)
    assert np.diff(first_steps(shares, 4, **options)).tolist() == [1, 1]
