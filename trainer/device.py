"""Where a run computes, and what follows from that."""

from contextlib import AbstractContextManager, nullcontext

import torch

from ..data.errors import ConfigError

__all__ = ["autocast", "has_static_shapes", "micro_batch_size", "pick_device"]

# Windows per forward pass where the configuration leaves it open.  On a CPU one: it is
# then exactly as wide as it is long, nothing is spent on PAD, and memory stays small.
# Measured with workflow-27m on two cores: 748 tokens/s, against 672, 622 and 518 with
# two, four and eight.  On a GPU many: 32 full windows of that preset need about 8 GB.
_CPU_MICRO_BATCH = 1
_GPU_MICRO_BATCH = 32


def pick_device(name: str = "auto") -> torch.device:
    """The device of this name; "auto" is CUDA where there is one, else the CPU.

    Raises:
        ConfigError: no such device on this machine.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        # The cheapest question that only a working device answers.
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ConfigError(
            f"device {name!r}: not usable here ({reason})", "use --device auto or cpu"
        ) from error
    return device


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Matrix products in bfloat16 on CUDA; nothing elsewhere.

    The weights stay float32: at a learning rate of 3e-4 nine tenths of a bfloat16
    embedding would never move.  On CPUs without bfloat16 units it is three times
    slower.
    """
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def has_static_shapes(device: torch.device) -> bool:
    """Whether every forward pass should have the same shape."""
    return device.type != "cpu"


def micro_batch_size(device: torch.device, configured: int | None) -> int:
    """Windows per forward pass."""
    if configured is not None:
        return configured
    return _CPU_MICRO_BATCH if device.type == "cpu" else _GPU_MICRO_BATCH
