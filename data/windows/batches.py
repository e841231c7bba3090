"""The windows of each optimiser step, and their token ids laid out for the model.

    (epoch, step) ─Permutation▶ window numbers ─WindowPlan▶ windows ─arrange▶ places
    ─copy▶ inputs

Everything is a pure function of (store, split, policy, seed, epoch, step): the only
state to save is two integers, and any step can be read at any time.  The ranks of a
distributed run take slices of the same steps, however many they are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..geometry import CONTEXT, STRIDE
from ..store import Split, Store
from ..tokenizer import PAD
from .gather import WindowTokens
from .layouts import Arrangement, Layout, arrange, max_positions
from .permutation import ORDER_VERSION, Permutation
from .plan import WindowPlan, Windows
from .policies import Policy, cutting

__all__ = ["Batch", "Batches"]

_STEPS_PER_BLOCK = 64  # steps whose windows are looked up at once


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """The windows of one optimiser step, or of one rank's slice of it.

    A window [a, b) at position p of `inputs` is its position token a // s, then its
    content t_a … t_(b-2).  Its last token t_(b-1) is no input, only a target, and
    is in `last`.  So the target of each position is the input after it; that of a
    window's last position is in `last`, and a PAD position has none.
    """

    epoch: int
    step: int
    """Number of the step in its epoch, from 0."""
    offset: int | None
    """Where the epoch first cuts long documents; None if each has its own."""
    windows: Windows
    """`document` is a row of docs.arrow."""
    num_targets: int
    """Content tokens of the whole step, over all ranks."""
    arrangement: Arrangement
    """Where each window lies in `inputs`."""
    inputs: NDArray[np.uint16]
    """(positions,) ids of all passes, back to back; PAD (8192) where no window is."""
    last: NDArray[np.uint16]
    """(windows,) the last token of each window."""

    @property
    def ends(self) -> NDArray[np.int64]:
        """(windows,) the last position of each window."""
        at = np.array(self.arrangement.at, dtype=np.int64)  # may be empty
        return at + self.windows.length - 1

    def targets(self) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
        """The target of each position, and whether there is one; (positions,) each."""
        targets = np.full_like(self.inputs, PAD)
        targets[:-1] = self.inputs[1:]
        targets[self.ends] = self.last
        return targets, self.inputs != PAD


class Batches:
    """Batches of one split of a store, in the order that `seed` gives."""

    def __init__(
        self,
        store: Store,
        split: Split,
        *,
        batch_size: int,
        seed: int,
        policy: Policy = "plan",
        layout: Layout = "padded",
        rows: int | None = None,
        static: bool = True,
        context: int = CONTEXT,
        stride: int = STRIDE,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Set what the batches depend on; no token is read yet.

        Args:
            store: an opened store.
            split: "train" or "val".
            batch_size: B, windows per optimiser step, over all ranks.
            seed: key of the order; see `Permutation`.
            policy: how documents are cut; see policies.py.
            layout: how windows lie in memory; see layouts.py.
            rows: most rows of a pass; None for one pass per step where possible.
            static: use few shapes; see layouts.py.
            context: C, most content tokens of a window.
            stride: s, by which cuts move; divides C.
            rank: which slice of each step to read, 0 <= rank < world_size.
            world_size: number of slices, at most B.

        Raises:
            ConfigError: more ranks than windows in a step.
        """
        _check_shares(batch_size, rows, rank, world_size)
        self.store, self.split = store, split
        self.batch_size, self.seed, self.policy = batch_size, seed, policy
        self.context, self.stride = context, stride
        self.rank, self.world_size = rank, world_size
        self.static = static
        self.layout, self.share = layout, -(-batch_size // world_size)
        self.rows = min(self.share if rows is None else rows, self.share)
        self.documents = store.rows(split)
        """Rows of docs.arrow, ascending."""
        self._needs_phase = cutting(policy).needs_phase
        self._epoch: tuple[WindowPlan, Permutation] | None = None
        self._ahead: tuple[tuple[int, int], WindowTokens] | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """Everything the windows of a step depend on besides (epoch, step)."""
        return {
            "store": self.store.digest,
            "split": self.split,
            "windows": self.policy,
            "context": self.context,
            "stride": self.stride,
            "order": ORDER_VERSION,
            "seed": self.seed,
            "batch_size": self.batch_size,
        }

    @property
    def num_alignments(self) -> int:
        """C / s, epochs until windows lie as in epoch 0 again."""
        return self.context // self.stride

    @property
    def is_packed(self) -> bool:
        """Whether a row may hold several windows."""
        return self.layout == "packed"

    @property
    def max_positions(self) -> int:
        """Most positions of any batch."""
        return max_positions(
            self.layout, batch=self.share, rows=self.rows, context=self.context
        )

    def plan(self, epoch: int) -> WindowPlan:
        """The windows of an epoch over this split's documents."""
        return self._prepared(epoch)[0]

    def document_windows(self, row: int, epoch: int) -> Windows:
        """The windows of one document in an epoch, whatever its split."""
        rows = np.array([row])
        return self._plan(rows, epoch).all().of(rows)

    def num_steps(self, epoch: int) -> int:
        """Optimiser steps in an epoch; the last one may have fewer windows."""
        return -(-self.plan(epoch).num_windows // self.batch_size)

    def windows(self, epoch: int, step: int) -> Windows:
        """The windows of one step over all ranks, 0 <= step < num_steps(epoch)."""
        block, part = self._block(epoch, step)
        return block.windows[part]

    def steps_of(self, row: int, epoch: int) -> tuple[Windows, NDArray[np.int64]]:
        """The windows of a document in an epoch, and the step that trains each.

        Args:
            row: row of docs.arrow of a document in this split.
            epoch: number of the pass.
        """
        plan, order = self._prepared(epoch)
        index = int(np.searchsorted(self.documents, row))
        if index == len(self.documents) or self.documents[index] != row:
            raise ValueError(f"row {row}: not a document of the {self.split} split")
        numbers = plan.numbers_of(index)
        steps = order.inverse(numbers) // self.batch_size
        return plan.locate(numbers).of(self.documents), steps

    def batch(
        self, epoch: int, step: int, out: NDArray[np.uint16] | None = None
    ) -> Batch:
        """This rank's batch of one step.

        Args:
            epoch: number of the pass, from 0.
            step: number of the step in it, 0 <= step < num_steps(epoch).
            out: buffer for the inputs, at least max_positions ids, to be reused from
                step to step; None for a new one.
        """
        block, everything = self._block(epoch, step)
        mine = self._share_of(everything)
        places = arrange(
            block.length[mine],
            self.layout,
            batch=self.share,
            rows=self.rows,
            context=self.context,
            static=self.static,
        )
        if out is None:
            out = np.empty(places.num_positions, dtype=np.uint16)
        inputs = out[: places.num_positions]
        if len(inputs) < places.num_positions:
            raise ValueError(
                f"out: found room for {len(out):,} ids, expected "
                f"max_positions ({self.max_positions:,})"
            )
        block.copy(mine, places.at, inputs)
        return Batch(
            epoch=epoch,
            step=step,
            offset=self.plan(epoch).offset,
            windows=block.windows[mine],
            num_targets=sum(block.length[everything]),
            arrangement=places,
            inputs=inputs,
            last=block.last[mine],
        )

    def _share_of(self, step: slice) -> slice:
        """This rank's windows of a step: an even slice.

        The last step of an epoch, which may have fewer windows, is shared evenly too.
        """
        num = step.stop - step.start
        begin = step.start + self.rank * num // self.world_size
        return slice(begin, step.start + (self.rank + 1) * num // self.world_size)

    def _plan(self, rows: NDArray[np.int64], epoch: int) -> WindowPlan:
        """The windows of some documents in an epoch."""
        return WindowPlan(
            self.store.length[rows],
            epoch=epoch,
            policy=self.policy,
            context=self.context,
            stride=self.stride,
            phase=self.store.phase[rows] if self._needs_phase else None,
        )

    def _prepared(self, epoch: int) -> tuple[WindowPlan, Permutation]:
        prepared = self._epoch  # read once: another thread may replace it
        if prepared is None or prepared[0].epoch != epoch:
            plan = self._plan(self.documents, epoch)
            # An epoch may have no window: `original` drops short documents.
            n = max(1, plan.num_windows)
            order = Permutation(n, seed=self.seed, epoch=epoch)
            prepared = self._epoch = plan, order
        return prepared

    def _block(self, epoch: int, step: int) -> tuple[WindowTokens, slice]:
        """The block of windows that holds a step, and the step's slice of it."""
        steps = self.num_steps(epoch)
        if not 0 <= step < steps:
            raise IndexError(
                f"step {step} of epoch {epoch}: found no window, "
                f"expected a step in [0, {steps})"
            )
        key = epoch, step // _STEPS_PER_BLOCK
        ahead = self._ahead  # read once: another thread may replace it
        if ahead is None or ahead[0] != key:
            ahead = self._ahead = key, self._look_up(*key)
        first = step % _STEPS_PER_BLOCK * self.batch_size
        return ahead[1], slice(first, min(first + self.batch_size, len(ahead[1])))

    def _look_up(self, epoch: int, number: int) -> WindowTokens:
        plan, order = self._prepared(epoch)
        size = _STEPS_PER_BLOCK * self.batch_size
        stop = min((number + 1) * size, plan.num_windows)
        numbers = order(np.arange(number * size, stop))
        windows = plan.locate(numbers).of(self.documents)
        return WindowTokens(self.store, windows)


def _check_shares(
    batch_size: int, rows: int | None, rank: int, world_size: int
) -> None:
    if rows is not None and rows < 1:
        raise ValueError(f"rows: found {rows}, expected at least 1")
    if not 0 <= rank < world_size:
        raise ValueError(f"rank: found {rank}, expected 0 to {world_size - 1}")
    if world_size > batch_size:
        raise ConfigError(
            f"found {world_size} ranks for {batch_size} windows per step, "
            "expected at least one window for each",
            "use fewer processes or a larger data.batch_size",
        )
