"""The token shards of a store, each mapped and checked when it is first read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..geometry import CONTEXT, MAX_DOCUMENT_TOKENS
from ..tokenizer import PAD, VOCAB_SIZE
from .files import map_shard, wrong

__all__ = ["GUARD_TOKENS", "Rows", "Shards", "Tokens", "check_rows", "open_shard"]

GUARD_TOKENS = CONTEXT + 1

_BLOCK_TOKENS = 1 << 22

Tokens = NDArray[np.uint16]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Where the documents are; columns of docs.arrow."""

    shard: NDArray[np.uint16]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    num_shards: int


class Shards(Sequence[Tokens]):
    """Shards by their number, opened one by one; of a store elsewhere, they come late.

    Safe to share between threads: at worst, two of them open the same shard.
    """

    def __init__(self, openers: Sequence[Callable[[], Tokens]]) -> None:
        """Take a function for each shard, which may wait for its file."""
        self._openers = openers
        self._opened: list[Tokens | None] = [None] * len(openers)

    def __len__(self) -> int:
        """The number of shards, opened or not."""
        return len(self._openers)

    def __getitem__(self, number: Any) -> Any:
        """The ids of a shard, guards included; a read-only view of its map."""
        tokens = self._opened[number]
        if tokens is None:
            tokens = self._opened[number] = self._openers[number]()
        return tokens


def check_rows(folder: Path, rows: Rows) -> None:
    """Check what is known of documents before their shards are.

    Raises:
        CorruptError: one is of no shard, or has no length that a document can have.
    """
    outside = (rows.shard >= rows.num_shards) | (rows.offset < 0)
    outside |= (rows.length < 1) | (rows.length > MAX_DOCUMENT_TOKENS)
    if outside.any():
        _refuse_row(folder, rows, int(outside.argmax()))


def open_shard(path: Path, number: int, rows: Rows, *, check_ids: bool) -> Tokens:
    """Map a shard, and check that its documents lie in it, before the guards.

    Args:
        path: of the file.
        number: of the shard.
        rows: where documents are.
        check_ids: also check every id.

    Raises:
        CorruptError: it is no shard, or not that of these documents.
    """
    tokens = map_shard(path)
    room = len(tokens) - GUARD_TOKENS - rows.length
    outside = (rows.shard == number) & (rows.offset > room)
    if outside.any():
        _refuse_row(path.parent, rows, int(outside.argmax()))
    if check_ids:
        _check_ids(f"{path.parent}: shard {number}", tokens)
    return tokens


def _refuse_row(folder: Path, rows: Rows, row: int) -> NoReturn:
    wrong(
        f"{folder / 'docs.arrow'}: document {row:,}",
        f"{rows.length[row]:,} tokens at {rows.offset[row]:,} of shard "
        f"{rows.shard[row]:,}",
        f"1 to {MAX_DOCUMENT_TOKENS:,} tokens in one of {rows.num_shards:,} shards",
    )


def _check_ids(where: str, ids: Tokens) -> None:
    """Check that document ids are below VOCAB_SIZE and guards are PAD."""
    content, guards = ids[:-GUARD_TOKENS], ids[-GUARD_TOKENS:]
    for start in range(0, len(content), _BLOCK_TOKENS):
        block: Tokens = content[start : start + _BLOCK_TOKENS]
        if block.max() >= VOCAB_SIZE:
            at = start + int((block >= VOCAB_SIZE).argmax())
            found = f"id {ids[at]:,}"
            wrong(f"{where}, position {at:,}", found, f"one below {VOCAB_SIZE:,}")
    if len(guards) < GUARD_TOKENS or (guards != PAD).any():
        wrong(where, "other guards", f"{PAD} (PAD)")
