"""How much arithmetic training takes, and how much a device can do.

Counted are the matrix products of the forward and the backward pass, from the real
lengths of windows: what PAD costs is no useful work.  A product of (m, k) and (k, n)
takes 2 m k n operations forward and twice as many backward.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from ..config import ModelConfig
from ..training.device import compute_dtype

__all__ = ["Peak", "peak_flops", "training_flops"]

# Dense bfloat16 products with float32 sums, operations per second, from the data sheets
# of NVIDIA; the first name that a device's name contains counts.
_DATA_SHEETS = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "A40": 149.7e12,
    "L4": 121e12,
    "RTX 4090": 165.2e12,
    "RTX 3090": 71e12,
}
_PROBE_SIZE = 1024
_PROBES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Peak:
    """The most that a device can do."""

    flops: float
    """Operations per second."""
    source: str
    """Where the figure is from: "data sheet" or "measured"."""


def training_flops(model: ModelConfig, lengths: ArrayLike) -> float:
    """Operations of the forward and the backward pass over windows of these lengths.

    A token takes 6 operations per weight of a matrix (12 layers * C^2 in the layers,
    V * C in the head), and 12 * layers * C for each position that it looks at, itself
    included.  Of a whole window of 1,024, workflow-27m takes 174.6 million per token.
    """
    num = np.asarray(lengths, dtype=np.float64)
    weights = 12 * model.layers * model.width**2 + model.vocab_size * model.width
    pairs = num * (num + 1) / 2
    per_pair = 12 * model.layers * model.width
    return float((6 * weights * num + per_pair * pairs).sum())


def peak_flops(device: torch.device) -> Peak:
    """The most that a device can do: from its data sheet, or else a product timed."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for part, flops in _DATA_SHEETS.items():
            if part in name:
                return Peak(flops=flops, source="data sheet")
    return Peak(flops=_measured(device), source="measured")


def _measured(device: torch.device) -> float:
    """Operations per second of the best of a few square products."""
    dtype = compute_dtype(device) or torch.float32
    square = torch.ones(_PROBE_SIZE, _PROBE_SIZE, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(_PROBES):
        begun = time.perf_counter()
        # Reading one number waits for the device.
        (square @ square)[0, 0].item()
        best = min(best, time.perf_counter() - begun)
    return 2 * _PROBE_SIZE**3 / best
