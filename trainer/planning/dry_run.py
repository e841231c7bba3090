"""`tct train --dry-run`: what a run will take.

Everything that needs no step comes first, as `Facts`; then some steps, or parts of one,
are timed for the forecast.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ...data.store import Store
from ...data.windows.batches import Batches
from ..config import Config
from ..model import GPT, init_weights
from ..model.cost import (
    Peak,
    check_fits,
    optimizer_bytes,
    peak_flops,
    peak_memory,
    total_memory,
    training_bytes,
    training_flops,
)
from ..model.gpt import compute_dtype
from ..training.distributed import World, join
from ..training.learner import make_learner
from ..training.loader import Loader
from ..training.splits import training_batches, validation_batches
from .measure import Speed, measure

__all__ = [
    "MEASURE_SECONDS",
    "DryRun",
    "Facts",
    "dry_run",
    "mean_step",
    "measured_speed",
    "num_tokens",
]

MEASURE_SECONDS = 20.0
_BACKWARD = 3  # a training step takes three times the operations of a forward pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of a run without a step; sizes are in bytes."""

    device: str
    parameters: int
    steps: int
    documents: int
    tokens: int
    """In one epoch."""
    phases: list[tuple[int, int, int]]
    """The first step, the context and the windows per step of each context; empty if
    all steps have the model's."""
    windows: tuple[int, int]
    """Fewest and most per epoch at the last context, over all offsets."""
    step_targets: float
    """Targets of a mean step of the whole run."""
    step_flops: float
    """Its operations, PAD not counted."""
    evaluated: int
    """Tokens of all evaluations."""
    memory: int
    """Estimated."""
    memory_there: int
    """Of the device."""
    checkpoint: int
    """Size of one."""
    disk: int
    """Of all checkpoints that are kept, plus the one being written."""

    @property
    def flops(self) -> float:
        """Operations of all steps, PAD not counted."""
        return self.steps * self.step_flops

    @property
    def passes(self) -> float:
        """Targets of all steps, in multiples of the training split's tokens."""
        return self.steps * self.step_targets / self.tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class DryRun:
    """The forecast for a run."""

    facts: Facts
    speed: Speed
    peak: Peak
    mfu: float
    """Operations on targets as a share of `peak`."""
    memory_seen: int
    """Peak while the speed was measured, in bytes."""

    @property
    def step_seconds(self) -> float:
        """Of a mean step of the whole run."""
        return self.facts.step_targets / self.speed.tokens_per_s

    @property
    def seconds(self) -> float:
        """To finish, evaluations included."""
        targets = self.facts.steps * self.facts.step_targets
        return (targets + self.facts.evaluated / _BACKWARD) / self.speed.tokens_per_s


def dry_run(
    store: Store,
    config: Config,
    *,
    device: str = "auto",
    seconds: float = MEASURE_SECONDS,
    show: Callable[[Facts], None] | None = None,
) -> DryRun:
    """Forecast the cost of a run from the speed of its first steps.

    Writes nothing.

    Args:
        store: to train on.
        config: every setting of the run.
        device: "auto", "cpu", "cuda" or "cuda:1".
        seconds: for measuring, about.
        show: is called with the facts before anything is measured.

    Raises:
        ConfigError: a device, store or configuration that does not fit.
        NotFiniteError: a loss or gradient became inf or nan at once.
    """
    with join(device) as world:
        batches = training_batches(store, config, world)
        check_fits(config, world.device)
        facts = _facts(store, batches, config, world)
        if show is not None and world.is_main:
            show(facts)
        speed = _speed(store, config, world, seconds=seconds)
        peak = peak_flops(world.device)
        per_target = facts.step_flops / facts.step_targets
        return DryRun(
            facts=facts,
            speed=speed,
            peak=peak,
            mfu=per_target * speed.tokens_per_s / world.size / peak.flops,
            memory_seen=peak_memory(world.device),
        )


def _speed(store: Store, config: Config, world: World, *, seconds: float) -> Speed:
    """The speed at the longest context, which takes the most time and memory."""
    longest = max(length for _, length in config.phases)
    config = replace(config, data=replace(config.data, context=longest))
    batches = training_batches(store, config, world)
    return measured_speed(batches, config, world, seconds=seconds)


def measured_speed(
    batches: Batches, config: Config, world: World, *, seconds: float
) -> Speed:
    """The speed of training a model like that of a run; see `measure`."""
    model = GPT(config.model)
    init_weights(model, seed=config.data.seed)
    learner = make_learner(model.to(world.device), config, world)
    targets, _ = mean_step(batches, config)
    with Loader(batches, world.device) as loader:
        return measure(learner, loader, config, targets=targets, seconds=seconds)


def _facts(store: Store, batches: Batches, config: Config, world: World) -> Facts:
    first, _ = batches.schedule.phases[-1]
    epochs = range(first, first + batches.num_alignments)
    windows = [batches.plan(epoch).num_windows for epoch in epochs]
    # Rows are longest where a step has the fewest windows.
    rows = min(batches.rows, -(-config.data.batch_size // world.size))
    targets, flops = mean_step(batches, config)
    evaluations = -(-config.run.steps // config.run.eval_every)
    checkpoint = 4 * config.model.parameters + optimizer_bytes(config)
    dtype = compute_dtype(world.device)
    return Facts(
        device=str(world.device),
        parameters=config.model.parameters,
        steps=config.run.steps,
        documents=len(batches.documents),
        tokens=num_tokens(batches),
        phases=batches.phases if batches.changes_context else [],
        windows=(min(windows), max(windows)),
        step_targets=targets,
        step_flops=flops,
        evaluated=evaluations * num_tokens(validation_batches(store, config, world)),
        memory=training_bytes(config, micro_batch=rows, dtype=dtype),
        memory_there=total_memory(world.device),
        checkpoint=checkpoint,
        disk=(config.run.keep_last + 2) * checkpoint,
    )


def num_tokens(batches: Batches) -> int:
    """Tokens of a split."""
    return int(batches.lengths.sum())


def mean_step(batches: Batches, config: Config) -> tuple[float, float]:
    """Targets and operations of a mean step of the whole run.

    The trial steps alone would mislead: five steps of 32 windows differ by a tenth.
    Each phase of the context counts by its steps.
    """
    targets = flops = 0.0
    phases, steps = batches.schedule.phases, config.run.steps
    last = phases[-1][0] + batches.num_alignments
    ends = [*((epoch, stage.step) for epoch, stage in phases[1:]), (last, steps)]
    for (first, stage), (end, last_step) in zip(phases, ends, strict=True):
        epochs = range(first, min(end, first + batches.num_alignments))
        windows = _mean_window(batches, config, epochs)
        share = stage.batch_size * (last_step - stage.step) / steps
        targets, flops = targets + share * windows[0], flops + share * windows[1]
    return targets, flops


def _mean_window(
    batches: Batches, config: Config, epochs: Iterable[int]
) -> tuple[float, float]:
    """Targets and operations of a mean window of some epochs."""
    num_windows, targets, flops = 0, 0, 0.0
    for epoch in epochs:
        lengths = batches.plan(epoch).all().length
        num_windows += len(lengths)
        targets += int(lengths.sum())
        flops += training_flops(config.model, lengths)
    return targets / num_windows, flops / num_windows
