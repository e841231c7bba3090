"""Cross-entropy of softcapped logits, in chunks of positions.

The logits of a whole micro-batch never exist at once: for 32 x 1,024 positions, 8,193
float32 logits each are 1.07 GB, and autograd would keep them several times.  Each chunk
is projected once and reduced at once to its loss and, in training, to its share of the
gradients of the hidden states and the head's weight; the backward pass only scales
them.  (As in Liger's fused linear cross-entropy, https://arxiv.org/abs/2410.10989, with
the softcap added.)

With logits z, softcap s and t = tanh(z / s), a position with target y costs
logsumexp(s t) - s t[y] nats, and d loss / d z = (softmax(s t) - onehot(y)) (1 - t^2).

Shapes: N positions, C channels, V vocabulary.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["IGNORE_INDEX", "loss_bytes", "project", "softcap_loss"]

IGNORE_INDEX = -1
"""Target of a position without a loss."""

# Positions per chunk.  A chunk's float32 logits are 4 MB on a CPU, which fit its cache,
# and 134 MB on CUDA, which keep every multiprocessor busy.
_CPU_CHUNK = 128
_CUDA_CHUNK = 4096
# On CUDA an odd number of columns keeps the product off the tensor cores' fast path.
_CUDA_COLUMNS = 64


def softcap_loss(
    hidden: Tensor, weight: Tensor, targets: Tensor, softcap: float
) -> Tensor:
    """Sum of nats over the targets, a float32 or float64 scalar.

    Args:
        hidden: (N, C), in the type of the matrix products.
        weight: (V, C) of the head, in its own type.
        targets: (N,) int64, IGNORE_INDEX where there is none.
        softcap: bound of the logits.
    """
    if torch.is_grad_enabled():
        apply: Any = _SoftcapLoss.apply
        found: Tensor = apply(hidden, weight, targets, softcap)
        return found
    return _forward(hidden, weight, targets, softcap, with_gradient=False)[0]


def loss_bytes(*, width: int, vocab_size: int, is_cuda: bool) -> int:
    """Estimate the peak bytes of computing the loss.

    Four float32 numbers per logit of a chunk, and the gradient of the head's weight.
    """
    chunk = _CUDA_CHUNK if is_cuda else _CPU_CHUNK
    return 4 * vocab_size * (4 * chunk + width)


def project(hidden: Tensor, weight: Tensor) -> Tensor:
    """Logits before the softcap, (…, V), in the type of `hidden`."""
    return F.linear(hidden, _columns(hidden, weight))[..., : weight.size(0)]


class _SoftcapLoss(torch.autograd.Function):
    """`softcap_loss`, computing its gradients in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, softcap: float
    ) -> Tensor:
        loss, *gradients = _forward(
            hidden, weight, targets, softcap, with_gradient=True
        )
        ctx.save_for_backward(*gradients)
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight = ctx.saved_tensors
        return hidden * grad.to(hidden.dtype), weight * grad, None, None


def _forward(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    softcap: float,
    *,
    with_gradient: bool,
) -> tuple[Tensor, ...]:
    """The loss and, on request, its gradients w.r.t. `hidden` and `weight`."""
    columns = _columns(hidden, weight)
    size = _CUDA_CHUNK if hidden.is_cuda else _CPU_CHUNK
    exact = torch.promote_types(hidden.dtype, torch.float32)
    loss = torch.zeros((), dtype=exact, device=hidden.device)
    grad_hidden: list[Tensor] = []
    grad_weight = torch.zeros_like(columns, dtype=exact) if with_gradient else None
    chunks = zip(torch.split(hidden, size), torch.split(targets, size), strict=True)
    for x, y in chunks:
        is_target = y != IGNORE_INDEX
        y = y.clamp(min=0).unsqueeze(1)
        t = F.linear(x, columns).to(exact).div(softcap).tanh()
        capped = t * softcap
        if len(columns) > len(weight):
            capped[:, len(weight) :] = -torch.inf
        total = capped.logsumexp(1)
        of_target = capped.gather(1, y).squeeze(1)
        loss = loss + torch.where(is_target, total - of_target, 0).sum()
        if grad_weight is None:
            continue
        # capped becomes (softmax - onehot) * (1 - t^2), zero where there is no target.
        grad = capped.sub_(total.unsqueeze(1)).exp_()
        grad.scatter_add_(1, y, torch.full_like(grad[:, :1], -1))
        grad.mul_(t.square_().neg_().add_(1)).mul_(is_target.unsqueeze(1))
        grad = grad.to(x.dtype)
        grad_hidden.append(grad @ columns)
        grad_weight += grad.T @ x
    if grad_weight is None:
        return (loss,)
    return loss, torch.cat(grad_hidden), grad_weight[: len(weight)].to(weight.dtype)


def _columns(hidden: Tensor, weight: Tensor) -> Tensor:
    """The head's weight in the type of `hidden`; on CUDA padded with rows of zeros."""
    weight = weight.to(hidden.dtype)
    padding = -len(weight) % _CUDA_COLUMNS if hidden.is_cuda else 0
    return F.pad(weight, (0, 0, 0, padding)) if padding else weight
