"""The windows of a step as tensors, in micro-batches that fit the device.

    Batch.rows (B, C + 1) uint16 ─▶ micro_batches ─▶ rows (b, T + 1) ─▶ to_device
                                                     inputs, targets (b, T) int64

On a CPU the windows of a step are ordered by length and each micro-batch is trimmed to
its longest window.  PAD stands at the end, attention is causal and a PAD target is
ignored, so the gradient is the same; only the work on PAD is gone, half of it all.
With windows of 900, 40, 700 and 60 tokens, two at a time, the micro-batches are 900 and
60 wide instead of 1,024 twice.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.batches import Batch
from ..data.tokenizer import PAD
from .model import IGNORE_INDEX

__all__ = ["micro_batches", "to_device"]


def micro_batches(
    batch: Batch, *, size: int, trim: bool
) -> Iterator[NDArray[np.uint16]]:
    """Split the windows of a step; no window is left out and none comes twice.

    Args:
        batch: the windows of one step.
        size: most windows of a micro-batch, at least 1.
        trim: order the windows by length, longest first, and cut each micro-batch to
            its longest window.  Without it every micro-batch has the full width, and
            the rows of an incomplete batch that hold no window are kept to fill one
            up: shapes never change.

    Yields:
        Rows like `Batch.rows`, (b, T + 1) uint16 with b <= size and T <= C.
    """
    if size < 1:
        raise ValueError(f"size: found {size}, expected at least 1")
    lengths = batch.windows.length
    order = np.argsort(-lengths, kind="stable")
    for first in range(0, len(lengths), size):
        if trim:
            chosen = order[first : first + size]
            yield batch.rows[chosen, : 1 + lengths[chosen[0]]]
        else:
            yield batch.rows[first : first + size]


def to_device(rows: NDArray[np.uint16], device: torch.device) -> tuple[Tensor, Tensor]:
    """Inputs and targets of some rows, made where the model is.

    Returns:
        Inputs (b, T) int64 with PAD from a window's length on, and targets (b, T) int64
        with IGNORE_INDEX there.
    """
    # Two bytes per id travel, not the sixteen of two int64 tensors.  Ids end at 8,192,
    # so int16 reads the same numbers, and every PyTorch computes with it.
    sent = torch.from_numpy(rows.view(np.int16)).to(device).to(torch.int64)
    content = sent[:, 1:]
    is_empty = content == PAD
    inputs = sent[:, :-1].masked_fill(is_empty, PAD)
    return inputs, content.masked_fill(is_empty, IGNORE_INDEX)
