"""One optimiser step, from a batch of windows to new weights."""

import hashlib
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...data.errors import NotFiniteError
from .learner import Learner
from .loader import DeviceBatch

__all__ = ["StepResult", "train_step"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """Figures of a step, which stay on the device until someone reads them."""

    nats: Tensor
    """Sum of the loss over the targets, before the update; a float32 scalar."""
    targets: int
    """Number of tokens that were predicted, by all processes together."""
    grad_norm: Tensor
    """Length of the gradient before clipping; a float32 scalar."""

    def require_finite(self) -> None:
        """Wait for the device, and complain if the step changed nothing.

        Raises:
            NotFiniteError: the loss or the gradient is inf or nan.
        """
        if torch.isfinite(self.nats + self.grad_norm):
            return
        raise NotFiniteError(
            f"found a loss of {self.nats.item() / self.targets:.4g} nats per token and "
            f"a gradient of length {self.grad_norm.item():.4g}, "
            "expected finite numbers",
            "the newest checkpoint is from before it; lower optim.lr or look at these "
            "documents",
        )


def train_step(
    learner: Learner, batch: DeviceBatch, *, lr: float, clip: float
) -> StepResult:
    """Learn from one batch.

    The gradient is that of the mean over all targets of the batch, whatever its passes
    and processes: each adds its sum divided by the targets of the whole step.  (A mean
    of the passes' means is another gradient: 28 % off on real lengths.)

    Nothing here waits for the device, so the host can prepare the next steps.  If the
    loss or the gradient is inf or nan, the optimisers change nothing, and
    `StepResult.require_finite` raises.
    """
    model, world = learner.model, learner.world
    model.train()
    nats = torch.zeros((), device=world.device)
    # Over processes gradients are averaged, and are meant to be summed.
    scale = world.size / batch.num_targets
    for number, part in enumerate(batch.passes, start=1):
        if model.config.dropout:
            torch.manual_seed(_key(learner.seed, batch, world.rank, number))
        is_last = number == len(batch.passes)
        with nullcontext() if is_last else learner.apart():
            found = learner.shared_nats(part.inputs, part.targets, part.bounds)
            (found * scale).backward()  # type: ignore[no-untyped-call]
        nats += found.detach()
    nats = world.total(nats)
    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), clip)
    found_inf = 1 - torch.isfinite(nats + grad_norm).float()
    for optimizer in learner.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = lr
        # What GradScaler sets, too: fused optimisers read it on the device.
        optimizer.found_inf = found_inf  # type: ignore[attr-defined]
        optimizer.step()
    model.zero_grad(set_to_none=False)
    return StepResult(nats=nats, targets=batch.num_targets, grad_norm=grad_norm)


def _key(seed: int, batch: DeviceBatch, rank: int, number: int) -> int:
    """A seed for what a pass drops out, which is the same when it is done again."""
    text = f"{seed}:{batch.epoch}:{batch.step}:{rank}:{number}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
