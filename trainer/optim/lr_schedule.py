"""The learning rate of every step: a linear warm-up, then one of four falls.

cosine     half a cosine from `lr` to `min_lr_ratio * lr`
linear     a straight line between the same
constant   none
wsd        none until the last `decay_ratio` of the steps after the warm-up, then a
straight line: warm-up, stable, decay.  A run can be made longer without
another schedule, since only its end depends on its length.
"""

import math

from ..config import OptimConfig

__all__ = ["learning_rate"]


def learning_rate(step: int, optim: OptimConfig, *, steps: int) -> float:
    """Learning rate of optimiser step `step`, 0 <= step < steps.

    The warm-up rises in equal parts to `lr` and takes `warmup_steps`, but at most a
    tenth of the run: a run of 20 steps must not spend all of them near zero.  Then the
    rate falls from `lr` to that of the last step, by `optim.schedule`.

    Example: lr 1.0, warmup_steps 1,500, steps 100 warms up for 10 steps: 0.1, 0.2, …,
    1.0, and falls from there.
    """
    if not 0 <= step < steps:
        raise ValueError(f"step: found {step:,}, expected 0 to {steps - 1:,}")
    warmup = min(optim.warmup_steps, steps // 10)
    if step < warmup:
        return optim.lr * (step + 1) / warmup
    # The last step of the warm-up, or the first of all, is where the fall begins.
    top = max(warmup - 1, 0)
    progress = (step - top) / max(steps - 1 - top, 1)
    height = _height(progress, optim)
    return optim.lr * (optim.min_lr_ratio + (1 - optim.min_lr_ratio) * height)


def _height(progress: float, optim: OptimConfig) -> float:
    """How far above its end the rate is, from 1 at progress 0 to 0 at progress 1."""
    match optim.schedule:
        case "cosine":
            return (1 + math.cos(math.pi * progress)) / 2
        case "linear":
            return 1 - progress
        case "constant":
            return 1.0
        case "wsd":
            return min(1.0, (1 - progress) / optim.decay_ratio)
