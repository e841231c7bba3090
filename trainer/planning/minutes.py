"""Plan a run that ends at a given time: `tct train --max-minutes`.

The rate decays linearly to zero at the last step, so the number of steps has to be
known before.  It follows from the measured speed, and the run corrects it when its own
pace differs.  The plan is part of the configuration, so a resumed run makes no other.
"""

import time
from dataclasses import dataclass, replace

import torch

from ...data.errors import ConfigError
from ...data.store import Store
from ..config import Config
from ..training.distributed import join
from ..training.splits import check_time_limit, training_batches, validation_batches
from .dry_run import MEASURE_SECONDS, mean_step, measured_speed, num_tokens
from .measure import Speed

__all__ = ["Plan", "plan_minutes"]

_FEWEST_STEPS = 10
# Halve the batch for so many steps: small steps learn more from few tokens.
_ENOUGH_STEPS = 500
_MOST_EVALUATIONS = 10
_BACKWARD = 3  # a training step takes three times the operations of a forward pass
_SHARE = 0.05  # of the time, for measuring, and for all evaluations but the last
_SAVE_SECONDS = 300.0  # between checkpoints
_AROUND_SECONDS = 5.0  # to begin the run, to save its last checkpoint, and to leave
_LOGS = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A run that ends on time."""

    config: Config
    speed: Speed
    passes: float
    """Targets of all steps, in multiples of the training split's tokens."""

    def __str__(self) -> str:
        """In one line."""
        run, windows = self.config.run, self.config.data.batch_size
        return (
            f"{run.steps:,} steps of {windows} windows, {self.passes:,.1f} passes over "
            f"the data, at {self.speed.tokens_per_s:,.0f} tokens/s measured on "
            f"{self.speed.sample}"
        )


def plan_minutes(
    store: Store,
    config: Config,
    *,
    until: float,
    device: str = "auto",
    seconds: float = MEASURE_SECONDS,
) -> Plan:
    """Choose steps, batch size and schedule of a run that ends at `until`.

    Args:
        store: to train on.
        config: whose model, optimiser, highest rate and largest batch are kept.
        until: end of the run, evaluated and saved, on the performance counter.
        device: "auto", "cpu", "cuda" or "cuda:1".
        seconds: for measuring, at most; and at most a twentieth of the time.

    Raises:
        ConfigError: there is no time for ten steps, or a device, store or
            configuration does not fit.
        NotFiniteError: a loss or gradient became inf or nan at once.
    """
    check_time_limit(store, config)
    with join(device) as world:
        batches = training_batches(store, config, world)
        seconds = min(seconds, _SHARE * (until - time.perf_counter()))
        speed = measured_speed(batches, config, world, seconds=seconds)
        # Every process has to make the same plan.
        figures = torch.tensor(
            [speed.tokens_per_s, until - time.perf_counter()], dtype=torch.float64
        )
        rate, time_left = (world.total(figures) / world.size).tolist()
        targets, _ = mean_step(batches, config)
        evaluated = num_tokens(validation_batches(store, config, world))
        tokens = num_tokens(batches)
    planned = fit(
        config,
        seconds=time_left,
        evaluation=evaluated / _BACKWARD / rate,
        window_seconds=targets / config.data.batch_size / rate,
        processes=world.size,
    )
    windows = planned.run.steps * planned.data.batch_size
    passes = windows * targets / config.data.batch_size / tokens
    return Plan(config=planned, speed=speed, passes=passes)


def fit(
    config: Config,
    *,
    seconds: float,
    evaluation: float,
    window_seconds: float,
    processes: int = 1,
) -> Config:
    """The longest run that takes this many seconds.

    Args:
        config: of the run.
        seconds: until its end.
        evaluation: seconds of one evaluation; the last one comes after the last step.
        window_seconds: of training on one window.
        processes: that train together; each needs a window of every step.

    Raises:
        ConfigError: there is no time for ten steps.
    """
    until_last = seconds - evaluation - _AROUND_SECONDS
    others = _MOST_EVALUATIONS - 1
    if evaluation:
        others = min(others, int(_SHARE * until_last / evaluation))
    windows = (until_last - others * evaluation) / window_seconds
    batch = config.data.batch_size
    while batch > processes and windows / batch < _ENOUGH_STEPS:
        batch = max(processes, batch // 2)
    steps = int(windows / batch)
    if steps < _FEWEST_STEPS:
        raise ConfigError(
            f"found time for {max(0, steps)} steps beside {evaluation:,.0f} seconds of "
            f"evaluation, expected at least {_FEWEST_STEPS}",
            "raise --max-minutes or choose a smaller --preset",
        )
    saves = max(1, round(until_last / _SAVE_SECONDS))
    return replace(
        config,
        data=replace(config.data, batch_size=batch),
        optim=replace(config.optim, schedule="linear", min_lr_ratio=0.0),
        run=replace(
            config.run,
            steps=steps,
            eval_every=-(-steps // (others + 1)),
            save_every=-(-steps // saves),
            log_every=min(config.run.log_every, -(-steps // _LOGS)),
            seconds=until_last,
        ),
    )
