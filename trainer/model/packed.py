"""Weights laid out once for products of few rows, as generation on a CPU has them.

F.linear lays a weight out anew for every product.  With 8 to 32 rows that takes as long
as the product itself.  These operators of oneDNN are what torch.compile uses for frozen
weights; a PyTorch without them computes as before.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["multiply", "pack"]

_ROWS = 32  # a hint: the product may have any number of rows
_ops: Any = torch.ops.mkldnn


def pack(weights: Sequence[Tensor], dtype: torch.dtype) -> Tensor | None:
    """Lay some weights out, one below the other.

    Args:
        weights: (…, num_in) each.
        dtype: of the products.

    Returns:
        For `multiply`; None where F.linear serves as well.
    """
    is_cpu = weights[0].device.type == "cpu" and hasattr(_ops, "_linear_pointwise")
    if not is_cpu or dtype not in (torch.float32, torch.bfloat16):
        return None
    stacked = torch.cat([weight.detach().to(dtype) for weight in weights])
    packed: Tensor = _ops._reorder_linear_weight(stacked, _ROWS)
    return packed


def multiply(x: Tensor, packed: Tensor) -> Tensor:
    """(…, num_in) times the transposed weights, (…, num_out); without gradients."""
    found: Tensor = _ops._linear_pointwise(x, packed, None, "none", [], "")
    return found
