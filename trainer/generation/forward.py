"""Run the model on the documents of a batch as they grow.

A document that outgrows the context slides: its window restarts at a multiple of 32,
with the position token of that start, as windows do in training.  It keeps half a
context, so that a token sees between half a context and a full one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...data.tokenizer import VOCAB_SIZE
from ...data.windows import STRIDE
from ..model import GPT
from .kv_cache import BatchedCache, Cache, Piece

__all__ = ["Reader"]

# Products of 8, 16, … 64 rows give each row the same bits on all CPUs tried; a product
# of one row uses another kernel.  A GPU picks its kernel by the number of rows, so
# there that number is constant.
_MOST_ROWS = 64
_CPU_ROWS = 8
# Most positions of a document per piece.
_PIECE = 8


@dataclass(slots=True)
class _Window:
    """The part of a document in the cache."""

    start: int = 0
    """Its first token."""
    length: int = 0
    """Positions in it: the position token, then the document's tokens from `start`."""


class Reader:
    """Runs a model on growing documents, caching keys and values."""

    def __init__(
        self, model: GPT, rows: int, *, is_batched: bool | None = None
    ) -> None:
        """Allocate the cache of `rows` documents, and of their shared beginning.

        Args:
            model: in eval mode.
            rows: documents that grow at once.
            is_batched: whether attention takes all documents at once; None for on a
                GPU only.
        """
        self._model = model
        self._context = model.config.context
        weight = model.lm_head.weight
        self._device = weight.device
        if is_batched is None:
            is_batched = self._device.type != "cpu"
        self._cache = (BatchedCache if is_batched else Cache)(
            model.config,
            rows + 1,
            device=self._device,
            dtype=model.compute_dtype or weight.dtype,
        )
        self._windows = [_Window() for _ in range(rows + 1)]
        self._row_multiple = _MOST_ROWS if is_batched else _CPU_ROWS

    @torch.inference_mode()
    def begin(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Read the shared beginning; returns (V,) logits of the token after it."""
        shared = len(self._windows) - 1
        self._windows[shared] = _Window()
        logits: NDArray[np.float32] = self.read({shared: tokens})[0]
        return logits

    @torch.inference_mode()
    def restart(self, row: int) -> None:
        """Begin another document in a row, with the shared beginning."""
        shared = self._windows[-1]
        self._windows[row] = _Window(shared.start, shared.length)
        self._cache.copy(len(self._windows) - 1, row, shared.length)

    @torch.inference_mode()
    def read(self, documents: Mapping[int, Sequence[int]]) -> NDArray[np.float32]:
        """Read the new tokens of some documents.

        Args:
            documents: row to all tokens so far.

        Returns:
            (len(documents), V) logits of each document's next token.
        """
        found = {}
        for ids, pieces in self._blocks(documents):
            self._cache.expect(pieces, len(ids))
            logits = self._model(torch.tensor([ids], device=self._device), self._cache)
            for row, place in {piece.row: piece.end - 1 for piece in pieces}.items():
                found[row] = logits[0, place, :VOCAB_SIZE]
        if not found:
            return np.empty((0, VOCAB_SIZE), np.float32)
        stacked = torch.stack([found[row] for row in documents])
        array: NDArray[np.float32] = stacked.float().cpu().numpy()
        return array

    def _blocks(
        self, documents: Mapping[int, Sequence[int]]
    ) -> Iterator[tuple[list[int], list[Piece]]]:
        """Split unread tokens into forward passes: padded ids, and their pieces."""
        ids: list[int] = []
        pieces: list[Piece] = []
        for row, tokens in documents.items():
            unread, position = self._unread(self._windows[row], tokens)
            for at in range(0, len(unread), _PIECE):
                part = unread[at : at + _PIECE]
                if len(ids) + len(part) > _MOST_ROWS:
                    yield self._padded(ids), pieces
                    ids, pieces = [], []
                end = len(ids) + len(part)
                pieces.append(Piece(row, position + at, len(ids), end))
                ids = ids + part
        if pieces:
            yield self._padded(ids), pieces

    def _unread(self, window: _Window, tokens: Sequence[int]) -> tuple[list[int], int]:
        """The inputs not read yet, and the position of the first of them."""
        end = len(tokens)
        if 1 + end - window.start > self._context:
            start = end - self._context // 2
            window.start = min(-(-start // STRIDE), end // STRIDE) * STRIDE
            window.length = 0
        inputs = [window.start // STRIDE, *tokens[window.start :]]
        position = window.length
        window.length = len(inputs)
        return inputs[position:], position

    def _padded(self, ids: list[int]) -> list[int]:
        return ids + [0] * (-len(ids) % self._row_multiple)
