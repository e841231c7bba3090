"""Which windows an optimiser step sees, and their rows of token ids.

    (epoch, step) ─Permutation▶ window numbers ─WindowPlan▶ windows ─gather▶ rows

Everything is a pure function of (store, split, seed, epoch, step): there is no state to
save but two integers, and any step can be asked for at any time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .permutation import Permutation
from .store import Split, Store
from .tokenizer import PAD
from .windows import CONTEXT, WindowPlan, Windows

__all__ = ["Batch", "Batches"]

_STEPS_PER_BLOCK = 64  # whose windows are located at once


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """The windows of one optimiser step."""

    rows: NDArray[np.uint16]
    """(B, C + 1): position token, content tokens, PAD (8192) up to the end.

    Inputs are ``rows[:, :C]`` with PAD from the window's length on, targets are
    ``rows[:, 1:]`` with PAD standing for "no target".
    """
    windows: Windows
    """At most B windows; `document` is a row of docs.arrow.

    The last batch of an epoch may hold fewer than B; its other rows are all PAD.
    """


class Batches:
    """Batches of one split of a store, in the order that `seed` gives."""

    def __init__(
        self,
        store: Store,
        split: Split,
        *,
        batch_size: int,
        seed: int,
        context: int = CONTEXT,
    ) -> None:
        """Map full-width rows over the shards; copies nothing.

        Args:
            store: an opened store.
            split: "train" or "val".
            batch_size: B, windows per optimiser step.
            seed: key of the order; see `Permutation`.
            context: C, at most the CONTEXT whose guard tokens the store has.
        """
        if not 1 <= context <= CONTEXT:
            raise ValueError(f"context: found {context}, expected 1 to {CONTEXT}")
        self.store, self.split = store, split
        self.batch_size, self.seed, self.context = batch_size, seed, context
        self.documents = store.rows(split)
        # (tokens - C + 1, C) views: row i is shard[i : i + C].
        self._views = [sliding_window_view(shard, context) for shard in store.shards]
        self._epoch: tuple[WindowPlan, Permutation] | None = None
        self._ahead: tuple[tuple[int, int], Windows] | None = None

    def plan(self, epoch: int) -> WindowPlan:
        """The windows of an epoch over this split's documents."""
        return self._prepared(epoch)[0]

    def num_steps(self, epoch: int) -> int:
        """Optimiser steps in an epoch; the last one may be partly empty."""
        return -(-self.plan(epoch).num_windows // self.batch_size)

    def batch(self, epoch: int, step: int) -> Batch:
        """The batch of one step, 0 <= step < num_steps(epoch)."""
        steps = self.num_steps(epoch)
        if not 0 <= step < steps:
            raise IndexError(
                f"step {step} of epoch {epoch}: found no window, "
                f"expected a step in [0, {steps})"
            )
        ahead = self._block(epoch, step // _STEPS_PER_BLOCK)
        first = step % _STEPS_PER_BLOCK * self.batch_size
        windows = ahead[first : first + self.batch_size]
        return Batch(rows=self._gather(windows), windows=windows)

    def _prepared(self, epoch: int) -> tuple[WindowPlan, Permutation]:
        prepared = self._epoch  # read once: another thread may replace it
        if prepared is None or prepared[0].epoch != epoch:
            lengths = self.store.length[self.documents]
            plan = WindowPlan(lengths, epoch=epoch, context=self.context)
            order = Permutation(plan.num_windows, seed=self.seed, epoch=epoch)
            prepared = self._epoch = plan, order
        return prepared

    def _block(self, epoch: int, number: int) -> Windows:
        """The windows of some steps in a row: one at a time costs ten times as much."""
        ahead = self._ahead
        if ahead is None or ahead[0] != (epoch, number):
            plan, permutation = self._prepared(epoch)
            size = _STEPS_PER_BLOCK * self.batch_size
            stop = min((number + 1) * size, plan.num_windows)
            found = plan.locate(permutation(np.arange(number * size, stop)))
            windows = Windows(
                document=self.documents[found.document],
                start=found.start,
                end=found.end,
                position=found.position,
            )
            ahead = self._ahead = (epoch, number), windows
        return ahead[1]

    def _gather(self, windows: Windows) -> NDArray[np.uint16]:
        """The only copy of tokens on their way to the model."""
        rows = np.empty((self.batch_size, self.context + 1), dtype=np.uint16)
        count = len(windows)
        rows[:count, 0] = windows.position
        rows[count:] = PAD
        shard = self.store.shard[windows.document]
        start = self.store.offset[windows.document] + windows.start
        for number in set(shard.tolist()):
            here = np.flatnonzero(shard == number)
            rows[here, 1:] = self._views[number][start[here]]
        # A view is as wide as the context: PAD over what belongs to the next document.
        for row, length in enumerate(windows.length.tolist()):
            rows[row, 1 + length :] = PAD
        return rows
