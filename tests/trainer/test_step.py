import hashlib
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from tct.data.errors import NotFiniteError
from tct.data.layouts import LAYOUTS, Layout
from tct.data.store import Store
from tct.trainer.config import Config
from tct.trainer.loader import DeviceBatch, Loader
from tct.trainer.model import GPT, init_weights
from tct.trainer.optim import make_optimizer, optimizer_tensors, restore_optimizer
from tct.trainer.run import training_batches
from tct.trainer.step import train_step

MakeStore = Callable[..., Store]
CPU = torch.device("cpu")


def fingerprint(model: GPT) -> str:
    digest = hashlib.sha256()
    for parameter in model.parameters():
        digest.update(parameter.detach().numpy().tobytes())
    return digest.hexdigest()


def fresh(config: Config) -> tuple[GPT, torch.optim.AdamW]:
    model = GPT(config.model)
    init_weights(model, seed=0)
    return model, make_optimizer(model, config.optim)


def first_batch(store: Store, config: Config) -> DeviceBatch:
    with Loader(training_batches(store, config, CPU), CPU) as loader:
        return next(loader)


@pytest.fixture
def batch(make_store: MakeStore, small: Config) -> DeviceBatch:
    return first_batch(make_store([60, 20, 33, 5]), small)


def test_a_step_counts_tokens_and_no_padding(small: Config, batch: DeviceBatch) -> None:
    result = train_step(*fresh(small), batch, lr=0.01, clip=1.0)

    assert result.targets == 118
    assert result.nats.item() == pytest.approx(118 * 9.011, rel=1e-3)
    assert result.grad_norm > 0


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_layouts_and_micro_batches_give_the_same_weights(
    make_store: MakeStore, small: Config, layout: Layout, size: int
) -> None:
    store = make_store([60, 20, 33, 5])
    whole, split = fresh(small), fresh(small)
    reference, other = (
        first_batch(store, replace(small, run=replace(small.run, **settings)))
        for settings in (
            {"layout": "padded", "micro_batch": 4},
            {"layout": layout, "micro_batch": size},
        )
    )
    assert len(reference.passes) == 1
    for _ in range(5):
        train_step(*whole, reference, lr=0.01, clip=1.0)
        train_step(*split, other, lr=0.01, clip=1.0)

    # By relative length: the first AdamW updates are nearly signs, so single elements
    # with a gradient near zero may differ by more.
    expected, found = (
        torch.cat([p.detach().flatten() for p in model.parameters()])
        for model, _ in (whole, split)
    )
    assert (found - expected).norm() <= 1e-4 * expected.norm()


def test_a_loss_that_is_no_number_leaves_the_weights_untouched(
    small: Config, batch: DeviceBatch
) -> None:
    model, optimizer = fresh(small)
    train_step(model, optimizer, batch, lr=0.01, clip=1.0)
    with torch.no_grad():
        model.get_parameter("layers.0.mlp.fc1.weight")[0, 0] = torch.inf
    before = fingerprint(model)
    moments = {k: v.clone() for k, v in optimizer_tensors(model, optimizer).items()}

    with pytest.raises(NotFiniteError, match=r"found a loss of nan.*expected finite"):
        train_step(model, optimizer, batch, lr=0.01, clip=1.0)

    assert fingerprint(model) == before
    assert all(parameter.grad is None for parameter in model.parameters())
    for name, tensor in optimizer_tensors(model, optimizer).items():
        assert torch.equal(tensor, moments[name])


def test_the_learning_rate_and_the_clip_are_those_given(
    small: Config, batch: DeviceBatch
) -> None:
    model, optimizer = fresh(small)
    before = model.lm_head.weight.clone()

    train_step(model, optimizer, batch, lr=1e-3, clip=1.0)

    # The first step of Adam moves by the rate, whatever the gradient's length.
    moved = (model.lm_head.weight - before).abs().max().item()
    assert moved == pytest.approx(1e-3, rel=1e-3)


def test_decay_is_for_matrices_inside_the_layers(small: Config) -> None:
    model, optimizer = fresh(small)
    names = {id(p): name for name, p in model.named_parameters()}

    decay = {
        names[id(p)]: group["weight_decay"]
        for group in optimizer.param_groups
        for p in group["params"]
    }

    assert decay.keys() == set(names.values())
    assert {n for n, value in decay.items() if not value} == {
        "embed_tokens.weight",
        "lm_head.weight",
    }


def test_a_restored_optimizer_goes_on_as_before(
    small: Config, batch: DeviceBatch
) -> None:
    model, optimizer = fresh(small)
    train_step(model, optimizer, batch, lr=0.01, clip=1.0)
    twin, twins = fresh(small)
    twin.load_state_dict(model.state_dict())
    tensors = optimizer_tensors(model, optimizer)
    restore_optimizer(twin, twins, {k: v.clone() for k, v in tensors.items()})

    train_step(model, optimizer, batch, lr=0.01, clip=1.0)
    train_step(twin, twins, batch, lr=0.01, clip=1.0)

    assert fingerprint(twin) == fingerprint(model)


def test_sixteen_random_documents_can_be_learnt_by_heart(
    make_store: MakeStore, small: Config
) -> None:
    """What can be learnt is learnt: nothing about these tokens can be guessed."""
    store = make_store([32] * 16, vocabulary=8192)
    model, optimizer = fresh(small)
    losses = []
    with Loader(training_batches(store, small, CPU), CPU) as loader:
        for _ in range(150):
            nats, targets = 0.0, 0
            for batch in islice(loader, 4):
                result = train_step(model, optimizer, batch, lr=1e-2, clip=1.0)
                nats += result.nats.item()
                targets += result.targets
            losses.append(nats / targets)
            if losses[-1] < 0.1:
                break

    assert np.isfinite(losses).all()
    assert losses[-1] < 0.1
