"""The windows of an epoch: worked examples, counts, and what a plan refuses.

What each policy does at every length is in test_policies.py.
"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tct.data.tokenizer import VOCAB_SIZE
from tct.data.windows import (
    CONTEXT,
    MAX_DOCUMENT_TOKENS,
    POLICIES,
    STRIDE,
    Policy,
    WindowPlan,
)
from tct.tests.strategies import lengths

policies = pytest.mark.parametrize("policy", POLICIES)


def test_the_worked_example_holds() -> None:
    windows = WindowPlan([2500], epoch=3).all()
    assert windows.document.tolist() == [0, 0, 0, 0]
    assert windows.start.tolist() == [0, 96, 1120, 2144]
    assert windows.end.tolist() == [96, 1120, 2144, 2500]
    assert windows.position.tolist() == [0, 3, 35, 67]
    assert windows.length.tolist() == [96, 1024, 1024, 356]
    assert len(windows) == 4


@pytest.mark.parametrize(
    ("policy", "starts", "ends"),
    [
        ("plan", [0, 96, 1120, 2144], [96, 1120, 2144, 2500]),
        # Phase 5 and turn 24 of epoch 3: cuts at 32 * (29 mod 32) = 928.
        ("spread", [0, 928, 1952], [928, 1952, 2500]),
        ("original", [96, 1120], [1120, 2144]),
        ("overlap", [*range(0, 1505, 32)], [*range(1024, 2497, 32), 2500]),
        ("sequential", [0, 1024, 2048], [1024, 2048, 2500]),
    ],
)
def test_the_same_document_under_each_policy(
    policy: Policy, starts: list[int], ends: list[int]
) -> None:
    windows = WindowPlan([2500], epoch=3, policy=policy, phase=[5]).all()
    assert windows.start.tolist() == starts
    assert windows.end.tolist() == ends


@given(lengths(), st.integers(0, 1000))
def test_the_count_under_plan_is_the_formula(sizes: list[int], epoch: int) -> None:
    offset = STRIDE * epoch % CONTEXT
    plan = WindowPlan(sizes, epoch=epoch)
    assert plan.num_windows == sum(
        1 if size <= CONTEXT else (offset > 0) + math.ceil((size - offset) / CONTEXT)
        for size in sizes
    )


@policies
def test_the_position_token_is_a_content_id_up_to_the_longest_document(
    policy: Policy,
) -> None:
    highest = [
        int(
            WindowPlan([MAX_DOCUMENT_TOKENS], epoch=epoch, policy=policy, phase=[0])
            .all()
            .position.max()
        )
        for epoch in range(32)
    ]
    assert max(highest) < VOCAB_SIZE
    if policy in ("plan", "spread"):
        # The last id is used, so a longer document would need one more.
        assert max(highest) == VOCAB_SIZE - 1


def test_a_slice_of_windows_is_a_view_of_some() -> None:
    windows = WindowPlan([2500, 10, 1500], epoch=3).all()
    part = windows[1:4]
    assert len(part) == 3
    for name in ("document", "start", "end", "position"):
        column = getattr(windows, name)
        assert column.dtype == np.int64
        assert getattr(part, name).tolist() == column[1:4].tolist()
        assert np.shares_memory(getattr(part, name), column)
    assert part.length.tolist() == windows.length.tolist()[1:4]


def test_windows_can_be_picked_by_their_numbers() -> None:
    windows = WindowPlan([2500, 10], epoch=3).all()
    picked = windows[np.array([4, 0])]
    assert picked.document.tolist() == [1, 0]
    assert picked.end.tolist() == [10, 96]


@policies
def test_no_documents_have_no_windows(policy: Policy) -> None:
    plan = WindowPlan([], epoch=1, policy=policy, phase=[])
    assert plan.num_windows == 0
    assert len(plan.all()) == 0


@pytest.mark.parametrize(
    ("context", "stride"), [(8, 3), (8, 0), (8, -2), (0, 2), (-8, 2), (8, 16)]
)
def test_a_stride_that_does_not_divide_the_context_is_refused(
    context: int, stride: int
) -> None:
    message = f"stride {stride} does not divide context {context}"
    with pytest.raises(ValueError, match=message):
        WindowPlan([1], epoch=0, context=context, stride=stride)


def test_a_negative_epoch_is_refused() -> None:
    with pytest.raises(ValueError, match="epoch: found -1, expected at least 0"):
        WindowPlan([1], epoch=-1)


@pytest.mark.parametrize(("context", "stride"), [(1024, 32), (12, 4), (8, 8), (5, 1)])
def test_alignments_are_the_strides_of_a_context(context: int, stride: int) -> None:
    plan = WindowPlan([1], epoch=0, context=context, stride=stride)
    assert plan.num_alignments * stride == context


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, "epoch 3 (plan): 5 windows of 2 documents, offset 96"),
        (
            {"policy": "spread", "phase": [5, 5]},
            "epoch 3 (spread): 4 windows of 2 documents",
        ),
        (
            {"policy": "original"},
            "epoch 3 (original): 2 windows of 2 documents, offset 96",
        ),
    ],
)
def test_a_plan_says_what_it_is_in_one_line(options: Any, line: str) -> None:
    assert str(WindowPlan([2500, 10], epoch=3, **options)) == line
