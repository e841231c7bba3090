"""One optimiser step, from a batch of windows to new weights."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..data.errors import NotFiniteError
from .loader import DeviceBatch
from .model import GPT, loss_sum

__all__ = ["StepResult", "train_step"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """What a step did; the figures stay on the device until someone reads them."""

    nats: Tensor
    """Sum of the loss over the targets, before the update; a float32 scalar."""
    targets: int
    """Number of tokens that were predicted."""
    grad_norm: Tensor
    """Length of the gradient before clipping; a float32 scalar."""


def train_step(
    model: GPT,
    optimizer: torch.optim.Optimizer,
    batch: DeviceBatch,
    *,
    lr: float,
    clip: float,
) -> StepResult:
    """Learn from one batch.

    The gradient is that of the mean over all targets of the batch, whatever its
    passes: each adds its sum divided by the targets of the whole step.  (A mean of the
    passes' means is another gradient: 28 % off on real lengths.)

    Raises:
        NotFiniteError: the loss or the gradient is inf or nan.  Nothing was changed.
    """
    targets = batch.num_targets
    total = torch.zeros((), device=next(model.parameters()).device)
    for part in batch.passes:
        nats = loss_sum(model, part.inputs, part.targets, part.spans)
        (nats / targets).backward()  # type: ignore[no-untyped-call]
        total += nats.detach()
    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), clip)
    if not torch.isfinite(total + grad_norm):
        optimizer.zero_grad()
        raise NotFiniteError(
            f"found a loss of {total.item() / targets:.4g} nats per token and a "
            f"gradient of length {grad_norm.item():.4g}, expected finite numbers",
            "the weights are unchanged; lower optim.lr or look at these documents",
        )
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    optimizer.zero_grad()
    return StepResult(nats=total, targets=targets, grad_norm=grad_norm)
