"""Layouts change the work of a step, not its loss or gradient."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tct.data.store import Store
from tct.data.windows.batches import Batches
from tct.data.windows.layouts import LAYOUTS, Layout
from tct.trainer.config import ModelConfig
from tct.trainer.model import GPT, loss_sum
from tct.trainer.training.loader import DeviceBatch, Loader

MakeStore = Callable[..., Store]
Padded = dict[torch.dtype, tuple[GPT, float, Tensor]]
CPU = torch.device("cpu")
CONTEXT = 128
LENGTHS = [112, 5, 88, 8, 128, 1, 2, 190, 37, 41, 64, 65, 3, 16]


def make_model(dtype: torch.dtype) -> GPT:
    """No parameter is zero, as some are at the start: zeros would hide mistakes."""
    model = GPT(ModelConfig(context=CONTEXT, width=32, layers=2, heads=2))
    draw = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=draw)
            parameter.copy_(noise * parameter.shape[-1] ** -0.5)
    return model.to(dtype)


def batch_of(
    store: Store, layout: Layout, rows: int | None, *, static: bool = True
) -> DeviceBatch:
    batches = Batches(
        store,
        "train",
        batch_size=15,
        seed=0,
        layout=layout,
        rows=rows,
        static=static,
        context=CONTEXT,
    )
    with Loader(batches, CPU) as loader:
        return next(loader)


def loss_and_gradient(model: GPT, batch: DeviceBatch) -> tuple[float, Tensor]:
    model.zero_grad()
    total = 0.0
    for part in batch.micro_batches:
        nats = loss_sum(model, part.inputs, part.targets, part.bounds)
        (nats / batch.num_targets).backward()  # type: ignore[no-untyped-call]
        total += nats.item()
    grads = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return total / batch.num_targets, torch.cat(grads)


@pytest.fixture(scope="module")
def store(make_store: MakeStore) -> Store:
    return make_store(LENGTHS, vocabulary=8192)


@pytest.fixture(scope="module")
def padded(store: Store) -> Padded:
    """A model, its loss and its gradient on padded rows, in both precisions."""
    found = {}
    for dtype in (torch.float64, torch.float32):
        model = make_model(dtype)
        found[dtype] = (model, *loss_and_gradient(model, batch_of(store, "padded", 8)))
    return found


@pytest.mark.parametrize(
    ("layout", "rows"),
    [("bucketed", 1), ("bucketed", 8), ("packed", 1), ("packed", 8), ("packed", None)],
)
def test_the_gradient_is_that_of_padded_rows(
    store: Store, padded: Padded, layout: Layout, rows: int | None
) -> None:
    for dtype, loss_error, gradient_error in (
        (torch.float64, 1e-13, 1e-13),
        (torch.float32, 1e-6, 1e-5),
    ):
        model, loss, expected = padded[dtype]
        found_loss, found = loss_and_gradient(model, batch_of(store, layout, rows))
        assert found_loss == pytest.approx(loss, rel=loss_error)
        assert (found - expected).norm() <= gradient_error * expected.norm()


def test_shapes_that_end_with_their_windows_change_nothing(store: Store) -> None:
    model = make_model(torch.float64)
    _, expected = loss_and_gradient(model, batch_of(store, "padded", 8))
    for layout in LAYOUTS:
        batch = batch_of(store, layout, 3, static=False)
        _, found = loss_and_gradient(model, batch)
        assert (found - expected).norm() <= 1e-13 * expected.norm()


def test_windows_of_a_row_must_be_kept_apart(store: Store) -> None:
    """Without spans the gradient is another one, so the test above can fail."""
    model = make_model(torch.float64)
    _, expected = loss_and_gradient(model, batch_of(store, "packed", None))
    batch = batch_of(store, "packed", None)
    for part in batch.micro_batches:
        assert part.bounds is not None
        object.__setattr__(part, "bounds", None)
    _, found = loss_and_gradient(model, batch)
    assert (found - expected).norm() > 0.01 * expected.norm()


def test_a_mean_of_means_is_another_gradient(store: Store) -> None:
    model = make_model(torch.float64)
    batch = batch_of(store, "bucketed", 1)
    _, expected = loss_and_gradient(model, batch)
    model.zero_grad()
    for part in batch.micro_batches:
        nats = loss_sum(model, part.inputs, part.targets)
        count = (part.targets >= 0).sum() * len(batch.micro_batches)
        (nats / count).backward()  # type: ignore[no-untyped-call]
    grads = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    assert (torch.cat(grads) - expected).norm() > 0.1 * expected.norm()
