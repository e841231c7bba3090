import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from tct.data.store import Store
from tct.data.windows import POLICIES, Policy
from tct.data.windows.batches import Batches
from tct.data.windows.layouts import LAYOUTS, Layout
from tct.trainer.config import Config
from tct.trainer.model import GPT, init_weights
from tct.trainer.runs.state import Validation
from tct.trainer.training.distributed import World
from tct.trainer.training.learner import Learner, make_learner
from tct.trainer.training.splits import validation_batches
from tct.trainer.training.validate import validate

MakeStore = Callable[..., Store]
CPU = torch.device("cpu")
WORLD = World(device=CPU)
LENGTHS = [60, 200, 33, 5, 64, 20]


@pytest.fixture
def learner(small: Config) -> Learner:
    model = GPT(small.model)
    init_weights(model, seed=0)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        head = model.lm_head.weight
        head.copy_(torch.randn(head.shape, generator=draw))
    return make_learner(model, small, WORLD)


@pytest.fixture
def batches(make_store: MakeStore, small: Config) -> Batches:
    return validation_batches(make_store([10], LENGTHS), small, WORLD)


def test_figures_follow_from_the_sum_of_nats() -> None:
    found = Validation(nats=20.0, tokens=10, documents=4, canonical_bytes=50)

    assert found.loss == 2.0
    assert found.perplexity == pytest.approx(math.exp(2))
    assert found.bits_per_byte == pytest.approx(20 / math.log(2) / 50)
    assert found.nats_per_document == 5.0


def test_every_token_of_the_split_counts_once(
    learner: Learner, batches: Batches
) -> None:
    found = validate(learner, batches)

    assert found is not None
    assert (found.tokens, found.documents) == (382, 6)
    assert found.canonical_bytes == 3 * 382


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [1, 4])
def test_layouts_and_micro_batches_change_no_figure(
    learner: Learner, make_store: MakeStore, small: Config, layout: Layout, size: int
) -> None:
    store = make_store([10], LENGTHS)
    other = replace(small, run=replace(small.run, layout=layout, micro_batch=size))
    expected, found = (
        validate(learner, validation_batches(store, config, WORLD))
        for config in (small, other)
    )

    assert expected is not None
    assert found is not None
    assert found.nats == pytest.approx(expected.nats, rel=1e-6)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_policy_of_training_changes_no_figure(
    learner: Learner, make_store: MakeStore, small: Config, policy: Policy
) -> None:
    config = replace(small, data=replace(small.data, windows=policy))
    found = validate(
        learner, validation_batches(make_store([10], LENGTHS), config, WORLD)
    )

    assert found is not None
    assert found.tokens == sum(LENGTHS)


def test_an_evaluation_leaves_no_gradient(learner: Learner, batches: Batches) -> None:
    validate(learner, batches)

    for parameter in learner.model.parameters():
        assert parameter.grad is None or not parameter.grad.any()


def test_an_empty_split_has_no_figures(
    learner: Learner, make_store: MakeStore, small: Config
) -> None:
    batches = validation_batches(make_store([10]), small, WORLD)
    assert validate(learner, batches) is None


def test_a_stop_ends_it_between_two_batches(learner: Learner, batches: Batches) -> None:
    answers = iter([False, True])

    assert validate(learner, batches, should_stop=lambda: next(answers)) is None
