import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tct.data.batches import Batch
from tct.data.tokenizer import PAD
from tct.data.windows import Windows
from tct.trainer.batches import micro_batches, to_device
from tct.trainer.config import ModelConfig
from tct.trainer.model import GPT, IGNORE_INDEX, loss_sum

CONTEXT = 64
CPU = torch.device("cpu")


def make_batch(lengths: list[int], *, batch_size: int) -> Batch:
    """Windows of these lengths; row i begins with position token i."""
    draw = np.random.default_rng(0)
    rows = np.full((batch_size, CONTEXT + 1), PAD, dtype=np.uint16)
    for i, length in enumerate(lengths):
        rows[i, 0] = i
        rows[i, 1 : length + 1] = draw.integers(0, 8192, length)
    zeros = np.zeros(len(lengths), dtype=np.int64)
    windows = Windows(
        document=np.arange(len(lengths)),
        start=zeros,
        end=np.array(lengths, dtype=np.int64),
        position=zeros,
    )
    return Batch(rows=rows, windows=windows)


def gradient(parts: list[tuple[torch.Tensor, float]], model: GPT) -> torch.Tensor:
    """The gradient of a weighted sum of losses, as one vector."""
    model.zero_grad()
    for nats, weight in parts:
        (nats * weight).backward()  # type: ignore[no-untyped-call]
    return torch.cat(
        [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    )


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    return GPT(ModelConfig(context=CONTEXT, width=32, layers=2, heads=2))


def test_inputs_and_targets_are_one_apart() -> None:
    rows = make_batch([3, 64], batch_size=2).rows

    inputs, targets = to_device(rows, CPU)

    assert inputs.dtype == targets.dtype == torch.int64
    assert inputs[0, :4].tolist() == [*rows[0, :3].tolist(), PAD]
    assert targets[0, :4].tolist() == [*rows[0, 1:4].tolist(), IGNORE_INDEX]
    assert (inputs[0, 3:] == PAD).all()
    assert (targets[0, 3:] == IGNORE_INDEX).all()
    assert inputs[1].tolist() == rows[1, :64].tolist()
    assert targets[1].tolist() == rows[1, 1:].tolist()


def test_the_highest_ids_survive_the_way_to_the_device() -> None:
    rows = np.array([[8191, 8191, 0, PAD]], dtype=np.uint16)

    inputs, targets = to_device(rows, CPU)

    assert inputs.tolist() == [[8191, 8191, PAD]]
    assert targets.tolist() == [[8191, 0, IGNORE_INDEX]]


@given(
    lengths=st.lists(st.integers(1, CONTEXT), min_size=1, max_size=9),
    size=st.integers(1, 10),
    trim=st.booleans(),
)
def test_every_window_comes_once_and_whole(
    lengths: list[int], size: int, trim: bool
) -> None:
    batch = make_batch(lengths, batch_size=9)
    seen = []
    for rows in micro_batches(batch, size=size, trim=trim):
        assert len(rows) <= size
        assert (rows[:, 1:] != PAD).any()
        seen += [tuple(row[row != PAD]) for row in rows if (row != PAD).any()]

    expected = [tuple(row[row != PAD]) for row in batch.rows[: len(lengths)]]
    assert sorted(seen) == sorted(expected)


def test_a_trimmed_micro_batch_is_as_wide_as_its_longest_window() -> None:
    batch = make_batch([40, 3, 50, 7, 9], batch_size=8)

    trimmed = [rows.shape for rows in micro_batches(batch, size=2, trim=True)]
    full = [rows.shape for rows in micro_batches(batch, size=2, trim=False)]

    assert trimmed == [(2, 51), (2, 10), (1, 4)]
    assert full == [(2, 65), (2, 65), (2, 65)]


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="found 0, expected at least 1"):
        list(micro_batches(make_batch([3], batch_size=1), size=0, trim=True))


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_trimming_changes_neither_loss_nor_gradient(model: GPT, size: int) -> None:
    batch = make_batch([40, 3, 64, 7, 9], batch_size=8)
    targets = int(batch.windows.length.sum())

    padded, number = loss_sum(model, *to_device(batch.rows, CPU))
    expected = gradient([(padded, 1 / targets)], model)
    losses = [
        loss_sum(model, *to_device(rows, CPU))[0]
        for rows in micro_batches(batch, size=size, trim=True)
    ]
    found = gradient([(loss, 1 / targets) for loss in losses], model)

    assert number.item() == targets == 123
    assert sum(loss.item() for loss in losses) == pytest.approx(padded.item(), rel=1e-6)
    assert (found - expected).norm() <= 1e-5 * expected.norm()


def test_a_mean_of_means_is_another_gradient(model: GPT) -> None:
    batch = make_batch([40, 3, 64, 7, 9], batch_size=8)
    padded, number = loss_sum(model, *to_device(batch.rows, CPU))
    expected = gradient([(padded, 1 / number.item())], model)

    parts = [
        loss_sum(model, *to_device(rows, CPU))
        for rows in micro_batches(batch, size=1, trim=True)
    ]
    found = gradient([(nats, 1 / count.item() / 5) for nats, count in parts], model)

    assert (found - expected).norm() > 0.1 * expected.norm()
