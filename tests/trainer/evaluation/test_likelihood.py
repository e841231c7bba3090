import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from tct.data.store import Store
from tct.data.windows.layouts import LAYOUTS, Layout
from tct.trainer.config import Config
from tct.trainer.evaluation.likelihood import likelihood, nats_of_documents
from tct.trainer.model import GPT, init_weights
from tct.trainer.training.distributed import World
from tct.trainer.training.learner import Learner, make_learner
from tct.trainer.training.splits import validation_batches
from tct.trainer.training.validate import validate

MakeStore = Callable[..., Store]
WORLD = World(device=torch.device("cpu"))
LENGTHS = [60, 200, 33, 5, 64, 20, 65]


@pytest.fixture
def learner(small: Config) -> Learner:
    model = GPT(small.model)
    init_weights(model, seed=0)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        head = model.lm_head.weight
        head.copy_(torch.randn(head.shape, generator=draw))
    return make_learner(model.eval(), small, WORLD)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_is_what_training_reports(
    learner: Learner, make_store: MakeStore, small: Config, layout: Layout
) -> None:
    store = make_store([10], LENGTHS)
    config = replace(small, run=replace(small.run, layout=layout))
    reported = validate(learner, validation_batches(store, config, WORLD))
    found = likelihood(learner.model, config, store, seed=0)

    assert reported is not None
    assert found.bits_per_byte.value == pytest.approx(reported.bits_per_byte, rel=1e-6)
    assert found.perplexity.value == pytest.approx(reported.perplexity, rel=1e-6)
    assert found.nats_per_document.value == pytest.approx(
        reported.nats_per_document, rel=1e-6
    )
    assert (found.tokens, found.documents) == (reported.tokens, reported.documents)
    assert found.canonical_bytes == reported.canonical_bytes


@pytest.mark.parametrize("rows", [1, 3])
def test_each_document_has_its_own_nats(
    learner: Learner, make_store: MakeStore, small: Config, rows: int
) -> None:
    store = make_store([10], LENGTHS)
    run = replace(small.run, layout="bucketed", micro_batch=rows)
    batches = validation_batches(store, replace(small, run=run), WORLD)
    found = nats_of_documents(learner.model, batches)

    assert found.shape == (len(LENGTHS),)
    for nats, row in zip(found, store.rows("val").tolist(), strict=True):
        expected = slow_nats(learner.model, store.tokens(row))
        assert nats == pytest.approx(expected, rel=1e-5)


@torch.inference_mode()
def slow_nats(model: GPT, ids: np.ndarray) -> float:
    """Window after window, each token by the softmax of its logits."""
    context, total = model.config.context, 0.0
    for begin in range(0, len(ids), context):
        window = ids[begin : begin + context].astype(np.int64)
        inputs = torch.tensor([[begin // 32, *window[:-1]]])
        odds = model(inputs)[0].double().log_softmax(-1)
        total -= sum(float(odds[at, token]) for at, token in enumerate(window))
    return total


def test_groups_are_counted_apart(
    learner: Learner, make_store: MakeStore, small: Config
) -> None:
    found = likelihood(learner.model, small, make_store([10], LENGTHS), seed=0)

    # The store has one group, so there is nothing to draw anew.
    assert found.bits_per_byte.low is None
    (group,) = found.groups
    assert group.documents == len(LENGTHS)
    assert group.bits_per_byte == pytest.approx(found.bits_per_byte.value)
    assert math.isfinite(found.perplexity.value)
