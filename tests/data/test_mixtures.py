"""Mixtures: the windows of several stores in one run, compared with plain lists."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tct.data.errors import ConfigError
from tct.data.store import Store
from tct.data.store.mixture import MixStage, Mixture, mix
from tct.data.windows import POLICIES, Policy
from tct.data.windows.batches import Batches
from tct.data.windows.layouts import LAYOUTS
from tct.data.windows.permutation import Permutation
from tct.data.windows.riffle import Riffle
from tct.tests.data.slow_batches import Tuples, all_steps, as_tuples, check, equal
from tct.tests.data.slow_windows import slow_windows
from tct.tests.stores import store_of_lengths

BuildStore = Callable[..., Store]

C, S = 8, 2


def weights_of(*texts: str) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, texts))


def mixture_of(
    lengths: list[list[int]], *stages: tuple[Any, tuple[Fraction, ...]], **options: Any
) -> Mixture:
    stores = [
        store_of_lengths(each, number=number, **options)
        for number, each in enumerate(lengths)
    ]
    return mix(
        stores, [MixStage(after=Fraction(after), weights=w) for after, w in stages]
    )


def make(store: Store, **options: Any) -> Batches:
    chosen = {"batch_size": 5, "seed": 3, "context": C, "stride": S} | options
    return Batches(store, chosen.pop("split", "train"), **chosen)


def slow_stream(batches: Batches, number: int) -> Iterator[tuple[int, Tuples]]:
    """The passes of one store: each is the epoch of a run on it alone, shuffled."""
    mixture = batches.store
    assert isinstance(mixture, Mixture)
    store, first = mixture.stores[number], mixture.first_rows[number]
    rows = store.rows(batches.split).tolist()
    epoch = 0
    while True:
        windows = slow_windows(
            batches.policy,
            store.length[rows].tolist(),
            epoch=epoch,
            phases=store.phase[rows].tolist(),
            context=batches.context,
            stride=batches.stride,
        )
        num = len(windows)
        order = Permutation(max(1, num), seed=batches.seed, epoch=epoch)
        shuffled = [windows[n] for n in order(np.arange(num)).tolist()] if num else []
        yield epoch, [(first + rows[row], start, end) for row, start, end in shuffled]
        epoch += 1


def slow_reads(batches: Batches, number: int, passes: Fraction) -> Tuples:
    """The first `passes` passes of one store."""
    found: Tuples = []
    for epoch, windows in slow_stream(batches, number):
        if epoch + 1 > passes:
            return found + windows[: math.floor((passes - epoch) * len(windows))]
        found += windows
    raise AssertionError


def read(batches: Batches, epochs: int) -> Tuples:
    """Every window of the first epochs, in the order of training."""
    return [
        window
        for when in all_steps(batches, *range(epochs))
        for window in as_tuples(batches.windows(*when))
    ]


def of_store(batches: Batches, number: int, windows: Tuples) -> Tuples:
    assert isinstance(batches.store, Mixture)
    bounds = [*batches.store.first_rows, len(batches.store)]
    return [w for w in windows if bounds[number] <= w[0] < bounds[number + 1]]


some_weights = st.sampled_from(
    [Fraction(text) for text in ("0.1", "0.3", "0.333333", "0.5", "1", "2", "2.75")]
)
some_lengths = st.lists(st.integers(1, 60), min_size=1, max_size=12)


@st.composite
def some_batches(draw: st.DrawFn, max_stages: int = 3) -> Batches:
    num = draw(st.integers(1, 4))
    lengths = [draw(some_lengths) for _ in range(num)]
    steps, stages = 0, []
    for _ in range(draw(st.integers(1, max_stages))):
        weights = st.tuples(*[some_weights | st.just(Fraction(0))] * num)
        stages.append((steps, draw(weights.filter(any))))
        steps += draw(st.integers(1, 9))
    size = draw(st.integers(1, 9))
    world_size = draw(st.integers(1, size))
    return make(
        mixture_of(lengths, *stages),
        batch_size=size,
        seed=draw(st.integers(0, 2**63 - 1)),
        policy=draw(st.sampled_from(["plan", "spread", "overlap", "sequential"])),
        layout=draw(st.sampled_from(LAYOUTS)),
        rank=draw(st.integers(0, world_size - 1)),
        world_size=world_size,
    )


# ---------------------------------------------------------------------------- riffle


@settings(max_examples=200)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_a_riffle_is_a_bijection_that_keeps_the_order_of_each_group(
    counts: list[int],
) -> None:
    riffle, total = Riffle(counts), sum(counts)
    slots = riffle(np.arange(total))
    assert sorted(slots.tolist()) == list(range(total))
    assert riffle.inverse(slots).tolist() == list(range(total))
    group = np.repeat(np.arange(len(counts)), counts)[slots]
    for number in range(len(counts)):
        here = slots[group == number]
        assert here.tolist() == sorted(here.tolist())
    for num in range(total + 1):
        dealt = np.bincount(group[:num], minlength=len(counts))
        assert riffle.dealt(num) == dealt.tolist()
        for count, found in zip(counts, dealt.tolist(), strict=True):
            assert abs(found - num * count / total if total else 0) < max(
                1, len(counts)
            )


def test_a_riffle_is_the_one_written_by_hand() -> None:
    assert Riffle([4, 2])(np.arange(6)).tolist() == [4, 0, 1, 5, 2, 3]
    assert Riffle([3])(np.arange(3)).tolist() == [0, 1, 2]


# --------------------------------------------------------------- which, and how often


@settings(max_examples=150)
@given(batches=some_batches(max_stages=1), epochs=st.integers(1, 5))
def test_each_store_is_read_pass_after_pass_as_alone(
    batches: Batches, epochs: int
) -> None:
    windows = read(batches, epochs)
    [(_, weights)] = batches.store.stages_of(None)
    for number, weight in enumerate(weights):
        expected = slow_reads(batches, number, epochs * weight)
        assert of_store(batches, number, windows) == expected
        assert batches.schedule.points(epochs)[number] == epochs * weight


@settings(max_examples=150)
@given(batches=some_batches(), epochs=st.integers(1, 6))
def test_stages_go_on_where_each_store_is(batches: Batches, epochs: int) -> None:
    epochs += batches.schedule.last_stage
    windows = read(batches, epochs)
    for number in range(len(batches.schedule.streams)):
        found = of_store(batches, number, windows)
        passes = batches.schedule.points(epochs)[number]
        assert found == slow_reads(batches, number, passes)
    before = accumulate(map(batches.num_steps, range(epochs)), initial=0)
    assert [batches.schedule.first_step(e) for e in range(epochs + 1)] == list(before)


@settings(max_examples=100)
@given(batches=some_batches())
def test_a_stage_begins_at_its_step_and_weights_hold_from_there(
    batches: Batches,
) -> None:
    schedule, stages = batches.schedule, batches.store.stages_of(None)
    firsts = [schedule.first_step(e) for e in range(schedule.last_stage + 1)]
    for step, weights in stages:
        epoch = len(firsts) - 1 - firsts[::-1].index(step)
        for when in all_steps(batches, epoch):
            for number, weight in enumerate(weights):
                found = as_tuples(batches.windows(*when))
                assert weight or not of_store(batches, number, found)
    before, after = (schedule.points(schedule.last_stage + n) for n in (0, 1))
    moved = [b - a for a, b in zip(before, after, strict=True)]
    assert tuple(moved) == weights


def test_weights_leave_out_and_repeat_as_they_say() -> None:
    mixture = mixture_of(
        [[3] * 10, [3] * 10, [3] * 10], (0, weights_of("1", "0.3", "2"))
    )
    batches = make(mixture, batch_size=1000)
    for epochs, times in ((1, (1, 0.3, 2)), (3, (3, 0.9, 6)), (10, (10, 3, 20))):
        seen = Counter(row for row, _, _ in read(batches, epochs))
        for number, passes in enumerate(times):
            views = [seen[row] for row in range(10 * number, 10 * number + 10)]
            assert sum(views) == round(10 * passes)
            assert set(views) <= {math.floor(passes), math.ceil(passes)}


@given(batches=some_batches(max_stages=1))
def test_each_step_has_its_share_of_each_store(batches: Batches) -> None:
    counts = [
        len(of_store(batches, number, read(batches, 1)))
        for number in range(len(batches.schedule.streams))
    ]
    for epoch, step in all_steps(batches, 0):
        windows = as_tuples(batches.windows(epoch, step))
        for number, count in enumerate(counts):
            share = len(windows) * count / sum(counts)
            assert abs(len(of_store(batches, number, windows)) - share) < 5


@pytest.mark.parametrize("policy", POLICIES)
def test_a_mixture_of_one_store_is_that_store(policy: Policy) -> None:
    store = store_of_lengths([3, 8, 9, 21, 5, 30, 2])
    one = mix([store], [MixStage(after=Fraction(0), weights=weights_of("1"))])
    ours, theirs = make(one, policy=policy), make(store, policy=policy)
    for when in all_steps(theirs, 0, 1, 2, 5):
        assert equal(ours.batch(*when), theirs.batch(*when))


# ------------------------------------------------------------- in any order, any ranks


@settings(max_examples=80)
@given(batches=some_batches(), data=st.data())
def test_any_step_can_be_read_at_any_time(
    batches: Batches, data: st.DataObject
) -> None:
    when = data.draw(st.sampled_from(all_steps(batches, *range(12))))
    fresh = make(
        batches.store,
        batch_size=batches.batch_size,
        seed=batches.seed,
        policy=batches.policy,
        layout=batches.layout,
        rank=batches.rank,
        world_size=batches.world_size,
    )
    batch = fresh.batch(*when)
    assert equal(batch, batches.batch(*when))
    check(batch, batches.store, S)


@settings(max_examples=60)
@given(batches=some_batches())
def test_any_number_of_ranks_reads_the_same_windows(batches: Batches) -> None:
    ranks = [
        make(
            batches.store,
            batch_size=batches.batch_size,
            seed=batches.seed,
            policy=batches.policy,
            rank=rank,
            world_size=batches.world_size,
        )
        for rank in range(batches.world_size)
    ]
    for when in all_steps(batches, 0, 1, 2):
        parts = [as_tuples(rank.batch(*when).windows) for rank in ranks]
        assert list(chain(*parts)) == as_tuples(batches.windows(*when))


@settings(max_examples=60)
@given(batches=some_batches(), epoch=st.integers(0, 5))
def test_the_steps_of_a_document_are_those_that_hold_it(
    batches: Batches, epoch: int
) -> None:
    holding: dict[int, list[tuple[tuple[int, int, int], int]]] = {}
    for _, step in all_steps(batches, epoch):
        for window in as_tuples(batches.windows(epoch, step)):
            holding.setdefault(window[0], []).append((window, step))
    for row in batches.documents.tolist():
        windows, steps = batches.steps_of(row, epoch)
        found = list(zip(as_tuples(windows), steps.tolist(), strict=True))
        assert sorted(found) == sorted(holding.get(row, []))
        assert [w for w, _ in found] == sorted(w for w, _ in found)
    everything = as_tuples(batches.plan(epoch).all().of(batches.documents))
    assert everything == sorted(w for each in holding.values() for w, _ in each)


def test_tokens_are_those_of_the_store(build_store: BuildStore) -> None:
    stores = [
        build_store(
            [np.arange(n, n + 30 + n, dtype="<u2") for n in range(first, first + 9)],
            max_tokens=90,
            name=f"store-{first}",
        )
        for first in (0, 100)
    ]
    assert all(len(store.shards) > 1 for store in stores)
    stages = [MixStage(after=Fraction(0), weights=weights_of("1", "0.5"))]
    mixture = mix(stores, stages)
    batches = make(mixture)
    for when in all_steps(batches, 0, 1):
        check(batches.batch(*when), mixture, S)
    for number, store in enumerate(stores):
        for row in range(len(store)):
            mixed = mixture.first_rows[number] + row
            assert np.array_equal(mixture.tokens(mixed), store.tokens(row))
            assert np.shares_memory(
                mixture.tokens(mixed), store.shards[store.shard[row]]
            )
            path = f"store-{(0, 100)[number]}/{store.docs['path'][row]}"
            assert mixture.docs["path"][mixed].as_py() == path


def test_validation_has_each_document_once_whatever_the_weights() -> None:
    mixture = mixture_of(
        [[3, 30, 8], [9, 40, 2]], (0, weights_of("0.1", "3")), val=[1, 2]
    )
    batches = make(mixture, split="val", policy="sequential")
    assert batches.documents.tolist() == [1, 2, 4, 5]
    seen = Counter[int]()
    for row, start, end in read(batches, 1):
        seen[row] += end - start
    assert seen == {1: 30, 2: 8, 4: 40, 5: 2}


# -------------------------------------------------------------------------- refusals


def test_the_identity_has_stores_and_stages() -> None:
    lengths = [[3, 4], [5, 6]]
    stage = (0, weights_of("1", "0.3"))
    found = [
        make(mixture_of(lengths, *stages)).identity
        for stages in (
            [stage],
            [(0, weights_of("1", "0.4"))],
            [stage, (5, weights_of("0", "1"))],
            [stage, (6, weights_of("0", "1"))],
        )
    ]
    assert all(one not in found[:n] for n, one in enumerate(found))
    assert found[0]["stages"] == [[0, "1", "3/10"]]
    assert found[0]["stores"] == [f"{n:064x}" for n in range(2)]


def test_a_share_of_the_steps_is_a_step() -> None:
    weights = weights_of("1")
    mixture = mixture_of([[3] * 50], (0, weights), ("0.8", weights), (90, weights))
    assert [step for step, _ in mixture.stages_of(100)] == [0, 80, 90]
    batches = make(mixture, steps=100)
    assert batches.identity["stages"] == [[0, "1"], [80, "1"], [90, "1"]]
    with pytest.raises(ConfigError) as caught:
        make(mixture, steps=120)
    assert "stage 3 of the mixture: begins at step 90" in str(caught.value)
    assert "expected one after 96 and before 120" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "memory-1: found the same store as memory; give it once, with a weight"),
        ({"tokenizer": "f" * 64}, "memory-1: found tokenizer ffffffffffff, expected "),
    ],
)
def test_stores_that_do_not_go_together_are_refused(
    change: dict[str, Any], message: str
) -> None:
    stages = [MixStage(after=Fraction(0), weights=weights_of("1", "1"))]
    first, second = store_of_lengths([3]), store_of_lengths([3], number=1)
    manifest = {"digest": first.digest, **change}
    with pytest.raises(ConfigError) as caught:
        mix([first, replace(second, manifest=manifest)], stages)
    assert message in str(caught.value)


def test_a_store_without_training_documents_is_refused() -> None:
    stages = [MixStage(after=Fraction(0), weights=weights_of("1", "1"))]
    with pytest.raises(ConfigError, match="memory-1: found no document in the train"):
        mix([store_of_lengths([3]), store_of_lengths([3], val=[0], number=1)], stages)
