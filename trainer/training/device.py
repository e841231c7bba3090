"""Where a run computes, and what follows from that."""

import os

import torch

from ...data.errors import ConfigError
from ...data.windows.layouts import Layout

__all__ = [
    "compute_dtype",
    "pick_compile",
    "pick_device",
    "pick_layout",
    "total_memory",
]

# Where the configuration leaves it open.  On a CPU one window at a time: nothing is
# spent on PAD, and what a short window computes stays in the cache; packed rows of
# 1,024 do the same work, at the same speed with workflow-27m and 14 % slower with tiny.
# On a GPU as many windows in a row as fit: 2.1 times the tokens per second of padded
# rows on an H200 (benchmarks/results/gpu_h200_2026-11-26.md).
_CPU_LAYOUT: Layout = "bucketed"
_CPU_ROWS = 1
_GPU_LAYOUT: Layout = "packed"
_GPU_ROWS = 32


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


def compute_dtype(device: torch.device) -> torch.dtype | None:
    """What matrix products are computed in: bfloat16 on CUDA, elsewhere the weights'.

    On CPUs without bfloat16 units it is three times slower than float32.
    """
    return torch.bfloat16 if device.type == "cuda" else None


def pick_compile(device: torch.device, wanted: bool | None) -> bool:
    """Whether torch.compile makes the step; None lets the device decide.

    On a GPU it does.  On a CPU it takes a minute and gains a quarter, which short runs
    never get back.
    """
    return device.type == "cuda" if wanted is None else wanted


def pick_layout(
    device: torch.device, layout: Layout | None, rows: int | None
) -> tuple[Layout, int]:
    """How a step's windows lie in memory, and most rows of a forward pass.

    None lets the device decide.
    """
    is_cpu = device.type == "cpu"
    return (
        layout or (_CPU_LAYOUT if is_cpu else _GPU_LAYOUT),
        rows or (_CPU_ROWS if is_cpu else _GPU_ROWS),
    )


def total_memory(device: torch.device) -> int:
    """Bytes of a GPU, or of the whole machine."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
