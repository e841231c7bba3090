"""How much memory training takes, before it is tried."""

import resource
import sys

import torch

from ...data.errors import OutOfMemoryError
from ..config import Config, ModelConfig
from ..training.device import total_memory
from .loss import loss_bytes

__all__ = ["check_fits", "fitting_rows", "peak_memory", "training_bytes"]

_FLOAT = 4
# What a layer keeps of a position for its backward pass, in numbers of the width.
# Counted with torch.autograd.graph.saved_tensors_hooks on this model, without
# torch.compile, which keeps less.
_KEPT_FLOAT32, _KEPT_BFLOAT16 = 19.1, 23.1


def training_bytes(
    config: Config, *, parameters: int, rows: int, dtype: torch.dtype | None
) -> int:
    """About how many bytes a step takes on its device.

    Weights, gradients and what the optimiser remembers are float32; what a pass keeps
    for its backward pass grows with its positions.

    Args:
        config: of the run.
        parameters: of the model.
        rows: of a pass, each as long as the context.
        dtype: what products are computed in; None for float32.
    """
    model = config.model
    hidden = 12 * model.layers * model.width**2
    moments = 2 * parameters - (hidden if config.optim.optimizer == "muon" else 0)
    copies = 0 if dtype is None else dtype.itemsize * parameters
    positions = rows * model.context
    fixed = _FLOAT * (2 * parameters + moments) + copies
    loss = loss_bytes(
        width=model.width, vocab_size=model.vocab_size, is_cuda=dtype is not None
    )
    return fixed + loss + positions * _bytes_per_position(model, dtype)


def fitting_rows(
    config: Config, *, parameters: int, dtype: torch.dtype | None, limit: int
) -> int:
    """Most rows of a pass, at least one, that take no more than `limit` bytes."""
    one, two = (
        training_bytes(config, parameters=parameters, rows=rows, dtype=dtype)
        for rows in (1, 2)
    )
    return max(1, 1 + (limit - one) // (two - one))


def check_fits(config: Config, device: torch.device) -> None:
    """Refuse a model that could not be trained here, before any of it is made.

    Raises:
        OutOfMemoryError: it takes more memory than there is.
    """
    parameters = config.model.parameters
    needed = training_bytes(config, parameters=parameters, rows=1, dtype=None)
    if needed > (there := total_memory(device)):
        raise OutOfMemoryError(
            f"a model of {parameters:,} parameters takes {needed / 1e9:,.1f} GB to "
            f"train, found {there / 1e9:,.1f} GB on {device}",
            "choose a smaller one: model.width, model.layers or model.vocab_size",
        )


def peak_memory(device: torch.device) -> int:
    """The most bytes that were in use so far: on a GPU its own, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _bytes_per_position(model: ModelConfig, dtype: torch.dtype | None) -> int:
    kept = _FLOAT * _KEPT_FLOAT32 if dtype is None else 2 * _KEPT_BFLOAT16
    return round(kept * model.layers * model.width)
