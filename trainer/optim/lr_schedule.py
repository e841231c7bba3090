"""Learning rate per step: linear warm-up, then one of four decay schedules.

cosine     half a cosine from `lr` to `min_lr_ratio * lr`
linear     a straight line between the same
constant   no decay
wsd        warm-up, stable, decay: constant, then linear over the last `decay_ratio`
           of the steps after the warm-up.  Only the end depends on the length of
           the run, so a run can be extended.
"""

import math
from dataclasses import replace

from ..config import Config, OptimConfig

__all__ = ["learning_rate", "warmup_steps", "with_steps"]


def learning_rate(step: int, optim: OptimConfig, *, steps: int) -> float:
    """Learning rate of optimiser step `step`, 0 <= step < steps.

    The warm-up rises linearly to `lr` over `warmup_steps`, but over at most a tenth of
    the run, so that short runs leave it.  Then the rate decays by `optim.schedule`.

    Example: lr 1.0, warmup_steps 1,500, steps 100 warms up for 10 steps, 0.1, 0.2, …,
    1.0, and decays from there.
    """
    if not 0 <= step < steps:
        raise ValueError(f"step: found {step:,}, expected 0 to {steps - 1:,}")
    top = optim.decay_from
    if top is None:
        warmup = warmup_steps(optim, steps=steps)
        if step < warmup:
            return optim.lr * (step + 1) / warmup
        # The decay begins at the last step of the warm-up, or at the first of all.
        top = max(warmup - 1, 0)
    progress = (step - top) / max(steps - 1 - top, 1)
    height = optim.decay_height * _height(progress, optim)
    return optim.lr * (optim.min_lr_ratio + (1 - optim.min_lr_ratio) * height)


def warmup_steps(optim: OptimConfig, *, steps: int) -> int:
    """Steps of the warm-up in a run of `steps`."""
    return min(optim.warmup_steps, steps // 10)


def with_steps(config: Config, *, step: int, steps: int) -> Config:
    """Give a run another length after `step` steps, 0 < step < steps.

    The rate goes on from where it is, and decays over the steps that are left.
    """
    optim = config.optim
    rate = learning_rate(step - 1, optim, steps=config.run.steps) / optim.lr
    above, span = rate - optim.min_lr_ratio, 1 - optim.min_lr_ratio
    height = min(1.0, max(0.0, above / span)) if span else 1.0
    return replace(
        config,
        optim=replace(optim, decay_from=step - 1, decay_height=height),
        run=replace(config.run, steps=steps),
    )


def _height(progress: float, optim: OptimConfig) -> float:
    """Height of the rate above its final value: 1 at progress 0, 0 at progress 1."""
    match optim.schedule:
        case "cosine":
            return (1 + math.cos(math.pi * progress)) / 2
        case "linear":
            return 1 - progress
        case "constant":
            return 1.0
        case "wsd":
            return min(1.0, (1 - progress) / optim.decay_ratio)
