"""The cost of training: arithmetic, memory, and what a device offers of both.

Arithmetic is that of the matrix products of the forward and the backward pass, counted
from the real lengths of windows: computing PAD is not useful work.  A product of (m, k)
and (k, n) takes 2 m k n operations forward and twice as many backward.
"""

import os
import resource
import sys
import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from ...data.errors import OutOfMemoryError
from ..config import Config, ModelConfig
from .gpt import compute_dtype
from .loss import loss_bytes

__all__ = [
    "Peak",
    "check_fits",
    "fitting_micro_batch",
    "optimizer_bytes",
    "peak_flops",
    "peak_memory",
    "total_memory",
    "training_bytes",
    "training_flops",
]

# Dense bfloat16 products with float32 sums, operations per second, from the data sheets
# of NVIDIA; the first name contained in a device's name counts.
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
_FLOAT = 4  # bytes
# Numbers that a layer keeps per position for its backward pass, in units of the width.
# Counted with torch.autograd.graph.saved_tensors_hooks on this model, without
# torch.compile, which keeps less.
_KEPT_FLOAT32, _KEPT_BFLOAT16 = 19.1, 23.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Peak:
    """The most operations that a device can do."""

    flops: float
    """Operations per second."""
    source: str
    """Where the figure is from: "data sheet" or "measured"."""


def training_flops(model: ModelConfig, lengths: ArrayLike) -> float:
    """Operations of the forward and the backward pass over windows of these lengths.

    A token takes 6 operations per weight of a matrix (those in the layers, and V * C in
    the head), and 12 * layers * C for each position it attends to, itself included.
    In a full window of 1,024, workflow-27m takes 174.6 million per token.
    """
    num = np.asarray(lengths, dtype=np.float64)
    weights = model.layer_parameters + model.vocab_size * model.width
    pairs = num * (num + 1) / 2
    per_pair = 12 * model.layers * model.width
    return float((6 * weights * num + per_pair * pairs).sum())


def peak_flops(device: torch.device) -> Peak:
    """Look a device up in the data sheets, or else time a product on it."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for part, flops in _DATA_SHEETS.items():
            if part in name:
                return Peak(flops=flops, source="data sheet")
    return Peak(flops=_measured(device), source="measured")


def _measured(device: torch.device) -> float:
    """Operations per second of the fastest of a few square products."""
    dtype = compute_dtype(device) or torch.float32
    square = torch.ones(_PROBE_SIZE, _PROBE_SIZE, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(_PROBES):
        begun = time.perf_counter()
        # Reading one number waits for the device.
        (square @ square)[0, 0].item()
        best = min(best, time.perf_counter() - begun)
    return 2 * _PROBE_SIZE**3 / best


def training_bytes(
    config: Config, *, micro_batch: int, dtype: torch.dtype | None
) -> int:
    """Estimate the bytes that a step takes on its device.

    Weights, gradients and optimiser state are float32; activations grow with the
    positions of a micro-batch.

    Args:
        config: of the run.
        micro_batch: rows of a forward pass, each as long as the context.
        dtype: of the matrix products; None for float32.
    """
    model, parameters = config.model, config.model.parameters
    copies = 0 if dtype is None else dtype.itemsize * parameters
    fixed = 2 * _FLOAT * parameters + optimizer_bytes(config) + copies
    loss = loss_bytes(
        width=model.width, vocab_size=model.vocab_size, is_cuda=dtype is not None
    )
    kept = _FLOAT * _KEPT_FLOAT32 if dtype is None else 2 * _KEPT_BFLOAT16
    per_position = round(kept * model.layers * model.width)
    return fixed + loss + micro_batch * model.context * per_position


def optimizer_bytes(config: Config) -> int:
    """Bytes of the optimiser state: float32 moments, as many as weights."""
    moments = 2 * config.model.parameters
    if config.optim.optimizer == "muon":  # one moment instead of two, in the layers
        moments -= config.model.layer_parameters
    return _FLOAT * moments


def fitting_micro_batch(
    config: Config, *, dtype: torch.dtype | None, limit: int
) -> int:
    """Most rows of a forward pass, at least one, that take at most `limit` bytes."""
    one, two = (
        training_bytes(config, micro_batch=rows, dtype=dtype) for rows in (1, 2)
    )
    return max(1, 1 + (limit - one) // (two - one))


def check_fits(config: Config, device: torch.device) -> None:
    """Refuse a model too large to train here, before allocating any of it.

    Raises:
        OutOfMemoryError: it takes more memory than there is.
    """
    needed = training_bytes(config, micro_batch=1, dtype=None)
    if needed > (there := total_memory(device)):
        raise OutOfMemoryError(
            f"a model of {config.model.parameters:,} parameters takes "
            f"{needed / 1e9:,.1f} GB to train, found {there / 1e9:,.1f} GB on {device}",
            "choose a smaller one: model.width, model.layers or model.vocab_size",
        )


def peak_memory(device: torch.device) -> int:
    """Most bytes in use so far: of the GPU, or of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def total_memory(device: torch.device) -> int:
    """Bytes of the GPU, or of the whole machine."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
