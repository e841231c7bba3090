import math

import pytest
import torch

from tct.trainer.config import ModelConfig
from tct.trainer.model import (
    GPT,
    IGNORE_INDEX,
    init_weights,
    loss_sum,
)
from tct.trainer.presets import PRESETS

SHAPE = ModelConfig(context=64, width=32, layers=2, heads=2)


def random_ids(*size: int) -> torch.Tensor:
    return torch.randint(0, 8192, size, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def model() -> GPT:
    """No parameter is zero, as they are at the start: zeros would hide mistakes."""
    model = GPT(SHAPE)
    draw = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=draw)
            parameter.copy_(noise * parameter.shape[-1] ** -0.5)
    return model


def test_the_plan_has_exactly_27_525_888_parameters() -> None:
    with torch.device("meta"):
        model = GPT(PRESETS["workflow-27m"].model)

    assert sum(p.numel() for p in model.parameters()) == 27_525_888


def test_parameters_have_the_names_that_export_expects() -> None:
    with torch.device("meta"):
        names = [name for name, _ in GPT(SHAPE).named_parameters()]

    assert names[0] == "embed_tokens.weight"
    assert names[1:7] == [
        "layers.0.self_attn.q_proj.weight",
        "layers.0.self_attn.k_proj.weight",
        "layers.0.self_attn.v_proj.weight",
        "layers.0.self_attn.o_proj.weight",
        "layers.0.mlp.fc1.weight",
        "layers.0.mlp.fc2.weight",
    ]
    assert names[-1] == "lm_head.weight"
    assert list(GPT(SHAPE).state_dict()) == names


def test_the_first_loss_is_the_logarithm_of_the_vocabulary() -> None:
    model = GPT(SHAPE)
    init_weights(model, seed=0)
    ids = random_ids(2, 40)

    nats = loss_sum(model, ids[:, :-1], ids[:, 1:])

    assert nats.item() / 78 == pytest.approx(math.log(8193), abs=0.01)


def test_first_weights_depend_on_the_seed_alone() -> None:
    models = []
    for global_seed, seed in ((1, 0), (2, 0), (1, 1)):
        torch.manual_seed(global_seed)
        models.append(GPT(SHAPE))
        init_weights(models[-1], seed=seed)
    first, same, other = (model.embed_tokens.weight for model in models)

    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_logits_stay_within_the_softcap(model: GPT) -> None:
    with torch.no_grad():
        model.lm_head.weight.mul_(1e4)
        logits = model(random_ids(1, 8))

    assert logits.dtype == torch.float32
    assert 14 < logits.abs().max() <= 15


def test_a_later_token_changes_no_earlier_logits(model: GPT) -> None:
    ids = random_ids(1, 32)
    changed = ids.clone()
    changed[0, 20] = (changed[0, 20] + 1) % 8192

    with torch.no_grad():
        before, after = model(ids), model(changed)

    assert torch.equal(before[:, :20], after[:, :20])
    assert not torch.allclose(before[:, 20:], after[:, 20:], atol=1e-3)


def test_the_order_of_earlier_tokens_matters(model: GPT) -> None:
    ids = random_ids(1, 8)
    swapped = ids[:, [1, 0, 2, 3, 4, 5, 6, 7]]

    with torch.no_grad():
        difference = model(ids)[:, -1] - model(swapped)[:, -1]

    assert difference.abs().max() > 1e-3


def test_positions_beyond_the_context_are_refused(model: GPT) -> None:
    with pytest.raises(ValueError, match="found 65 positions, expected at most 64"):
        model(random_ids(1, 65))


def test_ignored_targets_cost_nothing(model: GPT) -> None:
    ids, targets = random_ids(1, 10), random_ids(1, 10)
    cut = targets.clone()
    cut[0, 4:] = IGNORE_INDEX

    with torch.no_grad():
        nats = loss_sum(model, ids, cut)
        expected = loss_sum(model, ids[:, :4], targets[:, :4])

    assert nats.item() == pytest.approx(expected.item(), rel=1e-6)
