"""Weights laid out once for products of few rows, as generation has them.

On a CPU, F.linear lays a weight out anew for every product.  With 8 to 32 rows that
takes as long as the product itself.  These operators of oneDNN are what torch.compile
uses for frozen weights; a PyTorch without them computes as before.  On a GPU, joining
and converting the weights anew takes more launches than the products.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["multiply", "pack"]

_TYPES = (torch.float32, torch.bfloat16)
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
    is_cpu = weights[0].device.type == "cpu"
    if is_cpu and not _has_products(dtype):
        return None
    stacked = torch.cat([weight.detach().to(dtype) for weight in weights])
    if not is_cpu:
        return stacked
    packed: Tensor = _ops._reorder_linear_weight(stacked, _ROWS)
    return packed


def multiply(x: Tensor, packed: Tensor) -> Tensor:
    """(…, num_in) times the transposed weights, (…, num_out); without gradients."""
    if not packed.is_mkldnn:
        return F.linear(x, packed)
    found: Tensor = _ops._linear_pointwise(x, packed, None, "none", [], "")
    return found


def _has_products(dtype: torch.dtype) -> bool:
    """Whether the operators are there and take this type on this processor."""
    if dtype not in _TYPES or not hasattr(_ops, "_linear_pointwise"):
        return False
    return dtype != torch.bfloat16 or bool(_ops._is_mkldnn_bf16_supported())
