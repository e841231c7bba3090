"""`tct train --dry-run`: time a few real steps and predict the cost of the run."""

import time
from dataclasses import dataclass
from itertools import islice
from statistics import median

from ...data.store import Store
from ...data.windows.batches import Batches
from ..config import Config
from ..model import GPT, init_weights
from ..model.cost import (
    Peak,
    check_fits,
    peak_flops,
    peak_memory,
    total_memory,
    training_bytes,
    training_flops,
)
from ..optim.lr_schedule import learning_rate
from .distributed import join
from .learner import Learner, make_learner
from .loader import Loader
from .run import training_batches, validation_batches
from .step import train_step

__all__ = ["DryRun", "dry_run"]

_STEPS = 5
_UNTIMED = 1  # the first step compiles and fills caches
_BACKWARD = 3  # a training step takes three times the operations of a forward pass


@dataclass(frozen=True, kw_only=True, slots=True)
class DryRun:
    """The predicted cost of a run; sizes are in bytes, times in seconds."""

    device: str
    parameters: int
    steps: int
    documents: int
    tokens: int
    """In one epoch."""
    windows: tuple[int, int]
    """Fewest and most per epoch, over all offsets."""
    passes: float
    """Targets of all steps, in multiples of the training split's tokens."""
    flops: float
    """Operations of all steps, PAD not counted."""
    peak: Peak
    mfu: float
    """Operations on targets as a share of `peak`."""
    tokens_per_s: float
    memory: int
    """Estimated."""
    memory_seen: int
    """Peak during the trial steps."""
    memory_there: int
    """Of the device."""
    checkpoint: int
    """Size of one."""
    disk: int
    """Of all checkpoints that are kept, plus the one being written."""
    step_seconds: float
    """Of a mean step of the whole run, at the rate of the trial steps."""
    seconds: float
    """To finish, evaluations included."""
    loss: float
    """Of the first step, in nats per token."""


def dry_run(store: Store, config: Config, *, device: str = "auto") -> DryRun:
    """Train a few steps as `train` would, and predict the cost of the whole run.

    Writes nothing.

    Raises:
        ConfigError: a device, store or configuration that does not fit.
        NotFiniteError: a loss or gradient became inf or nan at once.
    """
    with join(device) as world:
        batches = training_batches(store, config, world)
        check_fits(config, world.device)
        model = GPT(config.model)
        init_weights(model, seed=config.data.seed)
        learner = make_learner(model.to(world.device), config, world)
        with Loader(batches, world.device) as loader:
            rate, loss = _try(learner, loader, config)
        validation = validation_batches(store, config, world)
        windows = [
            batches.plan(epoch).num_windows for epoch in range(batches.num_alignments)
        ]
        targets, flops = _mean_step(batches, config)
        peak = peak_flops(world.device)
        evaluations = -(-config.run.steps // config.run.eval_every)
        evaluated = evaluations * _tokens(validation) / _BACKWARD
        seconds = (config.run.steps * targets + evaluated) / rate
        checkpoint = 4 * config.model.parameters + learner.optimizer_bytes
        return DryRun(
            device=str(world.device),
            parameters=config.model.parameters,
            steps=config.run.steps,
            documents=len(batches.documents),
            tokens=_tokens(batches),
            windows=(min(windows), max(windows)),
            passes=config.run.steps * targets / _tokens(batches),
            flops=config.run.steps * flops,
            peak=peak,
            mfu=flops / world.size / targets * rate / peak.flops,
            tokens_per_s=rate,
            memory=training_bytes(
                config, micro_batch=batches.rows, dtype=model.compute_dtype
            ),
            memory_seen=peak_memory(world.device),
            memory_there=total_memory(world.device),
            checkpoint=checkpoint,
            disk=(config.run.keep_last + 2) * checkpoint,
            step_seconds=targets / rate,
            seconds=seconds,
            loss=loss,
        )


def _try(learner: Learner, loader: Loader, config: Config) -> tuple[float, float]:
    """Targets per second over a few steps, and the loss of the first step."""
    rates, losses = [], []
    steps = max(config.run.steps, _STEPS)
    begun = time.perf_counter()
    for step, batch in enumerate(islice(loader, _STEPS)):
        lr = learning_rate(step, config.optim, steps=steps)
        result = train_step(learner, batch, lr=lr, clip=config.optim.clip)
        result.require_finite()  # waits for the device
        losses.append(result.loss_sum.item() / result.targets)
        now = time.perf_counter()
        rates.append(result.targets / (now - begun))
        begun = now
    return median(rates[_UNTIMED:]), losses[0]


def _tokens(batches: Batches) -> int:
    return int(batches.lengths.sum())


def _mean_step(batches: Batches, config: Config) -> tuple[float, float]:
    """Targets and operations of a mean step of the whole run.

    The trial steps alone would mislead: five steps of 32 windows differ by a tenth.
    """
    num_windows, targets, flops = 0, 0, 0.0
    for epoch in range(batches.num_alignments):
        lengths = batches.plan(epoch).all().length
        num_windows += len(lengths)
        targets += int(lengths.sum())
        flops += training_flops(config.model, lengths)
    share = config.data.batch_size / num_windows
    return targets * share, flops * share
