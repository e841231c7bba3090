"""The three ways to attend are the same function of the same stretches."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tct.trainer.model import attention
from tct.trainer.model.attention import attend_within, positions_within

SPANS = [5, 1, 10, 16]  # of two rows of 16 positions
BOUNDS = torch.tensor([0, 5, 6, 16, 32, 32, 32], dtype=torch.int32)
needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="this machine has no CUDA device"
)


def draw(*size: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(*size, generator=generator, dtype=dtype) for _ in range(3)]


def slow(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Each stretch by itself, by the formula of attention."""
    flat = [x.transpose(1, 2).flatten(0, 1) for x in (q, k, v)]  # (N, H, D)
    mixed, begin = torch.empty_like(flat[0]), 0
    for span in SPANS:
        for last in range(begin, begin + span):
            for head in range(q.size(1)):
                keys, values = (x[begin : last + 1, head] for x in flat[1:])
                weights = (keys @ flat[0][last, head] * q.size(3) ** -0.5).softmax(0)
                mixed[last, head] = weights @ values
        begin += span
    rows: Tensor = mixed.view(q.size(0), -1, *mixed.shape[1:])
    return rows.transpose(1, 2)


def test_each_stretch_sees_itself_alone() -> None:
    q, k, v = draw(2, 3, 16, 4)

    assert torch.allclose(attend_within(q, k, v, BOUNDS), slow(q, k, v), atol=1e-12)


def test_rows_are_stretches_of_their_own() -> None:
    q, k, v = draw(2, 3, 16, 4)
    rows = torch.tensor([0, 16, 32], dtype=torch.int32)

    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert torch.allclose(attend_within(q, k, v, rows), expected, atol=1e-12)


def test_the_mask_for_gpus_means_the_same() -> None:
    q, k, v = draw(2, 3, 16, 4)
    mask = attention._mask_within(BOUNDS, q)

    assert mask.shape == (2, 1, 16, 16)
    assert mask[0, 0, 4].nonzero().flatten().tolist() == [0, 1, 2, 3, 4]
    assert mask[0, 0, 5].nonzero().flatten().tolist() == [5]
    assert mask[0, 0, 7].nonzero().flatten().tolist() == [6, 7]
    assert mask[1, 0, 15].sum() == 16
    found = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    assert torch.allclose(found, slow(q, k, v), atol=1e-12)


def test_variable_length_attention_takes_the_arguments_it_is_given() -> None:
    """On tensors without data, since the kernel itself is for GPUs only."""
    size = (2, 3, 16, 4)
    q, k = (torch.empty(size, device="meta") for _ in range(2))
    v = torch.empty(size, device="meta", dtype=torch.bfloat16)
    bounds = torch.empty(7, device="meta", dtype=torch.int32)

    mixed = attention._attend_varlen(q, k, v, bounds)

    assert (mixed.shape, mixed.dtype) == (size, torch.bfloat16)


@needs_cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpu_attends_like_a_cpu(dtype: torch.dtype) -> None:
    q, k, v = draw(2, 3, 16, 64, dtype=torch.float32)
    expected = attend_within(q, k, v, BOUNDS)
    q, k, v = (x.to("cuda", dtype) for x in (q, k, v))

    found = attend_within(q, k, v, BOUNDS.cuda()).cpu().float()

    assert torch.allclose(
        found, expected, atol=1e-5 if dtype == torch.float32 else 0.05
    )


def test_positions_begin_anew_in_each_stretch() -> None:
    ids = torch.zeros(2, 16, dtype=torch.int64)

    found = positions_within(BOUNDS, ids)

    assert found[0].tolist() == [*range(5), 0, *range(10)]
    assert found[1].tolist() == [*range(16)]
