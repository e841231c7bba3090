"""The CUDA path: on tensors without data everywhere, and for real where a GPU is."""

import json
import math
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tct.data.store import Store
from tct.data.windows.layouts import LAYOUTS, Layout
from tct.trainer.config import Config
from tct.trainer.model import GPT, init_weights, loss_sum
from tct.trainer.optim.muon import Muon
from tct.trainer.presets import PRESETS, override
from tct.trainer.training.distributed import World
from tct.trainer.training.learner import Learner, make_learner
from tct.trainer.training.loader import Loader
from tct.trainer.training.loop import train
from tct.trainer.training.splits import training_batches, validation_batches
from tct.trainer.training.step import train_step
from tct.trainer.training.validate import validate

MakeStore = Callable[..., Store]
CPU, CUDA = torch.device("cpu"), torch.device("cuda")
needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="this machine has no CUDA device"
)
EAGER = ["compile=false"]


class OnCuda(TorchFunctionMode):
    """Tensors without data take the way of those on CUDA.

    (PyTorch's own FakeTensorMode cannot index "cuda" tensors in a build for CPUs.)
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func == _IS_CUDA:
            return True
        return func(*args, **(kwargs or {}))


_IS_CUDA = torch.Tensor.is_cuda.__get__  # type: ignore[attr-defined]


class Logits(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The most bytes of a tensor with a column for each token of the vocabulary."""

    nbytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, (tuple, list)) else [found]:
            if isinstance(tensor, torch.Tensor) and tensor.shape[-1:] >= (8193,):
                self.nbytes = max(self.nbytes, tensor.nbytes)
        return found


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_step_of_the_plan_fits_together_and_reads_nothing_back(
    is_packed: bool,
) -> None:
    """A tensor without data cannot be read, so a step that waits would raise."""
    with torch.device("meta"):
        model = GPT(PRESETS["workflow-27m"].model)
        ids = torch.zeros(32, 1024, dtype=torch.int64)
        bounds = torch.zeros(65, dtype=torch.int32) if is_packed else None
    model.compute_dtype = torch.bfloat16
    muon = Muon(model.layers.parameters(), lr=1e-3, weight_decay=0.1)
    muon.found_inf = torch.zeros((), device="meta")

    logits = Logits()  # type: ignore[no-untyped-call]
    with OnCuda(), logits:
        nats = loss_sum(model, ids, ids, bounds)
        nats.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        muon.step()

    assert nats.dtype == torch.float32
    assert {p.grad.dtype for p in model.parameters() if p.grad is not None} == {
        torch.float32
    }
    # Those of all positions would be 1.07 GB.
    assert 0 < logits.nbytes < 200e6


# -- for real ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(make_store: MakeStore) -> Store:
    return make_store([60, 20, 33, 5, 64, 130, 8, 41, 17], [7, 80], vocabulary=500)


def fresh(config: Config, device: torch.device) -> Learner:
    model = GPT(config.model)
    init_weights(model, seed=0)
    return make_learner(model.to(device), config, World(device=device))


def losses(
    store: Store, config: Config, device: torch.device, steps: int
) -> list[float]:
    learner, world = fresh(config, device), World(device=device)
    found = []
    with Loader(training_batches(store, config, world), device) as loader:
        for batch in islice(loader, steps):
            result = train_step(learner, batch, lr=1e-2, clip=1.0)
            result.require_finite()
            found.append(result.loss_sum.item() / result.targets)
    return found


@needs_cuda
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_gpu_learns_what_a_cpu_does(
    store: Store, small: Config, layout: Layout, optimizer: str
) -> None:
    config = override(small, [f"layout={layout}", f"optimizer={optimizer}", *EAGER])
    expected = losses(store, config, CPU, 40)
    found = losses(store, config, CUDA, 40)

    assert found[0] == pytest.approx(expected[0], rel=1e-3)
    assert sum(found[-10:]) == pytest.approx(sum(expected[-10:]), rel=0.05)
    assert found[-1] < 0.7 * found[0]


@needs_cuda
@pytest.mark.filterwarnings("ignore:The CUDA Graph is empty")
@pytest.mark.parametrize("layout", ["padded", "packed"])
@pytest.mark.parametrize("context", ["none", "[[0, 32], [0.5, 64]]"])
def test_a_compiled_gpu_learns_what_an_eager_one_does(
    store: Store, small: Config, layout: Layout, context: str
) -> None:
    settings = [f"layout={layout}", f"data.context={context}"]
    expected = losses(store, override(small, [*settings, *EAGER]), CUDA, 30)
    found = losses(store, override(small, [*settings, "compile=true"]), CUDA, 30)

    assert sum(found[-10:]) == pytest.approx(sum(expected[-10:]), rel=0.05)


@needs_cuda
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
def test_a_step_does_not_wait_for_the_gpu(store: Store, small: Config) -> None:
    config, world = override(small, EAGER), World(device=CUDA)
    learner = fresh(config, CUDA)
    with Loader(training_batches(store, config, world), CUDA) as loader:
        for _ in range(3):
            train_step(learner, next(loader), lr=1e-2, clip=1.0)
        batch = next(loader)
        try:
            torch.cuda.set_sync_debug_mode("error")
            train_step(learner, batch, lr=1e-2, clip=1.0)
        finally:
            torch.cuda.set_sync_debug_mode("default")


@needs_cuda
def test_a_gpu_evaluates_as_a_cpu_does(store: Store, small: Config) -> None:
    config = override(small, EAGER)
    found = []
    for device in (CPU, CUDA):
        world = World(device=device)
        batches = validation_batches(store, config, world)
        result = validate(fresh(config, device), batches)
        assert result is not None
        found.append(result.loss)
    assert found[1] == pytest.approx(found[0], rel=1e-3)


@needs_cuda
def test_a_run_on_a_gpu_stops_and_goes_on(
    store: Store, small: Config, tmp_path: Path
) -> None:
    train(store, tmp_path / "run", override(small, EAGER), device="cuda")
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert records[-1]["kind"] == "eval"
    assert math.isfinite(records[-1]["val_loss"])
    again = train(
        store, tmp_path / "run", override(small, EAGER), device="cuda", resume=True
    )
    assert again.step == small.run.steps
