"""The GPT: 27,525,888 parameters in the preset `workflow-27m`.

Rotary positions, normalised queries and keys, RMSNorm without weights, squared ReLU,
no biases, separate embedding and head, logits squashed smoothly into ±softcap.  With
`model.` in front, every parameter has the name that Hugging Face's model type
`nanochat` gives it.

Shapes: B windows, T positions, C channels, H heads, D channels of a head, V vocabulary.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import ModelConfig
from .device import autocast

__all__ = [
    "GPT",
    "IGNORE_INDEX",
    "KVCache",
    "count_parameters",
    "init_weights",
    "loss_sum",
]

IGNORE_INDEX = -1
"""Target of a position that is not learned from."""

# On CUDA an odd number of columns keeps the product off the tensor cores' fast path.
_CUDA_COLUMNS = 64


class KVCache:
    """Keys and values of the positions seen so far; for inference only.

    `GPT.forward` fills it, and all rows of a batch have the same length.
    """

    def __init__(
        self,
        config: ModelConfig,
        batch_size: int,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Allocate room for `config.context` positions in every layer."""
        self.context = config.context
        self.length = 0
        """Positions held."""
        size = (batch_size, config.heads, config.context, config.head_width)
        self._keys, self._values = (
            [
                torch.empty(size, device=device, dtype=dtype)
                for _ in range(config.layers)
            ]
            for _ in range(2)
        )

    def write(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append (B, H, T, D) to a layer; returns views of all its positions."""
        end = self.length + keys.size(2)
        self._keys[layer][:, :, self.length : end] = keys
        self._values[layer][:, :, self.length : end] = values
        return self._keys[layer][:, :, :end], self._values[layer][:, :, :end]


class Attention(nn.Module):
    """Causal self-attention with rotary positions."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        """Make the four projections of one layer."""
        super().__init__()
        self.layer, self.heads = layer, config.heads
        self.q_proj = nn.Linear(config.width, config.width, bias=False)
        self.k_proj = nn.Linear(config.width, config.width, bias=False)
        self.v_proj = nn.Linear(config.width, config.width, bias=False)
        self.o_proj = nn.Linear(config.width, config.width, bias=False)

    def forward(
        self,
        x: Tensor,
        cos: Tensor,
        sin: Tensor,
        cache: KVCache | None,
        spans: list[int] | None,
    ) -> Tensor:
        """(B, T, C) to (B, T, C)."""
        # Normalising after the rotation is what nanochat and its export expect.
        q = _norm(_rotate(self._split(self.q_proj(x)), cos, sin))  # (B, H, T, D)
        k = _norm(_rotate(self._split(self.k_proj(x)), cos, sin))
        v = self._split(self.v_proj(x))
        if cache is not None:
            k, v = cache.write(self.layer, k, v)
        mixed = _attend(q, k, v) if spans is None else _attend_within(q, k, v, spans)
        mixed = mixed.transpose(1, 2).flatten(2)  # (B, T, C)
        out: Tensor = self.o_proj(mixed)
        return out

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class MLP(nn.Module):
    """Two projections with a squared ReLU between."""

    def __init__(self, config: ModelConfig) -> None:
        """Make the projections, the inner one four times as wide."""
        super().__init__()
        self.fc1 = nn.Linear(config.width, 4 * config.width, bias=False)
        self.fc2 = nn.Linear(4 * config.width, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) to (B, T, C)."""
        out: Tensor = self.fc2(F.relu(self.fc1(x)).square())
        return out


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
        cache: KVCache | None,
        spans: list[int] | None,
    ) -> Tensor:
        """(B, T, C) to (B, T, C)."""
        x = x + self.self_attn(_norm(x), cos, sin, cache, spans)
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
        self.embed_tokens = nn.Embedding(config.vocab_size, config.width)
        self.layers = nn.ModuleList(Layer(config, i) for i in range(config.layers))
        self.lm_head = nn.Linear(config.width, config.vocab_size, bias=False)
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
        cache: KVCache | None = None,
        spans: list[int] | None = None,
    ) -> Tensor:
        """Logits of the token after each position.

        Args:
            ids: (B, T) int64.
            cache: with one, `ids` continue the positions it holds, and are added to it.
            spans: lengths of the stretches of the B * T positions that must not see
                each other, none of which crosses a row; None for whole rows.  Rotary
                angles begin anew in each, so that a window gives the same numbers
                wherever it lies.

        Returns:
            (B, T, V), at least float32, each in (-softcap, softcap).

        Raises:
            ValueError: more positions than the context.
        """
        start = cache.length if cache is not None else 0
        end = start + ids.size(1)
        if end > self.config.context:
            raise ValueError(
                f"found {end:,} positions, expected at most {self.config.context:,}"
            )
        cos, sin = self.cos[start:end], self.sin[start:end]
        if spans is not None:
            positions = _positions_within(spans, ids)
            cos, sin = self.cos[positions], self.sin[positions]  # (B, 1, T, D / 2)
        x = _norm(self.embed_tokens(ids))  # (B, T, C)
        for layer in self.layers:
            x = layer(x, cos, sin, cache, spans)
        if cache is not None:
            cache.length = end
        logits = self._project(_norm(x))  # (B, T, V)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        softcap = self.config.softcap
        return softcap * torch.tanh(logits / softcap)

    def _project(self, x: Tensor) -> Tensor:
        weight = self.lm_head.weight
        if not x.is_cuda:
            return F.linear(x, weight)
        padding = -weight.size(0) % _CUDA_COLUMNS
        return F.linear(x, F.pad(weight, (0, 0, 0, padding)))[..., : weight.size(0)]


def loss_sum(
    model: GPT, inputs: Tensor, targets: Tensor, spans: list[int] | None = None
) -> Tensor:
    """The loss of some windows as a sum, so that parts of a step can be added up.

    Args:
        model: in float32, whatever the device computes in.
        inputs: (B, T) int64 token ids.
        targets: (B, T) int64, IGNORE_INDEX where there is nothing to predict.
        spans: if rows hold several windows; see `GPT.forward`.

    Returns:
        Sum of nats over the targets, a scalar on the model's device.
    """
    with autocast(inputs.device):
        logits: Tensor = model(inputs, spans=spans)
    return F.cross_entropy(
        logits.flatten(0, 1),
        targets.flatten(),
        ignore_index=IGNORE_INDEX,
        reduction="sum",
    )


@torch.no_grad()
def init_weights(model: GPT, *, seed: int) -> None:
    """Give every parameter its first value, the same on every device.

    Whatever adds to the residual stream starts at zero, and so does the head: the first
    loss is the logarithm of the vocabulary, ln 8193 = 9.011.
    """
    generator = torch.Generator().manual_seed(seed)
    zero = ("lm_head.weight", "o_proj.weight", "fc2.weight")
    for name, parameter in model.named_parameters():
        if name.endswith(zero):
            parameter.zero_()
            continue
        num_out, num_in = parameter.shape
        std = num_in**-0.5 * min(1.0, (num_out / num_in) ** 0.5)
        if name == "embed_tokens.weight":
            # Normalised at once, so its size only says how fast a row can turn: with
            # 1.0 instead, 300 steps of the preset `tiny` end at 2.2 nats, not 1.6.
            std = 0.02
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * std)


def count_parameters(model: nn.Module) -> int:
    """Numbers that training changes."""
    return sum(parameter.numel() for parameter in model.parameters())


def _norm(x: Tensor) -> Tensor:
    return F.rms_norm(x, (x.size(-1),))


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn channel i and i + D/2 of (B, H, T, D) by the angle of their position."""
    left, right = x.chunk(2, dim=-1)
    return torch.cat((left * cos + right * sin, right * cos - left * sin), dim=-1)


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention of the last T of the positions in k and v to all before them."""
    num_new, num_all = q.size(2), k.size(2)
    if num_new == num_all:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    mask = None  # a single new position may look at everything
    if num_new > 1:
        mask = torch.ones(num_new, num_all, dtype=torch.bool, device=q.device)
        mask = mask.tril(diagonal=num_all - num_new)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def _attend_within(q: Tensor, k: Tensor, v: Tensor, spans: list[int]) -> Tensor:
    """Causal attention inside each of some stretches of rows; all (B, H, T, D)."""
    if q.is_cuda:
        mask = _mask_within(spans, q)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    # On a CPU one call per stretch, since a mask saves no work there.
    flat = [x.transpose(0, 1).flatten(1, 2) for x in (q, k, v)]  # (H, B * T, D)
    stretches = zip(*(torch.split(x, spans, dim=1) for x in flat), strict=True)
    mixed = [
        F.scaled_dot_product_attention(q_[None], k_[None], v_[None], is_causal=True)
        for q_, k_, v_ in stretches
    ]
    num_heads, head_width = q.size(1), q.size(3)
    rows = torch.cat(mixed, dim=2).view(num_heads, q.size(0), -1, head_width)
    return rows.transpose(0, 1)


def _positions_within(spans: list[int], ids: Tensor) -> Tensor:
    """(B, 1, T) int64: how far each position of `ids` is into its stretch."""
    lengths = torch.tensor(spans, device=ids.device)
    begins = lengths.cumsum(0) - lengths
    everywhere = torch.arange(ids.numel(), device=ids.device)
    begin = begins.repeat_interleave(lengths, output_size=ids.numel())
    return (everywhere - begin).view(ids.size(0), 1, ids.size(1))


def _mask_within(spans: list[int], q: Tensor) -> Tensor:
    """(B, 1, T, T) bool: which positions each position of `q` (B, H, T, D) may see."""
    batch_size, _, num_positions, _ = q.shape
    lengths = torch.tensor(spans, device=q.device)
    stretch = torch.arange(len(spans), device=q.device)
    stretch = stretch.repeat_interleave(lengths, output_size=q[:, 0, :, 0].numel())
    stretch = stretch.view(batch_size, 1, num_positions)
    return (stretch.unsqueeze(-1) == stretch.unsqueeze(-2)).tril()
