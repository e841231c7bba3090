"""Measure the speed of training for a bounded time.

Where a step is short, whole steps are timed.  Where it is not, single passes and one
update are, and a step is put together from them: a step of workflow-27m on a busy CPU
takes minutes.
"""

import time
from dataclasses import dataclass
from itertools import islice
from statistics import median

import torch

from ...data.errors import NotFiniteError
from ..config import Config
from ..optim.lr_schedule import learning_rate
from ..training.device import pick_compile
from ..training.learner import Learner
from ..training.loader import DeviceBatch, Loader, MicroBatch
from ..training.step import train_step

__all__ = ["Speed", "measure"]

_STEPS = 5  # at most


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """The speed of training; all processes together."""

    tokens_per_s: float
    """Targets per second of mean steps."""
    loss: float
    """Of the first pass, in nats per token."""
    sample: str
    """What was timed, such as "4 steps"."""


def measure(
    learner: Learner,
    loader: Loader,
    config: Config,
    *,
    targets: float,
    seconds: float,
) -> Speed:
    """Train for a few steps, or parts of one, and time them.

    The first passes are not timed: one fills caches, or compiles, and where the step is
    compiled, one more records CUDA graphs.  Another pass and an update are always done,
    however long they take.

    Args:
        learner: whose weights change.
        loader: of the training data, at its start.
        config: of the run.
        targets: of a mean step, over all processes.
        seconds: that it may take after the first passes, about.

    Raises:
        NotFiniteError: a loss or gradient became inf or nan at once.
    """
    batch = next(loader)
    parts = batch.micro_batches
    loss = _pass(learner, parts[0])
    if not loss < float("inf"):
        problem = f"found a loss of {loss:.4g} nats per token in the first pass"
        raise NotFiniteError(
            f"{problem}, expected a finite number", "lower model.width"
        )
    if pick_compile(learner.world.device, config.run.compile):
        _pass(learner, parts[0])
    begun = time.perf_counter()
    until = begun + seconds
    _pass(learner, parts[0])
    step = (time.perf_counter() - begun) * len(parts)
    learner.model.zero_grad(set_to_none=False)
    # The first whole step is not timed either.
    if not learner.world.any(time.perf_counter() + 2 * step > until):
        return _of_steps(learner, loader, config, until=until, loss=loss)
    return _of_passes(learner, batch, config, targets=targets, until=until, loss=loss)


def _of_steps(
    learner: Learner, loader: Loader, config: Config, *, until: float, loss: float
) -> Speed:
    rates: list[float] = []
    steps = max(config.run.steps, _STEPS)
    begun = time.perf_counter()
    for step, batch in enumerate(islice(loader, _STEPS)):
        lr = learning_rate(step, config.optim, steps=steps)
        result = train_step(learner, batch, lr=lr, clip=config.optim.clip)
        result.require_finite()  # waits for the device
        now = time.perf_counter()
        rates.append(result.targets / (now - begun))
        begun = now
        if len(rates) > 1 and learner.world.any(now > until):
            break
    timed = rates[1:]
    plural = "s" * (len(timed) > 1)
    return Speed(
        tokens_per_s=median(timed), loss=loss, sample=f"{len(timed)} step{plural}"
    )


def _of_passes(
    learner: Learner,
    batch: DeviceBatch,
    config: Config,
    *,
    targets: float,
    until: float,
    loss: float,
) -> Speed:
    world = learner.world
    begun, done, passes = time.perf_counter(), 0, 0
    for part in batch.micro_batches:
        _pass(learner, part)
        done += _targets(part)
        passes += 1
        if world.any(time.perf_counter() > until):
            break
    per_target = (time.perf_counter() - begun) / done
    begun = time.perf_counter()
    # An update with what these passes left behind, and no pass of its own.
    empty = DeviceBatch(
        epoch=0,
        step=0,
        offset=None,
        windows=batch.windows,
        num_targets=done,
        micro_batches=[],
    )
    train_step(learner, empty, lr=0.0, clip=config.optim.clip).require_finite()
    update = time.perf_counter() - begun
    return Speed(
        tokens_per_s=targets / (targets / world.size * per_target + update),
        loss=loss,
        sample=f"{passes} of a step's {len(batch.micro_batches)} passes",
    )


def _pass(learner: Learner, part: MicroBatch) -> float:
    """One forward and backward pass; its loss in nats per token."""
    learner.model.train()
    num = _targets(part)
    with learner.no_sync():
        nats = learner.ddp_loss_sum(part.inputs, part.targets, part.bounds)
        (nats / num).backward()  # type: ignore[no-untyped-call]
    return nats.item() / num  # waits for the device


def _targets(part: MicroBatch) -> int:
    return int(torch.count_nonzero(part.targets >= 0))
