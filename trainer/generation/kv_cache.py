"""Keys and values of documents that are read in a batch, each at its own pace.

    row 0   ████████████▓         one new position
    row 1   ███▓▓▓▓               four, of which three were forced
    row 2   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓    a window that is read anew

New positions of all rows lie side by side in one row of the model's input, so rows need
not be equally long.  Attention is computed for a piece of a document at a time, whose
shape depends on that document alone: what is computed for a document is the same, bit
for bit, whatever else is in the batch.

Shapes: N new positions, H heads, D channels of a head.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..config import ModelConfig

__all__ = ["Cache", "Piece"]


class Piece(NamedTuple):
    """Consecutive new positions of one row."""

    row: int
    position: int
    """Of the first, in its window."""
    begin: int
    """Among the N new positions."""
    end: int


class Cache:
    """Room for `rows` windows of a model."""

    positions: Tensor
    """(1, N) int64, of the new positions in their windows."""

    def __init__(
        self,
        config: ModelConfig,
        rows: int,
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        """Allocate; memory is used as it is filled."""
        size = (rows, config.heads, config.context, config.head_width)
        self._device = device
        self._keys, self._values = (
            [
                torch.empty(size, device=device, dtype=dtype)
                for _ in range(config.layers)
            ]
            for _ in range(2)
        )
        self._pieces: Sequence[Piece] = ()
        self._masks: list[Tensor | None] = []

    def expect(self, pieces: Sequence[Piece], num_positions: int) -> None:
        """Say what the next pass of the model reads.

        Args:
            pieces: those of a row in their order.
            num_positions: N; what no piece has is padding.
        """
        positions = [0] * num_positions
        for piece in pieces:
            end = piece.position + piece.end - piece.begin
            positions[piece.begin : piece.end] = range(piece.position, end)
        self.positions = torch.tensor([positions], device=self._device)
        self._pieces = pieces
        self._masks = [self._mask(piece) for piece in pieces]

    def _mask(self, piece: Piece) -> Tensor | None:
        """(new, all) which positions each new one may see; None for all."""
        new = piece.end - piece.begin
        if new == 1:
            return None
        shape = new, piece.position + new
        ones = torch.ones(shape, dtype=torch.bool, device=self._device)
        return ones.tril(diagonal=piece.position)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention of the new positions, all (1, H, N, D), which are remembered."""
        keys, values = self._keys[layer], self._values[layer]
        mixed = torch.zeros_like(q)
        for piece, mask in zip(self._pieces, self._masks, strict=True):
            row, start, begin, end = piece
            stop = start + end - begin
            keys[row, :, start:stop] = k[0, :, begin:end]
            values[row, :, start:stop] = v[0, :, begin:end]
            mixed[:, :, begin:end] = F.scaled_dot_product_attention(
                q[:, :, begin:end],
                keys[row, None, :, :stop],
                values[row, None, :, :stop],
                attn_mask=mask,
            )
        return mixed

    def copy(self, source: int, target: int, length: int) -> None:
        """Give a row the first `length` positions of another."""
        for tensor in (*self._keys, *self._values):
            tensor[target, :, :length] = tensor[source, :, :length]
