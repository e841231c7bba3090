"""A model with all that it takes to learn: its objective, its optimisers, its peers.

    GPT ─▶ nats ─(torch.compile, DistributedDataParallel)─▶ shared_nats

The same weights are behind all three, so the plain model is what checkpoints hold.
An evaluation reads `nats`: it is short, and compiling its shapes would take longer.
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
from ..model import GPT, loss_sum
from ..optim import make_optimizers, optimizer_tensors
from .device import compute_dtype, pick_compile
from .distributed import World

__all__ = ["Learner", "make_learner"]

_Objective = Callable[[Tensor, Tensor, Tensor | None], Tensor]

# Bucketed rows have up to 16 widths, packed ones up to 8 heights; each is a program of
# its own.
_MOST_PROGRAMS = 32

# On CUDA shapes are few, and each has a program of its own.  One process alone records
# it as CUDA graphs: to launch the kernels of a pass one by one takes a host some 20 ms,
# longer than a GPU takes to run them.
_ON_CUDA: dict[str, Any] = {"dynamic": False}
_ON_ONE_GPU: dict[str, Any] = {"dynamic": False, "mode": "reduce-overhead"}


class Nats(nn.Module):
    """The sum of the loss over some windows, as a module that can be wrapped."""

    def __init__(self, model: GPT) -> None:
        """Share the weights of `model`."""
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor, targets: Tensor, bounds: Tensor | None) -> Tensor:
        """See `loss_sum`."""
        return loss_sum(self.model, inputs, targets, bounds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Learner:
    """What `train_step` changes."""

    model: GPT
    optimizers: list[Optimizer]
    world: World
    nats: _Objective
    """(inputs, targets, bounds) to the sum of their loss; see `loss_sum`."""
    shared_nats: _Objective
    """The same, perhaps compiled; its backward pass averages gradients over all
    processes."""
    seed: int
    """Key of what is dropped out."""

    @property
    def optimizer_bytes(self) -> int:
        """What the optimisers remember, once they made a step."""
        tensors = optimizer_tensors(self.model, self.optimizers).values()
        return sum(tensor.nbytes for tensor in tensors)

    def apart(self) -> AbstractContextManager[None]:
        """A block in which backward passes leave gradients to this process alone."""
        if isinstance(self.shared_nats, DistributedDataParallel):
            return self.shared_nats.no_sync()
        return nullcontext()


def make_learner(model: GPT, config: Config, world: World) -> Learner:
    """Get a model, which is on its device already, ready to learn."""
    model.compute_dtype = compute_dtype(world.device)
    nats = Nats(model)
    for parameter in model.parameters():
        # Added to in place, never replaced: a gradient that a CUDA graph returned would
        # be overwritten when the graph runs again.
        parameter.grad = torch.zeros_like(parameter)
    return Learner(
        model=model,
        optimizers=make_optimizers(model, config.optim),
        world=world,
        nats=nats,
        shared_nats=_shared(nats, config, world),
        seed=config.data.seed,
    )


def _shared(nats: Nats, config: Config, world: World) -> _Objective:
    module: nn.Module = nats
    if pick_compile(world.device, config.run.compile):
        torch._dynamo.config.recompile_limit = _MOST_PROGRAMS
        options: dict[str, Any] = {}
        if world.device.type == "cuda":
            options = _ON_ONE_GPU if world.size == 1 else _ON_CUDA
        module = cast("nn.Module", torch.compile(nats, **options))
    if world.size == 1:
        return module
    return DistributedDataParallel(
        module,
        device_ids=[world.device] if world.device.type == "cuda" else None,
        broadcast_buffers=False,  # they are constants
        gradient_as_bucket_view=True,
    )
