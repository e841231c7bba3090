"""Keys and values of the documents of a batch, each of its own length.

    row 0   ████████████▓         one new position
    row 1   ███▓▓▓▓               four, of which three were forced
    row 2   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓    a window that restarted

The new positions of all rows form one row of the model's input, so rows need not be
equally long.  Attention is computed in shapes that depend on one document alone, or on
none: its results are the same, bit for bit, whatever else is in the batch.

    Cache          a call per piece of a document, which reads no more than it must
    BatchedCache   one call for all, which reads whole pages: for a GPU

Shapes: N new positions, H heads, D channels of a head.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..config import ModelConfig

__all__ = ["BatchedCache", "Cache", "Piece"]


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
        size = (config.layers, rows, config.heads, config.context, config.head_width)
        self._device = device
        self._keys, self._values = (
            torch.empty(size, device=device, dtype=dtype) for _ in range(2)
        )

    def expect(self, pieces: Sequence[Piece], num_positions: int) -> None:
        """Prepare for the next forward pass.

        Args:
            pieces: of all rows, those of a row in order, without gaps between them.
            num_positions: N; positions after the last piece are padding.
        """
        rows, positions = list[int](), list[int]()
        for piece in pieces:
            rows += [piece.row] * (piece.end - piece.begin)
            positions += range(piece.position, piece.position + piece.end - piece.begin)
        self._sizes = [piece.end - piece.begin for piece in pieces]
        self._num_used, num_padding = len(rows), num_positions - len(rows)
        place = torch.tensor([rows, positions], device=self._device)
        self._place = place[0], place[1]
        self.positions = F.pad(place[1:], (0, num_padding))
        self._masks = [self._mask(piece) for piece in pieces]
        # Views for all layers at once: making one takes as long as small products.
        self._pages = [
            (self._page(self._keys, piece), self._page(self._values, piece))
            for piece in pieces
        ]

    def _page(self, tensor: Tensor, piece: Piece) -> Sequence[Tensor]:
        """By layer: (1, H, all, D), the positions of a piece and those before it."""
        stop = piece.position + piece.end - piece.begin
        return tensor[:, piece.row, None, :, :stop].unbind()

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
        q, k, v = (x[:, :, : self._num_used] for x in (q, k, v))
        rows, positions = self._place
        self._keys[layer][rows, :, positions] = k[0].transpose(0, 1)
        self._values[layer][rows, :, positions] = v[0].transpose(0, 1)
        mixed = [
            F.scaled_dot_product_attention(
                piece, keys[layer], values[layer], attn_mask=mask
            )
            for piece, (keys, values), mask in zip(
                torch.split(q, self._sizes, dim=2),
                self._pages,
                self._masks,
                strict=True,
            )
        ]
        num_padding = self.positions.size(1) - self._num_used
        return F.pad(torch.cat(mixed, dim=2), (0, 0, 0, num_padding))

    def copy(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` positions of a row to another."""
        for tensor in (self._keys, self._values):
            tensor[:, target, :, :length] = tensor[:, source, :, :length]


class BatchedCache(Cache):
    """Attends for all new positions in one call of constant shape.

    A GPU computes a small kernel in less time than its host needs to launch it, so a
    call for each piece and layer would leave it idle.
    """

    def __init__(
        self,
        config: ModelConfig,
        rows: int,
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        """Allocate the pages, and one more for padding to write to."""
        super().__init__(config, rows + 1, device=device, dtype=dtype)
        self._padding_row = rows
        # Positions that are masked count 0 times, and 0 times nan would be nan.
        self._keys.zero_()
        self._values.zero_()
        self._reach = torch.arange(config.context, device=device)

    def expect(self, pieces: Sequence[Piece], num_positions: int) -> None:
        """Prepare for the next forward pass; see `Cache.expect`."""
        places = [
            (piece.row, piece.position + at)
            for piece in pieces
            for at in range(piece.end - piece.begin)
        ]
        places += [(self._padding_row, 0)] * (num_positions - len(places))
        rows, positions = torch.tensor(places, device=self._device).unbind(dim=1)
        self._place = rows, positions
        self.positions = positions.unsqueeze(0)
        seen = self._reach <= positions.unsqueeze(1)  # (N, context)
        self._seen = seen[:, None, None]

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Store the new keys and values, and attend; all tensors are (1, H, N, D)."""
        rows, positions = self._place
        q, k, v = (x[0].transpose(0, 1) for x in (q, k, v))  # (N, H, D)
        keys, values = self._keys[layer], self._values[layer]
        keys[rows, :, positions] = k
        values[rows, :, positions] = v
        mixed = F.scaled_dot_product_attention(
            q.unsqueeze(2), keys[rows], values[rows], attn_mask=self._seen
        )
        return mixed.squeeze(2).transpose(0, 1).unsqueeze(0)
