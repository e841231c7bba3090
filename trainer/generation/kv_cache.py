"""Keys and values of the documents of a batch, each of its own length.

    row 0   ████████████▓         one new position
    row 1   ███▓▓▓▓               four, of which three were forced
    row 2   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓    a window that restarted

The new positions of all rows form one row of the model's input, so rows need not be
equally long.  Attention is computed per piece of a document, whose shape depends on
that document alone: its results are the same, bit for bit, whatever else is in the
batch.

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
    """The cache of `rows` windows."""

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
        """Allocate; pages are used as they are filled."""
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
        """Prepare for the next forward pass.

        Args:
            pieces: of all rows, those of a row in order.
            num_positions: N; positions outside pieces are padding.
        """
        positions = [0] * num_positions
        for piece in pieces:
            end = piece.position + piece.end - piece.begin
            positions[piece.begin : piece.end] = range(piece.position, end)
        self.positions = torch.tensor([positions], device=self._device)
        self._pieces = pieces
        self._masks = [self._mask(piece) for piece in pieces]

    def _mask(self, piece: Piece) -> Tensor | None:
        """(new, all) bool: which positions each new one attends to; None for all."""
        new = piece.end - piece.begin
        if new == 1:
            return None
        shape = new, piece.position + new
        ones = torch.ones(shape, dtype=torch.bool, device=self._device)
        return ones.tril(diagonal=piece.position)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Store the new keys and values, and attend; all tensors are (1, H, N, D)."""
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
        """Copy the first `length` positions of a row to another."""
        for tensor in (*self._keys, *self._values):
            tensor[target, :, :length] = tensor[source, :, :length]
