"""A model with its objective, its optimisers and its peers.

    GPT ─▶ loss_sum ─(torch.compile, DistributedDataParallel)─▶ ddp_loss_sum

All three share the same weights, so checkpoints hold the plain model.  Validation uses
`loss_sum`: it is short, and compiling its shapes would take longer.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from ..config import Config
from ..model import GPT, compute_dtype, loss_sum
from ..optim import make_optimizers, optimizer_tensors
from .device import pick_compile
from .distributed import World

__all__ = ["Learner", "make_learner"]

_Objective = Callable[[Tensor, Tensor, Tensor | None], Tensor]

# Bucketed rows have up to 16 widths, packed ones up to 8 heights; each shape is
# compiled to a program of its own, and each context has its own.
_MOST_PROGRAMS = 32

# On CUDA shapes are few and static.  A single process records CUDA graphs: launching
# the kernels of a pass one by one takes the host some 20 ms, longer than the GPU takes
# to run them.
_ON_CUDA: dict[str, Any] = {"dynamic": False}
_ON_ONE_GPU: dict[str, Any] = {"dynamic": False, "mode": "reduce-overhead"}


class LossSum(nn.Module):
    """`loss_sum` as a module, which torch.compile and DDP can wrap."""

    def __init__(self, model: GPT) -> None:
        """Share the weights of `model`."""
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor, targets: Tensor, bounds: Tensor | None) -> Tensor:
        """See `loss_sum`."""
        return loss_sum(self.model, inputs, targets, bounds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Learner:
    """A model with everything that `train_step` needs to update it."""

    model: GPT
    optimizers: list[Optimizer]
    world: World
    loss_sum: _Objective
    """(inputs, targets, bounds) to the summed loss; see `loss_sum` of gpt.py."""
    ddp_loss_sum: _Objective
    """The same, compiled if configured; its backward pass averages gradients over all
    processes."""
    seed: int
    """Key of the dropout masks."""

    @property
    def optimizer_bytes(self) -> int:
        """Size of the optimiser state, after the first step."""
        tensors = optimizer_tensors(self.model, self.optimizers).values()
        return sum(tensor.nbytes for tensor in tensors)

    def no_sync(self) -> AbstractContextManager[None]:
        """A block in which backward passes do not synchronise gradients."""
        if isinstance(self.ddp_loss_sum, DistributedDataParallel):
            return self.ddp_loss_sum.no_sync()
        return nullcontext()


def make_learner(model: GPT, config: Config, world: World) -> Learner:
    """Prepare a model, already on its device, for training."""
    model.compute_dtype = compute_dtype(world.device)
    objective = LossSum(model)
    for parameter in model.parameters():
        # Gradients are accumulated in place: one returned by a CUDA graph would be
        # overwritten when the graph runs again.
        parameter.grad = torch.zeros_like(parameter)
    return Learner(
        model=model,
        optimizers=make_optimizers(model, config.optim),
        world=world,
        loss_sum=objective,
        ddp_loss_sum=_wrap(objective, config, world),
        seed=config.data.seed,
    )


def _wrap(objective: LossSum, config: Config, world: World) -> _Objective:
    module: nn.Module = objective
    if pick_compile(world.device, config.run.compile):
        torch._dynamo.config.recompile_limit = _MOST_PROGRAMS * len(config.phases)
        options: dict[str, Any] = {}
        if world.device.type == "cuda":
            options = _ON_ONE_GPU if world.size == 1 else _ON_CUDA
        module = cast("nn.Module", torch.compile(objective, **options))
    if world.size == 1:
        return module
    return DistributedDataParallel(
        module,
        device_ids=[world.device] if world.device.type == "cuda" else None,
        broadcast_buffers=False,  # they are constants
        gradient_as_bucket_view=True,
    )
