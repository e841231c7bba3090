"""The learning rate of every step: a linear warm-up, then half a cosine."""

import math

from .config import OptimConfig

__all__ = ["learning_rate"]


def learning_rate(step: int, optim: OptimConfig, *, steps: int) -> float:
    """Learning rate of optimiser step `step`, 0 <= step < steps.

    The warm-up rises in equal parts to `lr` and takes `warmup_steps`, but at most a
    tenth of the run: a run of 20 steps must not spend all of them near zero.  Then the
    cosine falls from `lr` to `min_lr_ratio * lr`, which is the last step's rate.

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
    cosine = (1 + math.cos(math.pi * progress)) / 2
    return optim.lr * (optim.min_lr_ratio + (1 - optim.min_lr_ratio) * cosine)
