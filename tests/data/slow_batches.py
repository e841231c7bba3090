"""Batches read one window at a time, and the small store they are read from."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tct.data.store import Split, Store
from tct.data.tokenizer import PAD
from tct.data.windows import Windows
from tct.data.windows.batches import Batch, Batches
from tct.data.windows.permutation import Permutation
from tct.tests.data.slow_windows import slow_windows

Tuples = list[tuple[int, int, int]]
C, S = 64, 16  # four views: many windows from few tokens

# Lengths around windows and strides; some end a shard exactly, some have one alone.
LENGTHS = [1, 200, 63, 64, 65, 500, 32, 96, 129, 128, 1, 300, 64, 7, 250, 2]
VAL = [2, 5, 15]


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
