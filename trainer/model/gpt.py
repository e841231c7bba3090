"""The GPT: 27,525,888 parameters in the preset `workflow-27m`.

Rotary positions, normalised queries and keys, RMSNorm without weights, squared ReLU,
no biases, separate embedding and head, logits softcapped into ±softcap.  Prefixed with
`model.`, every parameter has the name that Hugging Face's model type `nanochat` gives
it.

Weights stay float32; `GPT.compute_dtype` is the type of the matrix products.  A
bfloat16 embedding would not learn: at a rate of 3e-4 nine tenths of it never move.

Shapes: B windows, T positions, C channels, H heads, D channels of a head, V vocabulary.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import ModelConfig
from .attention import attend_within, positions_within
from .loss import IGNORE_INDEX, project, softcap_loss
from .packed import multiply, pack

__all__ = [
    "GPT",
    "IGNORE_INDEX",
    "Cache",
    "compute_dtype",
    "loss_sum",
]


class Cache(Protocol):
    """Keys and values of earlier positions; for inference only."""

    positions: Tensor
    """(B, T) int64 of the new positions in their windows."""

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend from the new positions to all so far; (B, H, T, D) each."""


class Linear(nn.Linear):
    """A linear map without bias, computed in the type of its input."""

    packed: Tensor | None = None
    """The weight as `pack` lays it out."""

    def __init__(self, num_in: int, num_out: int) -> None:
        """Make the weight, (num_out, num_in)."""
        super().__init__(num_in, num_out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(…, num_in) to (…, num_out)."""
        if self.packed is not None:
            return multiply(x, self.packed)
        return F.linear(x, self.weight.to(x.dtype))


class Attention(nn.Module):
    """Causal self-attention with rotary positions."""

    packed: Tensor | None = None
    """The weights of queries, keys and values as `pack` lays them out."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        """Make the four projections of one layer."""
        super().__init__()
        self.layer, self.heads, self.dropout = layer, config.heads, config.dropout
        self.q_proj = Linear(config.width, config.width)
        self.k_proj = Linear(config.width, config.width)
        self.v_proj = Linear(config.width, config.width)
        self.o_proj = Linear(config.width, config.width)

    def forward(
        self,
        x: Tensor,
        cos: Tensor,
        sin: Tensor,
        cache: Cache | None,
        bounds: Tensor | None,
    ) -> Tensor:
        """(B, T, C) to (B, T, C)."""
        q, k, v = (self._split(part) for part in self._project(x))  # (B, H, T, D)
        # Normalising after the rotation is what nanochat and its export expect.
        q, k = (_norm(_rotate(part, cos, sin)) for part in (q, k))
        if cache is not None:
            mixed = cache.attend(self.layer, q, k, v)
        elif bounds is not None:
            mixed = attend_within(q, k, v, bounds)
        else:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        mixed = mixed.transpose(1, 2).flatten(2)  # (B, T, C)
        return F.dropout(self.o_proj(mixed), self.dropout, self.training)

    def _project(self, x: Tensor) -> Sequence[Tensor]:
        """Queries, keys and values, (B, T, C) each."""
        if self.packed is not None:
            return multiply(x, self.packed).chunk(3, dim=-1)
        projections = self.q_proj, self.k_proj, self.v_proj
        if not x.is_cuda:
            return [projection(x) for projection in projections]
        # One wide product, and a single one for each gradient, fill a GPU better.
        weight = torch.cat([projection.weight for projection in projections])
        return F.linear(x, weight.to(x.dtype)).chunk(3, dim=-1)

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class MLP(nn.Module):
    """Two projections with a squared ReLU between."""

    def __init__(self, config: ModelConfig) -> None:
        """Make the projections, the inner one four times as wide."""
        super().__init__()
        self.dropout = config.dropout
        self.fc1 = Linear(config.width, 4 * config.width)
        self.fc2 = Linear(4 * config.width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) to (B, T, C)."""
        out = self.fc2(F.relu(self.fc1(x)).square())
        return F.dropout(out, self.dropout, self.training)


class Layer(nn.Module):
    """Attention, then the MLP; each adds to the residual stream."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        """Make layer number `layer`."""
        super().__init__()
        self.self_attn = Attention(config, layer)
        self.mlp = MLP(config)

    def forward(
        self,
        x: Tensor,
        cos: Tensor,
        sin: Tensor,
        cache: Cache | None,
        bounds: Tensor | None,
    ) -> Tensor:
        """(B, T, C) to (B, T, C)."""
        x = x + self.self_attn(_norm(x), cos, sin, cache, bounds)
        out: Tensor = x + self.mlp(_norm(x))
        return out


class GPT(nn.Module):
    """Token ids to the logits of the next token."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: ModelConfig) -> None:
        """Make the parameters; `init_weights` or a checkpoint gives their values."""
        super().__init__()
        self.config = config
        self.compute_dtype: torch.dtype | None = None
        """Type of the matrix products; None for that of the weights."""
        self.embed_tokens = nn.Embedding(config.vocab_size, config.width)
        self.layers = nn.ModuleList(Layer(config, i) for i in range(config.layers))
        self.lm_head = Linear(config.width, config.vocab_size)
        pairs = torch.arange(0, config.head_width, 2, dtype=torch.float32)
        frequency = config.rope_base ** (-pairs / config.head_width)
        angle = torch.outer(
            torch.arange(config.context, dtype=torch.float32), frequency
        )
        self.register_buffer("cos", angle.cos(), persistent=False)  # (context, D / 2)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(
        self,
        ids: Tensor,
        cache: Cache | None = None,
        bounds: Tensor | None = None,
    ) -> Tensor:
        """Logits of the token after each position.

        Args:
            ids: (B, T) int64.
            cache: gives the positions of `ids`, and attends to those it holds too.
            bounds: (S + 1,) int32, the limits of the stretches of the B * T positions
                that must not attend to each other; no stretch crosses a row.  None for
                whole rows.  Rotary angles restart in each stretch, so a window gives
                the same numbers wherever it lies.

        Returns:
            (B, T, V), at least float32, each in (-softcap, softcap).

        Raises:
            ValueError: more positions than the context.
        """
        hidden = self.hidden(ids, cache, bounds)
        if self.lm_head.packed is None:
            logits = project(hidden, self.lm_head.weight)
        else:
            logits = self.lm_head(hidden)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        softcap = self.config.softcap
        return softcap * torch.tanh(logits / softcap)

    def pack(self, dtype: torch.dtype) -> None:
        """Prepare for generation: compute in `dtype`, from weights laid out for it.

        Weights that change later are not packed again.

        Args:
            dtype: of the matrix products, float32 or bfloat16.
        """
        self.compute_dtype = dtype
        for module in self.modules():
            if isinstance(module, Attention):
                projections = module.q_proj, module.k_proj, module.v_proj
                weights = [projection.weight for projection in projections]
                module.packed = pack(weights, dtype)
            elif isinstance(module, Linear):
                module.packed = pack([module.weight], dtype)

    def hidden(
        self,
        ids: Tensor,
        cache: Cache | None = None,
        bounds: Tensor | None = None,
    ) -> Tensor:
        """The input of the head, (B, T, C) in `compute_dtype`; see `forward`."""
        num_positions = ids.size(1)
        if num_positions > self.config.context:
            raise ValueError(
                f"found {num_positions:,} positions, "
                f"expected at most {self.config.context:,}"
            )
        cos, sin = self.cos[:num_positions], self.sin[:num_positions]
        positions = None if cache is None else cache.positions
        if bounds is not None:
            positions = positions_within(bounds, ids)
        if positions is not None:
            positions = positions.unsqueeze(1)
            cos, sin = self.cos[positions], self.sin[positions]  # (B, 1, T, D / 2)
        x = _norm(self.embed_tokens(ids))  # (B, T, C)
        x = x.to(self.compute_dtype or x.dtype)
        x = F.dropout(x, self.config.dropout, self.training)
        cos, sin = cos.to(x.dtype), sin.to(x.dtype)
        for layer in self.layers:
            x = layer(x, cos, sin, cache, bounds)
        return _norm(x)


def loss_sum(
    model: GPT, inputs: Tensor, targets: Tensor, bounds: Tensor | None = None
) -> Tensor:
    """The summed loss of some windows, so that micro-batches can be added up.

    Args:
        model: gives the hidden states and the head.
        inputs: (B, T) int64 token ids.
        targets: (B, T) int64, IGNORE_INDEX where there is none.
        bounds: needed if rows hold several windows; see `GPT.forward`.

    Returns:
        Sum of nats over the targets, a scalar on the model's device.
    """
    hidden = model.hidden(inputs, bounds=bounds)
    return softcap_loss(
        hidden.flatten(0, 1),
        model.lm_head.weight,
        targets.flatten(),
        model.config.softcap,
    )


def compute_dtype(device: torch.device) -> torch.dtype | None:
    """The type of matrix products in training: bfloat16 on CUDA, else None.

    None is the type of the weights: on CPUs without bfloat16 units, bfloat16 is three
    times slower than float32.
    """
    return torch.bfloat16 if device.type == "cuda" else None


def _norm(x: Tensor) -> Tensor:
    return F.rms_norm(x, (x.size(-1),))


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn channel i and i + D/2 of (B, H, T, D) by the angle of their position."""
    left, right = x.chunk(2, dim=-1)
    return torch.cat((left * cos + right * sin, right * cos - left * sin), dim=-1)
