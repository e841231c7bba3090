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
from tct.trainer.planning.dry_run import DryRun, Facts, dry_run
from tct.trainer.presets import PRESETS, override
from tct.trainer.training.distributed import World
from tct.trainer.training.learner import make_learner
from tct.trainer.training.loader import Loader
from tct.trainer.training.splits import training_batches
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


LENGTHS = [20, 33, 64, 8, 50, 100, 40, 9, 12, 64]


def test_a_dry_run_says_what_the_run_will_take(
    make_store: MakeStore, small: Config
) -> None:
    store = make_store(LENGTHS, [30, 70])

    found = dry_run(store, small, device="cpu")
    facts = found.facts

    # The document of 100 tokens has two windows in even epochs, three in odd ones.
    assert (facts.documents, facts.tokens) == (10, 400)
    assert facts.windows == (11, 12)
    assert facts.steps == 12
    assert facts.passes == pytest.approx(12 * 4 / 11.5)
    assert facts.parameters == 548_928
    assert facts.checkpoint == 12 * 548_928
    assert facts.disk == 4 * facts.checkpoint
    short = [20, 33, 64, 8, 50, 40, 9, 12, 64]
    lengths = [*short, 64, 36, *short, 32, 64, 4]
    flops = training_flops(small.model, lengths)
    assert facts.flops == pytest.approx(12 * 4 / 23 * flops)
    assert found.speed.loss == pytest.approx(9.011, abs=0.01)
    assert found.speed.sample == "4 steps"
    check_forecast(found, mean=800 * 4 / 23, flops=flops / 800)


def check_forecast(found: DryRun, *, mean: float, flops: float) -> None:
    """That everything follows from the speed; `mean` targets a step, FLOPs of one."""
    speed = found.speed.tokens_per_s
    assert speed > 0
    assert found.step_seconds == pytest.approx(mean / speed)
    # Two evaluations of 100 tokens, at three times the speed of training.
    work = 12 * mean + 2 * 100 / 3
    assert found.seconds == pytest.approx(work / speed)
    assert found.peak.source == "measured"
    assert found.mfu == pytest.approx(flops * speed / found.peak.flops)


def test_long_steps_are_measured_by_their_passes(
    make_store: MakeStore, small: Config
) -> None:
    """Without time, one pass after the first and one update have to do."""
    store = make_store(LENGTHS, [30, 70])

    found = dry_run(store, small, device="cpu", seconds=0)

    assert found.speed.sample == "1 of a step's 4 passes"
    assert found.speed.loss == pytest.approx(9.011, abs=0.01)
    flops = found.facts.step_flops / found.facts.step_targets
    check_forecast(found, mean=800 * 4 / 23, flops=flops)
    # The same work at the same speed, within what a busy machine does to it.
    whole = dry_run(store, small, device="cpu")
    assert 0.05 < found.speed.tokens_per_s / whole.speed.tokens_per_s < 20


def test_facts_come_before_anything_is_measured(
    make_store: MakeStore, small: Config
) -> None:
    class ShownError(Exception):
        pass

    def stop(facts: Facts) -> None:
        assert facts.parameters == 548_928
        raise ShownError

    store = make_store(LENGTHS)
    with pytest.raises(ShownError):
        dry_run(store, small, device="cpu", show=stop)
