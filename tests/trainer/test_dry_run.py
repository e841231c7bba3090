"""What a run will take: arithmetic that can be checked, and a few real steps."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tct.data.store import Store
from tct.trainer.config import Config, ModelConfig
from tct.trainer.model import GPT, init_weights, loss_sum
from tct.trainer.model.cost import (
    fitting_micro_batch,
    peak_flops,
    peak_memory,
    training_bytes,
    training_flops,
)
from tct.trainer.optim import optimizer_tensors
from tct.trainer.presets import PRESETS, override
from tct.trainer.training.distributed import World
from tct.trainer.training.dry_run import dry_run
from tct.trainer.training.learner import make_learner
from tct.trainer.training.loader import Loader
from tct.trainer.training.run import training_batches
from tct.trainer.training.step import train_step

MakeStore = Callable[..., Store]
CPU = torch.device("cpu")
PLAN = PRESETS["workflow-27m"]


def test_operations_are_those_of_the_reference_design() -> None:
    """174.6 million per token of a whole window, a causal half of the attention."""
    assert training_flops(PLAN.model, [1024]) / 1024 == pytest.approx(174.6e6, rel=1e-3)


def test_operations_are_counted_window_by_window() -> None:
    model = ModelConfig(context=64, width=8, layers=3, heads=2)
    weights = 12 * 3 * 8 * 8 + 8193 * 8

    def slow(length: int) -> int:
        seen = sum(position + 1 for position in range(length))
        return 6 * weights * length + 12 * 3 * 8 * seen

    lengths = [1, 2, 7, 64]
    assert training_flops(model, lengths) == sum(map(slow, lengths))
    assert training_flops(model, np.array([], dtype=np.int64)) == 0


def test_a_device_without_a_data_sheet_is_measured() -> None:
    found = peak_flops(CPU)

    assert found.source == "measured"
    assert 1e8 < found.flops < 1e15


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_the_estimate_counts_what_a_pass_keeps(dtype: torch.dtype | None) -> None:
    """Against the tensors that autograd really keeps, without the loss's chunk."""
    config = override(PRESETS["tiny"], ["context=512"])
    model = GPT(config.model)
    init_weights(model, seed=0)
    model.compute_dtype = dtype
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.zeros(4, 512, dtype=torch.int64)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        nats = loss_sum(model, ids, ids)

    parameters = config.model.parameters
    fixed = 16 * parameters + (2 * parameters if dtype else 0)
    estimated = training_bytes(config, micro_batch=4, dtype=dtype)
    chunk = 128 if dtype is None else 4096
    logits = 4 * 4 * chunk * 8193
    copies = 2 * parameters if dtype else 0
    assert nats.isfinite()
    assert estimated - fixed - logits == pytest.approx(
        sum(kept.values()) - copies, rel=0.05
    )


def test_rows_that_fit_are_the_most_that_fit() -> None:
    def size(rows: int) -> int:
        return training_bytes(PLAN, micro_batch=rows, dtype=None)

    for limit in (size(1), size(7), size(7) + 1, size(32) - 1):
        rows = fitting_micro_batch(PLAN, dtype=None, limit=limit)
        assert size(rows) <= limit
        assert size(rows + 1) > limit
    assert fitting_micro_batch(PLAN, dtype=None, limit=0) == 1


def test_muon_remembers_half_of_what_adamw_does(
    make_store: MakeStore, small: Config
) -> None:
    store = make_store([60, 20, 33, 5])
    for optimizer in ("adamw", "muon"):
        config = override(small, [f"optimizer={optimizer}"])
        world = World(device=CPU)
        model = GPT(config.model)
        init_weights(model, seed=0)
        learner = make_learner(model, config, world)
        with Loader(training_batches(store, config, world), CPU) as loader:
            train_step(learner, next(loader), lr=1e-3, clip=1.0)
        tensors = optimizer_tensors(model, learner.optimizers)
        moments = sum(t.nbytes for name, t in tensors.items() if "step" not in name)
        parameters = config.model.parameters
        hidden = 12 * 2 * 32 * 32
        expected = 8 * parameters - (4 * hidden if optimizer == "muon" else 0)
        assert moments == expected


def test_the_memory_of_the_process_is_counted_in_bytes() -> None:
    assert 50e6 < peak_memory(CPU) < 100e9


def test_a_dry_run_says_what_the_run_will_take(
    make_store: MakeStore, small: Config
) -> None:
    store = make_store([20, 33, 64, 8, 50, 100, 40, 9, 12, 64], [30, 70])

    found = dry_run(store, small, device="cpu")

    # The document of 100 tokens has two windows in even epochs, three in odd ones.
    assert (found.documents, found.tokens) == (10, 400)
    assert found.windows == (11, 12)
    assert found.steps == 12
    assert found.passes == pytest.approx(12 * 4 / 11.5)
    assert found.loss == pytest.approx(9.011, abs=0.01)
    assert found.parameters == 548_928
    assert found.checkpoint == pytest.approx(12 * 548_928, rel=0.001)
    assert found.disk == 4 * found.checkpoint
    assert found.peak.source == "measured"
    mean = 800 * 4 / 23
    assert found.step_seconds == pytest.approx(mean / found.tokens_per_s)
    # Two evaluations of 100 tokens, at three times the speed of training.
    work = 12 * mean + 2 * 100 / 3
    assert found.seconds == pytest.approx(work / found.tokens_per_s)
    short = [20, 33, 64, 8, 50, 40, 9, 12, 64]
    lengths = [*short, 64, 36, *short, 32, 64, 4]
    flops = training_flops(small.model, lengths)
    assert found.flops == pytest.approx(12 * 4 / 23 * flops)
    assert found.mfu == pytest.approx(
        flops / 800 * found.tokens_per_s / found.peak.flops
    )
