import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from tct.data.errors import NotFiniteError
from tct.data.store import Store
from tct.data.windows.layouts import LAYOUTS, Layout
from tct.trainer.config import Config
from tct.trainer.model import GPT, init_weights
from tct.trainer.model.cost import Peak
from tct.trainer.optim import optimizer_tensors, restore_optimizers
from tct.trainer.presets import override
from tct.trainer.training.distributed import World
from tct.trainer.training.learner import Learner, make_learner
from tct.trainer.training.loader import DeviceBatch, Loader
from tct.trainer.training.splits import training_batches
from tct.trainer.training.step import Interval, train_step

MakeStore = Callable[..., Store]
CPU = torch.device("cpu")
WORLD = World(device=CPU)


def fingerprint(model: GPT) -> str:
    digest = hashlib.sha256()
    for parameter in model.parameters():
        digest.update(parameter.detach().numpy().tobytes())
    return digest.hexdigest()


def fresh(config: Config) -> Learner:
    model = GPT(config.model)
    init_weights(model, seed=0)
    return make_learner(model, config, WORLD)


def first_batch(store: Store, config: Config) -> DeviceBatch:
    with Loader(training_batches(store, config, WORLD), CPU) as loader:
        return next(loader)


@pytest.fixture
def batch(make_store: MakeStore, small: Config) -> DeviceBatch:
    return first_batch(make_store([60, 20, 33, 5]), small)


def test_a_step_counts_tokens_and_no_padding(small: Config, batch: DeviceBatch) -> None:
    result = train_step(fresh(small), batch, lr=0.01, clip=1.0)

    assert result.targets == 118
    assert result.loss_sum.item() == pytest.approx(118 * 9.011, rel=1e-3)
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
    assert len(reference.micro_batches) == 1
    for _ in range(20):
        train_step(whole, reference, lr=1e-3, clip=1.0)
        train_step(split, other, lr=1e-3, clip=1.0)

    # By relative length: the first AdamW updates are nearly signs, so single elements
    # with a gradient near zero may differ by more.
    expected, found = (
        torch.cat([p.detach().flatten() for p in model.parameters()])
        for model in (whole.model, split.model)
    )
    assert (found - expected).norm() <= 1e-5 * expected.norm()


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_loss_that_is_no_number_leaves_the_weights_untouched(
    small: Config, batch: DeviceBatch, optimizer: str
) -> None:
    learner = fresh(override(small, [f"optimizer={optimizer}"]))
    model, optimizers = learner.model, learner.optimizers
    train_step(learner, batch, lr=0.01, clip=1.0).require_finite()
    with torch.no_grad():
        model.get_parameter("layers.0.mlp.fc1.weight")[0, 0] = torch.inf
    before = fingerprint(model)
    moments = {k: v.clone() for k, v in optimizer_tensors(model, optimizers).items()}

    result = train_step(learner, batch, lr=0.01, clip=1.0)

    with pytest.raises(NotFiniteError, match=r"found a loss of nan.*expected finite"):
        result.require_finite()
    assert fingerprint(model) == before
    for parameter in model.parameters():
        assert parameter.grad is not None
        assert not parameter.grad.any()
    for name, tensor in optimizer_tensors(model, optimizers).items():
        assert torch.equal(tensor, moments[name])


def test_the_learning_rate_and_the_clip_are_those_given(
    small: Config, batch: DeviceBatch
) -> None:
    learner = fresh(small)
    model = learner.model
    before = model.lm_head.weight.clone()

    train_step(learner, batch, lr=1e-3, clip=1.0)

    # The first step of Adam moves by the rate, whatever the gradient's length.
    moved = (model.lm_head.weight - before).abs().max().item()
    assert moved == pytest.approx(1e-3, rel=1e-3)


def test_decay_is_for_matrices_inside_the_layers(small: Config) -> None:
    learner = fresh(small)
    model, optimizers = learner.model, learner.optimizers
    names = {id(p): name for name, p in model.named_parameters()}

    decay = {
        names[id(p)]: group["weight_decay"]
        for optimizer in optimizers
        for group in optimizer.param_groups
        for p in group["params"]
    }

    assert decay.keys() == set(names.values())
    assert {n for n, value in decay.items() if not value} == {
        "embed_tokens.weight",
        "lm_head.weight",
    }


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_restored_optimizer_goes_on_as_before(
    small: Config, batch: DeviceBatch, optimizer: str
) -> None:
    config = override(small, [f"optimizer={optimizer}"])
    learner = fresh(config)
    model, optimizers = learner.model, learner.optimizers
    train_step(learner, batch, lr=0.01, clip=1.0)
    twin = fresh(config)
    twin.model.load_state_dict(model.state_dict())
    tensors = optimizer_tensors(model, optimizers)
    copies = {k: v.clone() for k, v in tensors.items()}
    restore_optimizers(twin.model, twin.optimizers, copies)

    train_step(learner, batch, lr=0.01, clip=1.0)
    train_step(twin, batch, lr=0.01, clip=1.0)

    assert fingerprint(twin.model) == fingerprint(model)


def test_sixteen_random_documents_can_be_learnt_by_heart(
    make_store: MakeStore, small: Config
) -> None:
    """What can be learnt is learnt: nothing about these tokens can be guessed."""
    store = make_store([32] * 16, vocabulary=8192)
    learner = fresh(small)
    losses = []
    with Loader(training_batches(store, small, WORLD), CPU) as loader:
        for _ in range(150):
            nats, targets = 0.0, 0
            for batch in islice(loader, 4):
                result = train_step(learner, batch, lr=1e-2, clip=1.0)
                nats += result.loss_sum.item()
                targets += result.targets
            losses.append(nats / targets)
            if losses[-1] < 0.1:
                break

    assert np.isfinite(losses).all()
    assert losses[-1] < 0.1


def test_the_speed_counts_the_time_until_the_device_is_done(
    small: Config, batch: DeviceBatch
) -> None:
    """A GPU's steps are only queued when `train_step` returns."""
    peak = Peak(flops=1e12, source="measured")
    interval = Interval(small.model, peak, world_size=1)
    began = time.perf_counter()
    result = train_step(fresh(small), batch, lr=0.01, clip=1.0)
    interval.add(1, result, batch, lr=0.01, began=began, waited=0.0)
    time.sleep(0.2)

    record = interval.record(step=1, tokens=result.targets, seconds=0.0, eta=0.0)

    assert record.tokens_per_s <= result.targets / 0.2
