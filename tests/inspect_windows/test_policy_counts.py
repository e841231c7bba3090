"""The counts over all epochs are those of a loop over every token."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tct.data.windows import POLICIES, Policy, Windows
from tct.data.windows.batches import Batches
from tct.data.windows.layouts import LAYOUTS, arrange
from tct.tests.stores import store_of_lengths
from tct.trainer.inspect.coverage import Coverage, PolicyCounts
from tct.trainer.inspect.guarantees import count_policy, guarantees

CONTEXT, STRIDE, VIEWS = 8, 2, 4


def small_batches(lengths: list[int], policy: Policy, phases: list[int]) -> Batches:
    return Batches(
        store_of_lengths(lengths, phases=phases),
        "train",
        batch_size=3,
        seed=5,
        policy=policy,
        rows=2,
        context=CONTEXT,
        stride=STRIDE,
    )


def windows_of(*spans: tuple[int, int, int]) -> Windows:
    document, start, end = (
        np.array([span[part] for span in spans], dtype=np.int64) for part in range(3)
    )
    return Windows(document=document, start=start, end=end, position=start // STRIDE)


def slow_counts(batches: Batches) -> PolicyCounts:
    """Everything token by token and step by step."""
    lengths: list[int] = batches.store.length.tolist()
    totals = [[0] * length for length in lengths]
    cuts: list[set[int]] = [set() for _ in lengths]
    sizes, never_missed, missed, repeated, beginnings = [], 0, 0, 0, 0
    positions, targets, longest = dict.fromkeys(LAYOUTS, 0), 0, 0
    for epoch in range(VIEWS):
        counts = [[0] * length for length in lengths]
        number = 0
        for step in range(batches.num_steps(epoch)):
            windows = batches.windows(epoch, step)
            number += len(windows)
            for index in range(len(windows)):
                document, start = int(windows.document[index]), windows.start[index]
                cuts[document].add(int(start) % CONTEXT)
                longest = max(longest, int(windows.end[index]) - int(start))
                for token in range(start, windows.end[index]):
                    counts[document][token] += 1
                    targets += 1
                beginnings += int(start) == 0
            for layout in LAYOUTS:
                positions[layout] += arrange(
                    windows.length.tolist(), layout, batch=3, rows=2, context=CONTEXT
                ).num_positions
        sizes.append(number)
        flat = [count for document in counts for count in document]
        never_missed += all(count == 1 for count in flat)
        missed += flat.count(0)
        repeated += sum(count > 1 for count in flat)
        for total, count in zip(totals, counts, strict=True):
            total[:] = [a + b for a, b in zip(total, count, strict=True)]
    flat = [count for document in totals for count in document]
    long = [len(cuts[i]) for i, length in enumerate(lengths) if length > CONTEXT]
    return PolicyCounts(
        policy=batches.policy,
        context=CONTEXT,
        first_epoch=0,
        epochs=VIEWS,
        steps=None,
        documents=len(lengths),
        tokens=len(flat),
        windows=(min(sizes), max(sizes)),
        longest=longest,
        never=flat.count(0),
        missed_share=missed / (len(flat) * VIEWS),
        repeated_share=repeated / (len(flat) * VIEWS),
        exact_epochs=never_missed,
        views=(min(flat), sum(flat) / len(flat), max(flat)),
        alignments=(min(long), max(long)) if long else None,
        beginnings_share=beginnings / (len(lengths) * VIEWS),
        pad_share={
            layout: 1 - targets / size if size else 0
            for layout, size in positions.items()
        },
        rows=2,
    )


@pytest.mark.parametrize("policy", POLICIES)
@given(
    documents=st.lists(
        st.tuples(st.integers(1, 30), st.integers(0, 2**16 - 1)),
        min_size=1,
        max_size=6,
    )
)
def test_the_counts_are_those_of_a_loop_over_every_token(
    policy: Policy, documents: list[tuple[int, int]]
) -> None:
    lengths, phases = map(list, zip(*documents, strict=True))
    batches = small_batches(lengths, policy, phases)
    found, expected = count_policy(batches), slow_counts(batches)
    assert found.pad_share == pytest.approx(expected.pad_share)
    assert replace(found, pad_share={}) == replace(expected, pad_share={})


@pytest.mark.parametrize("policy", ["plan", "spread"])
@given(
    documents=st.lists(
        st.tuples(st.integers(1, 60), st.integers(0, 2**16 - 1)),
        min_size=1,
        max_size=6,
    )
)
def test_what_is_guaranteed_holds(
    policy: Policy, documents: list[tuple[int, int]]
) -> None:
    lengths, phases = map(list, zip(*documents, strict=True))
    found = list(guarantees(count_policy(small_batches(lengths, policy, phases))))
    assert len(found) == 3
    assert all(each.holds and each.is_promised for each in found)


def test_each_policy_is_told_what_it_is() -> None:
    lengths = [5, 8, 9, 30]
    held = {
        policy: [
            each.holds
            for each in guarantees(
                count_policy(small_batches(lengths, policy, [0] * 4))
            )
        ]
        for policy in POLICIES
    }
    assert held == {
        "plan": [True, True, True],
        "spread": [True, True, True],
        "original": [False, False, False],
        "overlap": [False, True, False],
        "sequential": [True, True, False],
    }


def test_a_guarantee_is_a_sentence_with_its_numbers() -> None:
    counts = count_policy(small_batches([5, 30], "plan", [0, 0]))
    assert [each.text for each in guarantees(counts)] == [
        "each of the 35 tokens is a target exactly once in each of 4 epochs",
        "each of the 2 beginnings is in each of 4 epochs",
        "each document beyond one window is cut in 4 alignments",
    ]
    broken = list(guarantees(replace(counts, exact_epochs=3, beginnings_share=0.9)))
    assert [each.holds for each in broken] == [False, False, True]
    assert all(each.is_promised for each in broken)


def test_every_epoch_is_told() -> None:
    told: list[None] = []
    count_policy(small_batches([5], "plan", [0]), lambda: told.append(None))
    assert len(told) == VIEWS


def test_the_worked_example_of_coverage_holds() -> None:
    coverage = Coverage(np.array([10]), 4)
    spans = windows_of((0, 0, 8), (0, 4, 10))
    assert coverage.add(spans).tolist() == [1, 2, 1]
    assert coverage.size.tolist() == [4, 4, 2]
    assert coverage.add(windows_of((0, 8, 10))).tolist() == [0, 0, 1]
    assert coverage.total.tolist() == [1, 2, 2]
    assert coverage.tokens_where(coverage.total == 2) == 6
    assert coverage.num_tokens == 10


@pytest.mark.parametrize("span", [(0, 2, 8), (0, 0, 9), (1, 0, 10)])
def test_a_cut_inside_a_block_is_refused(span: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="found a cut that is not a multiple of 4"):
        Coverage(np.array([10, 12]), 4).add(windows_of(span))
