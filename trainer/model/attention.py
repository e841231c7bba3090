"""Causal attention within each stretch of rows that hold several windows.

Three implementations of one function:

    CUDA, 16 bits   one variable-length call: no work between windows, no mask
    CUDA, 32 bits   one masked call, since flash attention computes in 16 bits only
    elsewhere       one call per stretch, since a mask saves no work there

Shapes: B rows, T positions, N = B * T, H heads, D channels of a head, S stretches.
"""

import inspect
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import varlen

__all__ = ["attend_within", "positions_within"]

_HALF = (torch.bfloat16, torch.float16)
_varlen_attn: Any = varlen.varlen_attn
# PyTorch before 2.10 calls this option `is_causal`.
_CAUSAL: dict[str, Any] = (
    {"window_size": (-1, 0)}
    if "window_size" in inspect.signature(_varlen_attn).parameters
    else {"is_causal": True}
)


def attend_within(q: Tensor, k: Tensor, v: Tensor, bounds: Tensor) -> Tensor:
    """Attend within each stretch of rows; all tensors are (B, H, T, D).

    Args:
        q: queries.
        k: keys.
        v: values.
        bounds: (S + 1,) int32, the limits of the stretches among the N positions of
            all rows, from 0 to N; no stretch crosses a row, some may be empty.
    """
    if not q.is_cuda:
        mixed: Tensor = _attend_each(q, k, v, bounds)
        return mixed
    if v.dtype in _HALF:
        return _attend_varlen(q, k, v, bounds)
    mask = _mask_within(bounds, q)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def positions_within(bounds: Tensor, ids: Tensor) -> Tensor:
    """(B, T) int64: the offset of each position of `ids` (B, T) in its stretch."""
    everywhere = torch.arange(ids.numel(), device=ids.device)
    return (everywhere - bounds[_stretches(bounds, everywhere)]).view(ids.shape)


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _attend_each(q: Tensor, k: Tensor, v: Tensor, bounds: Tensor) -> Tensor:
    # Compiled, every new list of lengths would be a program of its own.
    lengths = [length for length in bounds.diff().tolist() if length]
    flat = [x.transpose(0, 1).flatten(1, 2) for x in (q, k, v)]  # (H, N, D)
    stretches = zip(*(torch.split(x, lengths, dim=1) for x in flat), strict=True)
    mixed = [
        F.scaled_dot_product_attention(q_[None], k_[None], v_[None], is_causal=True)
        for q_, k_, v_ in stretches
    ]
    num_heads, head_width = q.size(1), q.size(3)
    rows = torch.cat(mixed, dim=2).view(num_heads, q.size(0), -1, head_width)
    return rows.transpose(0, 1)


def _attend_varlen(q: Tensor, k: Tensor, v: Tensor, bounds: Tensor) -> Tensor:
    # Flash attention, which computes in 16 bits only.
    flat = [x.transpose(1, 2).flatten(0, 1).to(v.dtype) for x in (q, k, v)]  # (N, H, D)
    longest = q.size(2)  # an upper bound, which keeps shapes static
    mixed: Tensor = _varlen_attn(*flat, bounds, bounds, longest, longest, **_CAUSAL)
    return mixed.view(q.size(0), longest, *mixed.shape[1:]).transpose(1, 2)


def _mask_within(bounds: Tensor, q: Tensor) -> Tensor:
    """(B, 1, T, T) bool: which positions each position of `q` (B, H, T, D) may see."""
    batch_size, _, num_positions, _ = q.shape
    everywhere = torch.arange(batch_size * num_positions, device=q.device)
    stretch = _stretches(bounds, everywhere).view(batch_size, 1, num_positions)
    return (stretch.unsqueeze(-1) == stretch.unsqueeze(-2)).tril()


def _stretches(bounds: Tensor, positions: Tensor) -> Tensor:
    """The index of the stretch that contains each position."""
    return torch.searchsorted(bounds, positions.to(bounds.dtype), right=True) - 1
