"""The device of a run, and the settings that depend on it."""

import torch

from ...data.errors import ConfigError
from ...data.windows.layouts import Layout

__all__ = [
    "pick_compile",
    "pick_device",
    "pick_layout",
]

# Defaults.  A CPU computes one window at a time: no work goes to PAD, and the
# activations of a short window stay in the cache; packed rows of 1,024 do the same work
# at the same speed with workflow-27m, 14 % slower with tiny.  A GPU takes as many
# windows in a row as fit: 2.1 times the tokens per second of padded rows on an H200
# (benchmarks/results/gpu_h200_2026-11-26.md).
_CPU_LAYOUT: Layout = "bucketed"
_CPU_MICRO_BATCH = 1
_GPU_LAYOUT: Layout = "packed"
_GPU_MICRO_BATCH = 32


def pick_device(name: str = "auto") -> torch.device:
    """The device of this name; "auto" is CUDA if available, else the CPU.

    Raises:
        ConfigError: no such device on this machine.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        # The cheapest operation that fails on a device that does not work.
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ConfigError(
            f"device {name!r}: not usable here ({reason})", "use --device auto or cpu"
        ) from error
    return device


def pick_compile(device: torch.device, wanted: bool | None) -> bool:
    """Whether to compile the step; None lets the device decide.

    On a GPU, yes.  On a CPU, compiling takes a minute and gains a quarter, which short
    runs never earn back.
    """
    return device.type == "cuda" if wanted is None else wanted


def pick_layout(
    device: torch.device, layout: Layout | None, micro_batch: int | None
) -> tuple[Layout, int]:
    """The layout of a step's windows, and the most rows of a forward pass.

    None lets the device decide.
    """
    is_cpu = device.type == "cpu"
    return (
        layout or (_CPU_LAYOUT if is_cpu else _GPU_LAYOUT),
        micro_batch or (_CPU_MICRO_BATCH if is_cpu else _GPU_MICRO_BATCH),
    )
