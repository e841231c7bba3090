"""The five policies: each is a loop over its rules, and has what it guarantees."""

from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tct.data.windows import (
    CONTEXT,
    MAX_DOCUMENT_TOKENS,
    POLICIES,
    STRIDE,
    Policy,
    WindowPlan,
    Windows,
)
from tct.data.windows import policies as policies_module
from tct.data.windows.policies import Cutting, Epoch
from tct.tests.data.slow_windows import bit_reversed, slow_windows
from tct.tests.strategies import lengths

EPOCHS = 34  # two more than there are alignments of the real geometry
EXACT: list[Policy] = ["plan", "spread", "sequential"]  # each token once per epoch

# Lengths where a window or a stride ends, up to three windows and the longest.
AROUND = [
    windows * CONTEXT + strides * STRIDE + more
    for windows in (1, 2, 3)
    for strides in (-1, 0, 1)
    for more in (-1, 0, 1)
]

# Every length up to three windows where that is cheap.
GEOMETRIES = [
    pytest.param(8, 2, range(1, 25), id="C=8 s=2"),
    pytest.param(12, 4, range(1, 37), id="C=12 s=4"),
    pytest.param(10, 2, range(1, 31), id="C=10 s=2"),
    pytest.param(6, 1, range(1, 19), id="C=6 s=1"),
    pytest.param(4, 4, range(1, 13), id="C=s=4"),
    pytest.param(1, 1, range(1, 4), id="C=s=1"),
    pytest.param(96, 32, range(1, 289), id="C=96 s=32"),
    pytest.param(CONTEXT, STRIDE, [1, 31, 32, 500, *AROUND, 5000], id="C=1024 s=32"),
]
geometries = pytest.mark.parametrize(("context", "stride", "sizes"), GEOMETRIES)
policies = pytest.mark.parametrize("policy", POLICIES)


def phases_of(count: int) -> NDArray[np.uint16]:
    """The first two bytes of a hash, say: all values occur, the highest too."""
    phases = np.random.default_rng(count).integers(0, 2**16, count, dtype=np.uint16)
    phases[::5] = 2**16 - 1
    return phases


def plan_of(
    policy: Policy, sizes: Sequence[int], epoch: int, **geometry: Any
) -> WindowPlan:
    phase = phases_of(len(sizes))
    return WindowPlan(sizes, epoch=epoch, policy=policy, phase=phase, **geometry)


def as_tuples(windows: Windows) -> list[tuple[int, int, int]]:
    columns = (windows.document, windows.start, windows.end)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def times_seen(windows: Windows, sizes: Sequence[int]) -> list[NDArray[np.int64]]:
    """How many windows each token of each document is in."""
    seen = [np.zeros(size, dtype=np.int64) for size in sizes]
    for document, start, end in as_tuples(windows):
        seen[document][start:end] += 1
    return seen


def cuts_of(plan: WindowPlan) -> list[int]:
    """Where each document is first cut, modulo C; all of them must be longer than C."""
    assert (plan.lengths > plan.context).all()
    windows = plan.all()
    first = windows.start == 0
    cuts: list[int] = (windows.end[first] % plan.context).tolist()
    return cuts


# ------------------------------------------------------------------ every policy


@policies
@geometries
def test_windows_are_those_of_a_slow_loop(
    policy: Policy, context: int, stride: int, sizes: Sequence[int]
) -> None:
    phases = phases_of(len(sizes)).tolist()
    for epoch in range(EPOCHS):
        plan = plan_of(policy, sizes, epoch, context=context, stride=stride)
        expected = slow_windows(
            policy, sizes, epoch=epoch, phases=phases, context=context, stride=stride
        )
        assert as_tuples(plan.all()) == expected
        assert plan.num_windows == len(expected)


@policies
def test_the_longest_document_is_cut_as_by_a_slow_loop(policy: Policy) -> None:
    sizes = [MAX_DOCUMENT_TOKENS, 1, MAX_DOCUMENT_TOKENS - 1]
    for epoch in (0, 1, 31):
        expected = slow_windows(
            policy,
            sizes,
            epoch=epoch,
            phases=phases_of(3).tolist(),
            context=CONTEXT,
            stride=STRIDE,
        )
        assert as_tuples(plan_of(policy, sizes, epoch).all()) == expected


@given(
    policy=st.sampled_from(POLICIES),
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=20),
    epoch=st.integers(0, 1000),
    views=st.integers(1, 12),
    stride=st.integers(1, 9),
)
def test_windows_of_any_geometry_are_those_of_a_slow_loop(
    policy: Policy, sizes: list[int], epoch: int, views: int, stride: int
) -> None:
    context = views * stride
    expected = slow_windows(
        policy,
        sizes,
        epoch=epoch,
        phases=phases_of(len(sizes)).tolist(),
        context=context,
        stride=stride,
    )
    plan = plan_of(policy, sizes, epoch, context=context, stride=stride)
    assert as_tuples(plan.all()) == expected


@given(st.sampled_from(POLICIES), lengths(), st.integers(0, 63), st.data())
def test_windows_can_be_located_in_any_order(
    policy: Policy, sizes: list[int], epoch: int, data: st.DataObject
) -> None:
    plan = plan_of(policy, [*sizes, CONTEXT, 5000], epoch)
    number = st.integers(0, plan.num_windows - 1)
    numbers = data.draw(st.lists(number, max_size=20))
    everything = as_tuples(plan.all())
    assert as_tuples(plan.locate(numbers)) == [everything[i] for i in numbers]


@policies
@geometries
def test_every_window_is_inside_its_document_and_on_the_grid(
    policy: Policy, context: int, stride: int, sizes: Sequence[int]
) -> None:
    for epoch in range(EPOCHS):
        plan = plan_of(policy, sizes, epoch, context=context, stride=stride)
        windows = plan.all()
        assert (windows.start >= 0).all()
        assert (windows.end <= np.asarray(sizes)[windows.document]).all()
        assert not (windows.start % stride).any()
        assert (windows.position * stride == windows.start).all()
        assert (windows.length >= 1).all()
        assert (windows.length <= context).all()


@policies
@geometries
def test_the_numbers_of_a_document_are_its_windows(
    policy: Policy, context: int, stride: int, sizes: Sequence[int]
) -> None:
    for epoch in (0, 1, 3):
        plan = plan_of(policy, sizes, epoch, context=context, stride=stride)
        numbers = [plan.numbers_of(document).tolist() for document in range(len(sizes))]
        assert list(chain(*numbers)) == list(range(plan.num_windows))
        for document, of_it in enumerate(numbers):
            assert set(plan.locate(of_it).document.tolist()) <= {document}


@policies
def test_cuts_come_back_after_as_many_epochs_as_there_are_views(policy: Policy) -> None:
    sizes = [1, 7, 8, 9, 12, 13, 25, 100]
    for context, stride in ((12, 4), (8, 2), (6, 6)):
        geometry = {"context": context, "stride": stride}
        for epoch in range(9):
            first = plan_of(policy, sizes, epoch, **geometry)
            later = plan_of(policy, sizes, epoch + first.num_alignments, **geometry)
            assert as_tuples(first.all()) == as_tuples(later.all())


# ------------------------------------------------------ plan, spread, sequential


@pytest.mark.parametrize("policy", EXACT)
@geometries
def test_each_token_is_a_target_once_per_epoch(
    policy: Policy, context: int, stride: int, sizes: Sequence[int]
) -> None:
    for epoch in range(EPOCHS):
        plan = plan_of(policy, sizes, epoch, context=context, stride=stride)
        assert all((count == 1).all() for count in times_seen(plan.all(), sizes))


@pytest.mark.parametrize("policy", EXACT)
@given(sizes=lengths(), epoch=st.integers(0, 1000))
def test_each_token_of_any_lengths_is_a_target_once_per_epoch(
    policy: Policy, sizes: list[int], epoch: int
) -> None:
    windows = plan_of(policy, sizes, epoch).all()
    # Windows in document order that begin where the one before ends cover all once.
    first = np.append(True, np.diff(windows.document) > 0)
    assert windows.document[first].tolist() == list(range(len(sizes)))
    assert (windows.start[first] == 0).all()
    last = np.append(first[1:], True)
    assert windows.end[last].tolist() == sizes
    assert (windows.start[~first] == windows.end[~last]).all()


@pytest.mark.parametrize("policy", [*EXACT, "overlap"])
@geometries
def test_every_beginning_is_in_every_epoch(
    policy: Policy, context: int, stride: int, sizes: Sequence[int]
) -> None:
    for epoch in range(EPOCHS):
        windows = plan_of(policy, sizes, epoch, context=context, stride=stride).all()
        begun = windows.document[windows.start == 0].tolist()
        assert begun == list(range(len(sizes)))


@pytest.mark.parametrize("policy", [*EXACT, "overlap"])
@geometries
def test_a_document_that_fits_is_one_window_in_every_epoch(
    policy: Policy, context: int, stride: int, sizes: Sequence[int]
) -> None:
    short = [size for size in sizes if size <= context]
    assert context in short
    for epoch in range(EPOCHS):
        plan = plan_of(policy, short, epoch, context=context, stride=stride)
        assert as_tuples(plan.all()) == [(i, 0, size) for i, size in enumerate(short)]


@geometries
def test_sequential_cuts_the_same_in_every_epoch(
    context: int, stride: int, sizes: Sequence[int]
) -> None:
    geometry = {"context": context, "stride": stride}
    first = as_tuples(plan_of("plan", sizes, 0, **geometry).all())
    for epoch in range(EPOCHS):
        plan = plan_of("sequential", sizes, epoch, **geometry)
        assert plan.offset == 0
        assert as_tuples(plan.all()) == first


# ------------------------------------------------------------------------- spread


def test_turns_are_in_bit_reversed_order() -> None:
    assert bit_reversed(8) == [0, 4, 2, 6, 1, 5, 3, 7]
    assert bit_reversed(6) == [0, 4, 2, 1, 5, 3]
    assert bit_reversed(32)[:8] == [0, 16, 8, 24, 4, 20, 12, 28]
    for views in (8, 6, 32, 1):
        cuts = [
            cuts_of(
                WindowPlan(
                    [9 * views],
                    epoch=epoch,
                    policy="spread",
                    context=2 * views,
                    stride=2,
                    phase=[0],
                )
            )
            for epoch in range(views)
        ]
        assert cuts == [[2 * turn] for turn in bit_reversed(views)]


def test_the_offset_of_a_document_is_the_design_formula() -> None:
    phases = phases_of(300)
    for epoch in (0, 1, 5, 31, 32, 1000):
        reversed_five = int(f"{epoch % 32:05b}"[::-1], 2)
        expected = [32 * ((reversed_five + phase) % 32) for phase in phases.tolist()]
        plan = WindowPlan([3000] * 300, epoch=epoch, policy="spread", phase=phases)
        assert cuts_of(plan) == expected


@pytest.mark.parametrize("views", [1, 2, 3, 5, 6, 8, 31, 32, 33])
def test_each_document_sees_all_its_offsets_in_any_consecutive_epochs(
    views: int,
) -> None:
    context = 4 * views
    phases = np.array([0, 1, 2, 77, 2**15, 2**16 - 2, 2**16 - 1], dtype=np.uint16)
    plan = partial(
        WindowPlan,
        [2 * context + 5] * len(phases),
        policy="spread",
        context=context,
        stride=4,
        phase=phases,
    )
    cuts = [cuts_of(plan(epoch=epoch)) for epoch in range(2 * views)]
    for of_document in zip(*cuts, strict=True):
        for first in range(views):
            seen = of_document[first : first + views]
            assert sorted(seen) == list(range(0, context, 4))


def test_documents_have_different_offsets_in_one_epoch() -> None:
    for epoch in range(EPOCHS):
        plan = WindowPlan(
            [3000] * 64, epoch=epoch, policy="spread", phase=np.arange(100, 164)
        )
        cuts = cuts_of(plan)
        assert sorted(cuts) == sorted([*range(0, CONTEXT, STRIDE)] * 2)
        assert plan.offset is None


@pytest.mark.parametrize("size", [1025, 1500, 2048, 2049, 5000])
def test_epochs_have_one_size_if_every_phase_is_as_frequent(size: int) -> None:
    plans = [
        WindowPlan([size] * 32, epoch=epoch, policy="spread", phase=np.arange(32))
        for epoch in range(EPOCHS)
    ]
    assert len({plan.num_windows for plan in plans}) == 1


def test_epochs_have_nearly_one_size_under_spread_only() -> None:
    draw = np.random.default_rng(1)
    sizes = np.exp(draw.normal(6.3, 1, 20_000)).astype(np.int64).clip(1, 60_000)
    phases = draw.integers(0, 2**16, len(sizes), dtype=np.uint16)

    def variation(policy: Policy) -> float:
        counts = [
            WindowPlan(sizes, epoch=epoch, policy=policy, phase=phases).num_windows
            for epoch in range(32)
        ]
        return (max(counts) - min(counts)) / min(counts)

    assert variation("spread") < 0.005
    assert variation("plan") > 0.1


def test_spread_needs_a_phase() -> None:
    with pytest.raises(ValueError, match="'spread' needs the phase of each document"):
        WindowPlan([1], epoch=0, policy="spread")


# --------------------------------------------------------------------------- plan


def test_thirty_two_epochs_give_thirty_two_alignments() -> None:
    sizes = [1025, 3000, 5 * CONTEXT]
    for first in (0, 5):
        cuts = [
            cuts_of(WindowPlan(sizes, epoch=epoch))
            for epoch in range(first, first + 32)
        ]
        assert all(len(set(of_epoch)) == 1 for of_epoch in cuts)
        assert sorted(of_epoch[0] for of_epoch in cuts) == [*range(0, CONTEXT, STRIDE)]


def test_each_epoch_moves_the_cuts_by_one_stride() -> None:
    for epoch in range(64):
        plan = WindowPlan([5000], epoch=epoch)
        assert cuts_of(plan) == [STRIDE * (epoch % 32)]
        assert plan.offset == STRIDE * (epoch % 32)


# ------------------------------------------------------------------------ overlap


@geometries
def test_overlap_sees_each_token_once_to_views_times(
    context: int, stride: int, sizes: Sequence[int]
) -> None:
    views = context // stride
    windows = plan_of("overlap", sizes, 5, context=context, stride=stride).all()
    reached = 0
    for size, seen in zip(sizes, times_seen(windows, sizes), strict=True):
        assert seen.min() >= 1
        assert seen.max() <= views
        # Far from both ends, every window that can hold a token does.
        assert (seen[context - stride : max(0, size - context)] == views).all()
        reached = max(reached, int(seen.max()))
    assert reached == views


def test_overlap_cuts_the_same_in_every_epoch() -> None:
    sizes = [1, 1024, 1025, 5000]
    first = as_tuples(plan_of("overlap", sizes, 0).all())
    for epoch in range(EPOCHS):
        plan = plan_of("overlap", sizes, epoch)
        assert plan.offset == 0
        assert as_tuples(plan.all()) == first


def test_overlap_moves_by_the_stride_and_ends_with_the_document() -> None:
    windows = WindowPlan(
        [21], epoch=0, policy="overlap", context=12, stride=4, phase=None
    ).all()
    assert as_tuples(windows) == [(0, 0, 12), (0, 4, 16), (0, 8, 20), (0, 12, 21)]


# ----------------------------------------------------------------------- original


@geometries
def test_original_loses_exactly_what_its_rules_lose(
    context: int, stride: int, sizes: Sequence[int]
) -> None:
    for epoch in range(EPOCHS):
        offset = stride * epoch % context
        plan = plan_of("original", sizes, epoch, context=context, stride=stride)
        assert plan.offset == offset
        for size, seen in zip(sizes, times_seen(plan.all(), sizes), strict=True):
            kept = np.zeros(size, dtype=np.int64)
            if size < context:
                kept[:] = offset == 0
            else:  # all but the beginning up to the offset, and a tail below C tokens
                tail = (size - offset) % context if size >= offset else 0
                kept[offset : size - tail] = 1
            assert seen.tolist() == kept.tolist()


@geometries
def test_original_sees_each_token_as_often_as_a_formula_says(
    context: int, stride: int, sizes: Sequence[int]
) -> None:
    # In views epochs every multiple b of s with C <= b <= L ends one window [b - C, b).
    total = [np.zeros(size, dtype=np.int64) for size in sizes]
    for epoch in range(context // stride):
        plan = plan_of("original", sizes, epoch, context=context, stride=stride)
        for sum_, seen in zip(total, times_seen(plan.all(), sizes), strict=True):
            sum_ += seen
    for size, seen in zip(sizes, total, strict=True):
        token = np.arange(size)
        expected = (
            np.minimum(token + context, size) // stride
            - (np.maximum(token + 1, context) - 1) // stride
            if size >= context
            else np.ones(size, dtype=np.int64)
        )
        assert seen.tolist() == expected.tolist()


def test_original_takes_a_document_of_one_context_for_a_long_one() -> None:
    geometry: dict[str, Any] = {"policy": "original", "context": 8, "stride": 2}
    first, second = (WindowPlan([7, 8, 9], epoch=epoch, **geometry) for epoch in (0, 1))
    assert as_tuples(first.all()) == [(0, 0, 7), (1, 0, 8), (2, 0, 8)]
    assert second.num_windows == 0
    assert as_tuples(second.all()) == []


def test_an_unknown_policy_is_refused() -> None:
    unknown: Any = "random"
    message = (
        "policy: found 'random', expected one of "
        "plan, spread, original, overlap, sequential"
    )
    with pytest.raises(ValueError, match=message):
        WindowPlan([1], epoch=0, policy=unknown)


def test_a_new_policy_is_one_registered_object(monkeypatch: pytest.MonkeyPatch) -> None:
    class Halves(Cutting):
        def hop(self, epoch: Epoch) -> int:
            return epoch.context // 2

        def count(
            self, lengths: NDArray[np.int64], first: NDArray[np.int64], epoch: Epoch
        ) -> NDArray[np.int64]:
            beyond = (lengths - epoch.context).clip(min=0)
            return 1 - (-beyond // self.hop(epoch))

    name: Any = "halves"
    monkeypatch.setitem(policies_module._REGISTERED, name, Halves())
    plan = WindowPlan([5, 18], epoch=3, policy=name, context=8, stride=2)
    assert as_tuples(plan.all()) == [
        *((0, 0, 5), (1, 0, 8), (1, 4, 12), (1, 8, 16), (1, 12, 18))
    ]
    assert str(plan) == "epoch 3 (halves): 5 windows of 2 documents, offset 0"


def test_every_policy_is_registered() -> None:
    assert tuple(policies_module._REGISTERED) == POLICIES
