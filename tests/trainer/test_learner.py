"""What a step changes: precision, compiling, dropout and optimisers."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
import torch
from torch import Tensor

from tct.data.store import Store
from tct.data.windows.layouts import Layout
from tct.trainer.config import Config
from tct.trainer.model import GPT, init_weights
from tct.trainer.optim import optimizer_tensors
from tct.trainer.presets import override
from tct.trainer.training.distributed import World
from tct.trainer.training.learner import Learner, make_learner
from tct.trainer.training.loader import Loader
from tct.trainer.training.splits import training_batches
from tct.trainer.training.step import train_step

MakeStore = Callable[..., Store]
CPU = torch.device("cpu")
WORLD = World(device=CPU)


@pytest.fixture(scope="module")
def store(make_store: MakeStore) -> Store:
    return make_store([60, 20, 33, 5, 64, 130, 8, 41, 17], vocabulary=500)


def fresh(config: Config) -> Learner:
    model = GPT(config.model)
    init_weights(model, seed=0)
    return make_learner(model, config, WORLD)


def learn(learner: Learner, store: Store, config: Config, steps: int) -> list[float]:
    """The loss of each step."""
    losses = []
    with Loader(training_batches(store, config, WORLD), CPU) as loader:
        for batch in islice(loader, steps):
            result = train_step(learner, batch, lr=1e-2, clip=1.0)
            losses.append(result.loss_sum.item() / result.targets)
    return losses


def flat(model: GPT) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def distance(found: Learner, expected: Learner) -> float:
    """Relative length of the difference of all weights."""
    reference = flat(expected.model)
    return float((flat(found.model) - reference).norm() / reference.norm())


def with_run(config: Config, **settings: Any) -> Config:
    return replace(config, run=replace(config.run, **settings))


# PyTorch hides this warning of its own compiler, but not from filters that raise.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
@pytest.mark.parametrize(
    ("layout", "context"),
    [
        ("padded", "none"),
        pytest.param("bucketed", "none", marks=pytest.mark.slow),
        pytest.param("packed", "none", marks=pytest.mark.slow),
        # The context changes after step 4 of 12.
        pytest.param("padded", "[[0, 32], [0.34, 64]]", marks=pytest.mark.slow),
        pytest.param("packed", "[[0, 32], [0.34, 64]]", marks=pytest.mark.slow),
    ],
)
def test_a_compiled_step_learns_what_an_eager_one_does(
    store: Store, small: Config, layout: Layout, context: str
) -> None:
    brief = override(small, ["layers=1", f"data.context={context}"])
    eager, compiled = (
        with_run(brief, layout=layout, micro_batch=2, compile=flag)
        for flag in (False, True)
    )
    expected, found = fresh(eager), fresh(compiled)
    assert found.ddp_loss_sum is not found.loss_sum
    learn(expected, store, eager, 8)
    learn(found, store, compiled, 8)

    assert distance(found, expected) < 1e-5


def test_bfloat16_products_learn_as_float32_ones_do(
    store: Store, small: Config
) -> None:
    """Weights stay float32, so that small updates are not lost."""
    exact, rough = fresh(small), fresh(small)
    rough.model.compute_dtype = torch.bfloat16
    expected = learn(exact, store, small, 60)
    found = learn(rough, store, small, 60)

    assert {p.dtype for p in rough.model.parameters()} == {torch.float32}
    tensors = optimizer_tensors(rough.model, rough.optimizers).values()
    assert {tensor.dtype for tensor in tensors} == {torch.float32}
    assert distance(rough, exact) > 0
    assert expected[-1] < 5 < expected[0]
    assert sum(found[-10:]) == pytest.approx(sum(expected[-10:]), rel=0.02)


def test_dropout_is_the_same_when_a_step_is_done_again(
    store: Store, small: Config
) -> None:
    config = override(small, ["model.dropout=0.2"])
    first, again, other = fresh(config), fresh(config), fresh(config)
    learn(first, store, config, 3)
    torch.manual_seed(99)  # nothing outside decides
    learn(again, store, config, 3)
    learn(other, store, override(config, ["seed=8"]), 3)

    assert distance(again, first) == 0
    assert distance(other, first) > 0
    without = fresh(small)
    learn(without, store, small, 3)
    assert distance(without, first) > 0


def test_dropout_is_for_training_alone(store: Store, small: Config) -> None:
    model = fresh(override(small, ["model.dropout=0.5"])).model
    with torch.no_grad():
        torch.nn.init.normal_(model.lm_head.weight, generator=torch.Generator())
    ids = torch.arange(20).unsqueeze(0)

    model.eval()
    assert torch.equal(model(ids), model(ids))
    model.train()
    assert not torch.equal(model(ids), model(ids))


def test_muon_learns_the_matrices_inside_the_layers(
    store: Store, small: Config
) -> None:
    config = override(small, ["optimizer=muon"])
    learner = fresh(config)
    losses = learn(learner, store, config, 60)

    assert losses[-1] < 5 < losses[0]
    names = optimizer_tensors(learner.model, learner.optimizers)
    muon = {name.removesuffix(".momentum_buffer") for name in names if "buffer" in name}
    hidden = {name for name, _ in learner.model.named_parameters() if "layers" in name}
    assert muon == hidden
    assert "lm_head.weight.exp_avg" in names


def test_every_parameter_is_changed_once(small: Config) -> None:
    for optimizer in ("adamw", "muon"):
        learner = fresh(override(small, [f"optimizer={optimizer}"]))
        changed = [
            id(parameter)
            for optimizer in learner.optimizers
            for group in optimizer.param_groups
            for parameter in group["params"]
        ]
        assert sorted(changed) == sorted(map(id, learner.model.parameters()))
