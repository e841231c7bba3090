"""The windows of each optimiser step, and their token ids laid out for the model.

    (epoch, step) ─Schedule▶ windows ─arrange▶ places ─copy▶ inputs

Everything is a pure function of (store, split, policy, seed, epoch, step): the only
state to save is two integers, and any step can be read at any time.  The ranks of a
distributed run take slices of the same steps, however many they are.  A store may be a
`Mixture` of several, and the context may change in the course of a run; see schedule.py
and stages.py.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..geometry import CONTEXT, STRIDE
from ..store import Mixture, Split, Store
from .batch import Batch
from .gather import WindowTokens
from .layouts import Layout, arrange, max_positions
from .permutation import ORDER_VERSION
from .plan import Windows
from .policies import Policy, cutting
from .schedule import Schedule
from .stages import Phase, Stage, check_shares, open_stages, phases_in, share_of
from .streams import EpochWindows, Stream

__all__ = ["Batch", "Batches"]

# Steps whose windows are looked up at once, and as many more for each other store.
_STEPS_PER_BLOCK = 64
# Epoch, number and steps of the block that was looked up last, and its windows.
_Block: TypeAlias = tuple[tuple[int, int, int], WindowTokens]


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
        steps: int | None = None,
        phases: Sequence[Phase] = (),
    ) -> None:
        """Set what the batches depend on; no token is read yet.

        Args:
            store: opened; the weights of a mixture are those of its "train" split.
            split: "train" or "val".
            batch_size: B, windows per optimiser step at this context, over all ranks.
            seed: key of the order; see `Permutation`.
            policy: how documents are cut; see policies.py.
            layout: how windows lie in memory; see layouts.py.
            rows: most rows of a pass; None for one pass per step where possible.
            static: use few shapes; see layouts.py.
            context: C, most content tokens of a window.
            stride: s, by which cuts move; divides C.
            rank: which slice of each step to read, 0 <= rank < world_size.
            world_size: number of slices, at most B.
            steps: of the whole run, for the stages of a mixture.
            phases: contexts up to `context` and their first steps, from 0, if any.

        Raises:
            ConfigError: more ranks than windows in a step, or a stage without a step.
        """
        check_shares(batch_size, rows, rank, world_size)
        self.store, self.split, self.steps = store, split, steps
        self.batch_size, self.seed, self.policy = batch_size, seed, policy
        self.layout, self.context, self.stride = layout, context, stride
        self.rank, self.world_size, self.static = rank, world_size, static
        self.documents = store.rows(split)  # of docs.arrow, ascending
        self.schedule = Schedule(self._open_stages(phases))
        """The epochs of the run, and how far each store is before them."""
        self.rows = min(self.share if rows is None else rows, self.share)
        self._block_steps = _STEPS_PER_BLOCK * len(store.first_rows)
        self._ahead: _Block | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """Everything the windows of a step depend on besides (epoch, step)."""
        changing: dict[str, Any] = {}
        if isinstance(self.store, Mixture):
            changing["stores"] = [store.digest for store in self.store.stores]
            changing["stages"] = [[step, *map(str, w)] for step, w in self._mixes()]
        if self.changes_context:
            changing["phases"] = [list(phase) for phase in self.phases]
        return {
            "store": self.store.digest,
            "split": self.split,
            "windows": self.policy,
            "context": self.context,
            "stride": self.stride,
            "order": ORDER_VERSION,
            "seed": self.seed,
            "batch_size": self.batch_size,
            **changing,
        }

    @property
    def share(self) -> int:
        """Most windows of a rank in a step."""
        return max(stage.share(self.world_size) for stage in self.schedule.stages)

    @property
    def phases(self) -> list[tuple[int, int, int]]:
        """The first step, the context and the windows per step of each context."""
        return phases_in(self.schedule.stages)

    @property
    def changes_context(self) -> bool:
        """Whether any step has a context below `context`."""
        return self.phases != [(0, self.context, self.batch_size)]

    @property
    def num_alignments(self) -> int:
        """C / s, epochs until windows lie as in epoch 0 again."""
        return self.context // self.stride

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(documents,) tokens of each."""
        return self.store.length[self.documents]

    @property
    def is_packed(self) -> bool:
        """Whether a row may hold several windows."""
        return self.layout == "packed"

    @property
    def max_positions(self) -> int:
        """Most positions of any batch."""
        return max(
            max_positions(self.layout, **stage.shape(self.world_size, self.rows))
            for stage in self.schedule.stages
        )

    def stage(self, epoch: int) -> Stage:
        """The context and the windows per step of an epoch."""
        return self.schedule.stage(epoch)

    def plan(self, epoch: int) -> EpochWindows:
        """The windows of an epoch over this split's documents."""
        return self.schedule.epoch(epoch)

    def document_windows(self, row: int, epoch: int) -> Windows:
        """The windows of one document in an epoch, whatever its split."""
        if row in self.documents:
            return self.steps_of(row, epoch)[0]
        rows = np.array([row])
        context = self.stage(epoch).context
        return self._streams(rows, [0], context)[0].plan(epoch).all().of(rows)

    def num_steps(self, epoch: int) -> int:
        """Optimiser steps in an epoch; the last one may have fewer windows."""
        return -(-self.plan(epoch).num_windows // self.stage(epoch).batch_size)

    def windows(self, epoch: int, step: int) -> Windows:
        """The windows of one step over all ranks, 0 <= step < num_steps(epoch)."""
        block, part = self._block(epoch, step)
        return block.windows[part]

    def expect(self, epoch: int, step: int) -> None:
        """Have the shards fetched in the order of their first use from a step on."""
        if self.store.is_here:
            return
        order: dict[int, None] = {}
        for first in range(step, self.num_steps(epoch), self._block_steps):
            documents = self._windows(epoch, first, self._block_steps).document
            order |= dict.fromkeys(self.store.shard[documents].tolist())
            if len(order) == len(self.store.shards):
                break
        self.store.expect(order)

    def steps_of(self, row: int, epoch: int) -> tuple[Windows, NDArray[np.int64]]:
        """The windows of a document in an epoch, and the step that trains each.

        Args:
            row: row of docs.arrow of a document in this split.
            epoch: number of the pass.
        """
        index = int(np.searchsorted(self.documents, row))
        if index == len(self.documents) or self.documents[index] != row:
            raise ValueError(f"row {row}: not a document of the {self.split} split")
        plan = self.plan(epoch)
        positions = plan.positions_of(index)
        windows = plan.locate(positions).of(self.documents)
        return windows, positions // self.stage(epoch).batch_size

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
        mine = share_of(everything, self.rank, self.world_size)
        places = arrange(
            block.length[mine],
            self.layout,
            **self.stage(epoch).shape(self.world_size, self.rows),
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

    def _mixes(self) -> list[tuple[int, tuple[Fraction, ...]]]:
        if self.split == "train":
            return self.store.stages_of(self.steps)
        return [(0, (Fraction(1),) * len(self.store.first_rows))]

    def _open_stages(self, phases: Sequence[Phase]) -> list[Stage]:
        first = np.searchsorted(self.documents, self.store.first_rows).tolist()
        return open_stages(
            self._mixes(),
            phases or [(0, self.context)],
            partial(self._streams, self.documents, first),
            self.context,
            self.batch_size,
        )

    def _streams(
        self, rows: NDArray[np.int64], first: list[int], context: int
    ) -> list[Stream]:
        """A stream of each part of some documents; parts begin at `first`."""
        needs_phase = cutting(self.policy).needs_phase
        return [
            Stream(
                start,
                self.store.length[part],
                self.store.phase[part] if needs_phase else None,
                policy=self.policy,
                context=context,
                stride=self.stride,
                seed=self.seed,
            )
            for start, part in zip(first, np.split(rows, first[1:]), strict=True)
        ]

    def _block(self, epoch: int, step: int) -> tuple[WindowTokens, slice]:
        """The block of windows that holds a step, and the step's slice of it."""
        steps = self.num_steps(epoch)
        if not 0 <= step < steps:
            raise IndexError(
                f"step {step} of epoch {epoch}: found no window, "
                f"expected a step in [0, {steps})"
            )
        # While shards arrive, look no further ahead than this step needs.
        size = self._block_steps if self.store.is_here else 1
        key = epoch, step // size, size
        ahead = self._ahead  # read once: another thread may replace it
        if ahead is None or ahead[0] != key:
            found = self._windows(epoch, step // size * size, size)
            ahead = self._ahead = key, WindowTokens(self.store, found)
        windows = self.stage(epoch).batch_size
        first = step % size * windows
        return ahead[1], slice(first, min(first + windows, len(ahead[1])))

    def _windows(self, epoch: int, step: int, steps: int) -> Windows:
        """The windows of so many steps, or of those that the epoch has left."""
        plan, size = self.plan(epoch), self.stage(epoch).batch_size
        stop = min((step + steps) * size, plan.num_windows)
        return plan.locate(np.arange(step * size, stop)).of(self.documents)
