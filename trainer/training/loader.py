"""Batches on the device, prefetched by a thread.

    producer thread                                     the training loop
    Batches.batch ─▶ pinned slot ─(copy stream)─▶ device ─▶ inputs, targets

One thread copies windows into a ring of pinned slots and sends them on a stream of its
own; two bytes per id travel, and the device expands them to inputs and targets.  Events
order both sides: a slot is refilled only after its copy has ended, and its device half
is overwritten only after the step's tensors were made from it.  On a CPU the ring is
the same, without pinning and streams.  There are no worker processes: pickling a batch
costs more than making it.

The state is the epoch and the step of the next batch, and the identity of the data.  It
counts batches handed out, not batches prefetched.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ...data.errors import CheckpointError, ConfigError
from ...data.tokenizer import PAD
from ...data.windows import Windows
from ...data.windows.batches import Batch, Batches
from ..model import IGNORE_INDEX

__all__ = ["DeviceBatch", "Loader", "MicroBatch"]

_SLOTS = 4

Position = tuple[int, int]  # epoch and step of a batch


@dataclass(frozen=True, kw_only=True, slots=True)
class MicroBatch:
    """The input of one forward pass of a step; see layouts.py."""

    inputs: Tensor
    """(b, T) int64, PAD outside windows."""
    targets: Tensor
    """(b, T) int64, IGNORE_INDEX where there is none."""
    bounds: Tensor | None
    """If rows hold several windows: (S + 1,) int32, the limits of the stretches of the
    b * T positions that must not attend to each other.  The last ones are empty, so
    that S is the same in every step.  None if causal attention in rows is enough."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceBatch:
    """One rank's share of one optimiser step."""

    epoch: int
    step: int
    """Number of the step in its epoch, from 0."""
    offset: int | None
    """At which the epoch first cuts long documents; None if it differs by document."""
    windows: Windows
    """`document` is a row of docs.arrow."""
    num_targets: int
    """Targets of the whole step, over all ranks."""
    micro_batches: list[MicroBatch]


class Loader(Iterator[DeviceBatch]):
    """Yields batches in order, epoch after epoch, without end.

    Use it in a `with` block, or `close` it: it owns a thread.
    """

    def __init__(self, batches: Batches, device: torch.device) -> None:
        """Begin at the first step of epoch 0; the thread starts at the first `next`.

        Raises:
            ConfigError: there is no window in any epoch.
        """
        self.batches, self.device = batches, device
        self.waited = 0.0  # seconds that `next` waited for batches
        self._position = _at_or_after(batches, 0, 0)
        self._thread: Thread | None = None
        self._free: SimpleQueue[_Slot | None]
        self._ready: SimpleQueue[tuple[_Slot, Batch, Position] | BaseException]

    def __next__(self) -> DeviceBatch:
        """Take the batch of the next step."""
        if self._thread is None:
            self._start()
        begun = time.perf_counter()
        made = self._ready.get()
        self.waited += time.perf_counter() - begun
        if isinstance(made, BaseException):
            self.close()
            raise made
        slot, batch, self._position = made
        found = DeviceBatch(
            epoch=batch.epoch,
            step=batch.step,
            offset=batch.offset,
            windows=batch.windows,
            num_targets=batch.num_targets,
            micro_batches=slot.take(batch),
        )
        self._free.put(slot)
        return found

    def state_dict(self) -> dict[str, Any]:
        """Position of the next batch and identity of the data, as JSON values."""
        epoch, step = self._position
        return {"epoch": epoch, "step": step, **self.batches.identity}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from another loader's `state_dict`.

        The number of ranks, the layout and the device may differ.

        Raises:
            CheckpointError: the state is of other data, or of another order.
        """
        for name, expected in self.batches.identity.items():
            if state.get(name) != expected:
                raise CheckpointError(
                    f"loader state: {name} is {state.get(name)!r}, "
                    f"but these batches have {expected!r}",
                    "give the store and the settings that the run was started with",
                )
        for name in ("epoch", "step"):
            number = state.get(name)
            if type(number) is not int or not 0 <= number < 1 << 62:
                raise CheckpointError(
                    f"loader state: {name} is {number!r}, expected 0 or more",
                    "restore it, or resume from another checkpoint",
                )
        self.close()
        self._position = _at_or_after(self.batches, state["epoch"], state["step"])

    def close(self) -> None:
        """Stop the thread and drop its prefetched batches; `next` restarts it."""
        if self._thread is not None:
            self._free.put(None)
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self) -> None:
        self.batches.expect(*self._position)
        self._free, self._ready = SimpleQueue(), SimpleQueue()
        for slot in _make_slots(self.batches, self.device):
            self._free.put(slot)
        self._thread = Thread(
            target=self._produce, args=(self._position,), name="loader", daemon=True
        )
        self._thread.start()

    def _produce(self, position: Position) -> None:
        """Fill free slots, in the thread, until one of them is None."""
        try:
            while (slot := self._free.get()) is not None:
                batch = slot.fill(self.batches, position)
                epoch, step = position
                position = _at_or_after(self.batches, epoch, step + 1)
                self._ready.put((slot, batch, position))
        except BaseException as error:  # handed to whoever waits in __next__
            self._ready.put(error)


class _Slot:
    """A buffer for one batch in host memory."""

    def __init__(self, batches: Batches, *, pinned: bool = False) -> None:
        """Allocate for the largest batch."""
        # Inputs, then last tokens.  Ids are at most 8,192, so int16, which every
        # PyTorch computes with, reads the same numbers as uint16.
        size = batches.max_positions + batches.share
        self.ids = torch.empty(size, dtype=torch.int16, pin_memory=pinned)
        self.ends = torch.empty(batches.share, dtype=torch.int64, pin_memory=pinned)
        # A micro-batch has a stretch for each window and for the PAD of each row.
        num = -(-batches.share // batches.rows) if batches.is_packed else 0
        shape = num, batches.share + batches.rows + 1
        self.bounds = torch.empty(shape, dtype=torch.int32, pin_memory=pinned)
        self._ids = self.ids.numpy().view(np.uint16)

    def fill(self, batches: Batches, position: Position) -> Batch:
        """Write the batch of a position into the buffer."""
        batch = batches.batch(*position, out=self._ids)
        inputs, windows = len(batch.inputs), len(batch.windows)
        self._ids[inputs : inputs + windows] = batch.last
        self.ends.numpy()[:windows] = batch.ends
        if batches.is_packed:
            spans = batch.arrangement.spans(batch.windows.length.tolist())
            for row, lengths in zip(self.bounds.numpy(), spans, strict=False):
                row[0], row[len(lengths) :] = 0, sum(lengths)
                np.cumsum(lengths, out=row[1 : len(lengths) + 1])
        return batch

    def take(self, batch: Batch) -> list[MicroBatch]:
        """Make the batch's tensors; the slot can then be filled again."""
        return _micro_batches(batch, self.ids, self.ends, self.bounds)


class _CudaSlot(_Slot):
    """A buffer for one batch in pinned memory and on the device."""

    def __init__(
        self, batches: Batches, device: torch.device, stream: torch.cuda.Stream
    ) -> None:
        """Allocate for the largest batch; copies run on `stream`."""
        super().__init__(batches, pinned=True)
        self._stream = stream
        self._device_ids = torch.empty_like(self.ids, device=device)
        self._device_ends = torch.empty_like(self.ends, device=device)
        self._device_bounds = torch.empty_like(self.bounds, device=device)
        self._copied, self._taken = _event(), _event()

    def fill(self, batches: Batches, position: Position) -> Batch:
        """Write the batch of a position into the buffer, and start its copy."""
        self._copied.synchronize()  # the previous copy may still be reading
        batch = super().fill(batches, position)
        used, windows = len(batch.inputs) + len(batch.windows), len(batch.windows)
        with torch.cuda.stream(self._stream):
            self._stream.wait_event(self._taken)
            self._device_ids[:used].copy_(self.ids[:used], non_blocking=True)
            self._device_ends[:windows].copy_(self.ends[:windows], non_blocking=True)
            self._device_bounds.copy_(self.bounds, non_blocking=True)
            self._copied.record(self._stream)
        return batch

    def take(self, batch: Batch) -> list[MicroBatch]:
        """Make the batch's tensors, ordered by the current stream."""
        current = torch.cuda.current_stream(self._device_ids.device)
        current.wait_event(self._copied)
        tensors = self._device_ids, self._device_ends, self._device_bounds
        micro_batches = _micro_batches(batch, *tensors)
        self._taken.record(current)
        return micro_batches


def _make_slots(batches: Batches, device: torch.device) -> list[_Slot]:
    if device.type != "cuda":
        return [_Slot(batches) for _ in range(_SLOTS)]
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    return [_CudaSlot(batches, device, stream) for _ in range(_SLOTS)]


def _event() -> torch.cuda.Event:
    return torch.cuda.Event()  # type: ignore[no-untyped-call]


def _micro_batches(
    batch: Batch, ids: Tensor, ends: Tensor, bounds: Tensor
) -> list[MicroBatch]:
    """Make inputs and targets from the ids of a slot, on its device."""
    size, windows = len(batch.inputs), len(batch.windows)
    short = ids[:size]  # widened last: a quarter of the memory traffic until then
    targets = torch.empty_like(short)
    targets[:-1] = short[1:]
    targets[ends[:windows]] = ids[size : size + windows]
    targets.masked_fill_(short == PAD, IGNORE_INDEX)
    inputs, targets = short.to(torch.int64), targets.to(torch.int64)
    shapes = batch.arrangement.passes
    sizes = [rows * width for rows, width in shapes]
    limits = bounds[: len(shapes)].clone() if len(bounds) else [None] * len(shapes)
    parts = torch.split(inputs, sizes), torch.split(targets, sizes), shapes, limits
    return [
        MicroBatch(inputs=x.view(shape), targets=y.view(shape), bounds=limit)
        for x, y, shape, limit in zip(*parts, strict=True)
    ]


def _at_or_after(batches: Batches, epoch: int, step: int) -> Position:
    """This position, or the first step of the next epoch that has a step.

    Under the policy `original`, or with small weights, an epoch can be empty.
    """
    if step < batches.num_steps(epoch):
        return epoch, step
    for following in range(epoch + 1, epoch + 2 + batches.schedule.most_empty):
        if batches.num_steps(following):
            return following, 0
    raise ConfigError(
        f"{batches.store.folder}: found no window in the {batches.split} split, "
        "expected at least one",
        "prepare a store from more documents",
    )
