"""One optimiser step, from a batch of windows to new weights, and its figures."""

import hashlib
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ...data.errors import NotFiniteError
from ..config import ModelConfig
from ..model.cost import Peak, peak_memory, training_flops
from ..runs.metrics import StepRecord
from .learner import Learner
from .loader import DeviceBatch

__all__ = ["Interval", "StepResult", "train_step"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """Figures of a step, which stay on the device until they are read."""

    loss_sum: Tensor
    """Nats over all targets, before the update; a float32 scalar."""
    targets: int
    """Number of predicted tokens, over all processes."""
    grad_norm: Tensor
    """Norm of the gradient before clipping; a float32 scalar."""

    def require_finite(self) -> None:
        """Wait for the device, and raise if the step changed nothing.

        Raises:
            NotFiniteError: the loss or the gradient is inf or nan.
        """
        if torch.isfinite(self.loss_sum + self.grad_norm):
            return
        raise NotFiniteError(
            f"found a loss of {self.loss_sum.item() / self.targets:.4g} nats per token "
            f"and a gradient of norm {self.grad_norm.item():.4g}, "
            "expected finite numbers",
            "the newest checkpoint is from before it; lower optim.lr or look at these "
            "documents",
        )


def train_step(
    learner: Learner, batch: DeviceBatch, *, lr: float, clip: float
) -> StepResult:
    """Update the weights with one batch.

    The gradient is that of the mean over all targets of the step, independent of its
    division into micro-batches and processes: each adds its sum divided by the targets
    of the whole step.  (The mean of the micro-batches' means is another gradient: 28 %
    off on real lengths.)

    Nothing here waits for the device, so the host can prepare the next steps.  If the
    loss or the gradient is inf or nan, the optimisers change nothing, and
    `StepResult.require_finite` raises.
    """
    model, world = learner.model, learner.world
    model.train()
    loss_sum = torch.zeros((), device=world.device)
    # DDP averages gradients over processes; their sum is needed.
    scale = world.size / batch.num_targets
    for number, part in enumerate(batch.micro_batches, start=1):
        if model.config.dropout:
            torch.manual_seed(_key(learner.seed, batch, world.rank, number))
        is_last = number == len(batch.micro_batches)
        with nullcontext() if is_last else learner.no_sync():
            loss = learner.ddp_loss_sum(part.inputs, part.targets, part.bounds)
            (loss * scale).backward()  # type: ignore[no-untyped-call]
        loss_sum += loss.detach()
    loss_sum = world.total(loss_sum)
    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), clip)
    found_inf = 1 - torch.isfinite(loss_sum + grad_norm).float()
    for optimizer in learner.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = lr
        # As GradScaler does: fused optimisers read it on the device.
        optimizer.found_inf = found_inf  # type: ignore[attr-defined]
        optimizer.step()
    model.zero_grad(set_to_none=False)
    return StepResult(loss_sum=loss_sum, targets=batch.num_targets, grad_norm=grad_norm)


def _key(seed: int, batch: DeviceBatch, rank: int, number: int) -> int:
    """A reproducible seed for the dropout masks of one micro-batch."""
    text = f"{seed}:{batch.epoch}:{batch.step}:{rank}:{number}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


class Interval:
    """The steps since the last record; figures stay on the device until `record`."""

    def __init__(self, model: ModelConfig, peak: Peak, *, world_size: int) -> None:
        """No step yet.

        Args:
            model: whose operations are counted.
            peak: of a device.
            world_size: number of devices; all are taken to be like this one.
        """
        self.targets = 0
        self._model, self._peak, self._world_size = model, peak, world_size
        self._epoch = 0
        self._offset: int | None = None
        self._lr = self._began = self._waited = self._flops = 0.0
        self._positions = 0
        self.steps: list[tuple[int, DeviceBatch, StepResult]] = []
        """Number in the run, batch without its tensors, and result of each step."""

    def add(
        self,
        step: int,
        result: StepResult,
        batch: DeviceBatch,
        *,
        lr: float,
        began: float,
        waited: float,
    ) -> None:
        """Add one step.

        Args:
            step: its number in the run, from 1.
            result: of the step.
            batch: of the step.
            lr: its learning rate.
            began: its start, on the performance counter.
            waited: seconds that it waited for the batch.
        """
        self._waited += waited
        self.targets += result.targets
        self._positions += sum(part.inputs.numel() for part in batch.micro_batches)
        self._flops += training_flops(self._model, batch.windows.length)
        self._epoch, self._offset, self._lr = batch.epoch, batch.offset, lr
        if not self.steps:
            self._began = began
        self.steps.append((step, replace(batch, micro_batches=[]), result))

    def record(
        self, *, step: int, tokens: int, seconds: float, eta: float
    ) -> StepRecord:
        """Summarise these steps, of which there is at least one."""
        results = [result for *_, result in self.steps]
        loss_sum = torch.stack([result.loss_sum for result in results]).double().sum()
        loss = loss_sum.item() / self.targets
        grad_norm = results[-1].grad_norm
        # Now that the device is done: the host only queues the steps, and runs ahead.
        elapsed = time.perf_counter() - self._began
        return StepRecord(
            step=step,
            epoch=self._epoch,
            offset=self._offset,
            loss=loss,
            lr=self._lr,
            grad_norm=grad_norm.item(),
            targets=self.targets,
            tokens=tokens,
            tokens_per_s=self.targets / elapsed,
            positions_per_s=self._world_size * self._positions / elapsed,
            mfu=self._flops / elapsed / self._peak.flops,
            loader_wait=self._waited / elapsed,
            memory=peak_memory(grad_norm.device),
            seconds=seconds,
            eta=eta,
        )
