"""Batches on the device, made ahead of the steps that need them.

    producer thread                                     the training loop
    Batches.batch ─▶ pinned slot ─(copy stream)─▶ device ─▶ inputs, targets

One thread copies windows into a ring of pinned slots and sends them on a stream of its
own; two bytes per id travel, and inputs and targets are made on the device.  Events
order both sides: a slot is filled again only when its copy has ended, and its device
half is overwritten only when the step's tensors were made from it.  On a CPU the ring
is the same, without pinning and streams.  No worker processes: they would send batches
through pickles, which costs more than making them.

The state is two integers, the epoch and the step of the batch that comes next, and what
they are numbers of.  It counts what was handed out, not what was made ahead.
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

__all__ = ["DeviceBatch", "Loader", "Pass"]

_SLOTS = 4

Position = tuple[int, int]
"""Epoch and step of a batch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """One forward pass of a step; see layouts.py."""

    inputs: Tensor
    """(b, T) int64, PAD where no window is."""
    targets: Tensor
    """(b, T) int64, IGNORE_INDEX where there is nothing to predict."""
    bounds: Tensor | None
    """If rows hold several windows: (S + 1,) int32, where the stretches of the b * T
    positions begin and end that must not see each other.  The last ones are empty, so
    that S is the same in every step.  None if causal attention in rows is enough."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceBatch:
    """What one rank computes in one optimiser step."""

    epoch: int
    step: int
    """Number of the step in its epoch, from 0."""
    offset: int | None
    """Where the epoch first cuts long documents; None if each has its own."""
    windows: Windows
    """`document` is a row of docs.arrow."""
    num_targets: int
    """Targets of the whole step, the passes of all ranks together."""
    passes: list[Pass]


class Loader(Iterator[DeviceBatch]):
    """Hands out batches in order, epoch after epoch, without end.

    Use it in a `with` block, or `close` it: a thread works ahead.
    """

    def __init__(self, batches: Batches, device: torch.device) -> None:
        """Begin at the first step of epoch 0; nothing is made until `next`.

        Raises:
            ConfigError: there is no window in any epoch.
        """
        self.batches, self.device = batches, device
        self.waited = 0.0
        """Seconds in which a batch was asked for that was not there yet."""
        self._position = _at_or_after(batches, 0, 0)
        self._thread: Thread | None = None
        self._free: SimpleQueue[_Slot | None]
        self._ready: SimpleQueue[tuple[_Slot, Batch, Position] | BaseException]

    def __next__(self) -> DeviceBatch:
        """The batch of the next step."""
        if self._thread is None:
            self._start()
        begun = time.perf_counter()
        made = self._ready.get()
        self.waited += time.perf_counter() - begun
        if isinstance(made, BaseException):
            self.close()
            raise made
        slot, batch, self._position = made
        passes = slot.take(batch)
        self._free.put(slot)
        return DeviceBatch(
            epoch=batch.epoch,
            step=batch.step,
            offset=batch.offset,
            windows=batch.windows,
            num_targets=batch.num_targets,
            passes=passes,
        )

    def state_dict(self) -> dict[str, Any]:
        """Where the next batch stands, and in what; plain values for JSON."""
        epoch, step = self._position
        return {"epoch": epoch, "step": step, **self.batches.identity}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another loader's `state_dict` was taken.

        The number of ranks, the layout and the device may be others.

        Raises:
            CheckpointError: the state is of other data, or in another order.
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
                    "restore it, or go on from another checkpoint",
                )
        self.close()
        self._position = _at_or_after(self.batches, state["epoch"], state["step"])

    def close(self) -> None:
        """Stop the thread; batches that it made ahead are made again when needed."""
        if self._thread is not None:
            self._free.put(None)
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        """The loader itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _start(self) -> None:
        self._free, self._ready = SimpleQueue(), SimpleQueue()
        for slot in _make_slots(self.batches, self.device):
            self._free.put(slot)
        self._thread = Thread(
            target=self._produce, args=(self._position,), name="loader", daemon=True
        )
        self._thread.start()

    def _produce(self, position: Position) -> None:
        """The thread: fill free slots until there is a None among them."""
        try:
            while (slot := self._free.get()) is not None:
                batch = slot.fill(self.batches, position)
                epoch, step = position
                position = _at_or_after(self.batches, epoch, step + 1)
                self._ready.put((slot, batch, position))
        except BaseException as error:  # handed to whoever waits in __next__
            self._ready.put(error)


class _Slot:
    """Room for one batch in the memory of the host."""

    def __init__(self, batches: Batches, *, pinned: bool = False) -> None:
        """Allocate for the largest batch."""
        # Inputs, then the last tokens.  Ids end at 8,192, so int16 reads the same
        # numbers as uint16, and every PyTorch computes with it.
        size = batches.max_positions + batches.share
        self.ids = torch.empty(size, dtype=torch.int16, pin_memory=pinned)
        self.ends = torch.empty(batches.share, dtype=torch.int64, pin_memory=pinned)
        # A pass has a stretch for each of its windows and for the PAD of each row.
        num_passes = -(-batches.share // batches.rows) if batches.is_packed else 0
        bounds = num_passes, batches.share + batches.rows + 1
        self.bounds = torch.empty(bounds, dtype=torch.int32, pin_memory=pinned)
        self._ids = self.ids.numpy().view(np.uint16)

    def fill(self, batches: Batches, position: Position) -> Batch:
        """Make the batch of a position here."""
        batch = batches.batch(*position, out=self._ids)
        inputs, windows = len(batch.inputs), len(batch.windows)
        self._ids[inputs : inputs + windows] = batch.last
        self.ends.numpy()[:windows] = batch.ends
        if batches.is_packed:
            spans = batch.arrangement.spans(batch.windows.length.tolist())
            for row, of_pass in zip(self.bounds.numpy(), spans, strict=False):
                row[0], row[len(of_pass) :] = 0, sum(of_pass)
                np.cumsum(of_pass, out=row[1 : len(of_pass) + 1])
        return batch

    def take(self, batch: Batch) -> list[Pass]:
        """The batch's tensors; the slot can be filled again."""
        return _passes(batch, self.ids, self.ends, self.bounds)


class _CudaSlot(_Slot):
    """Room for one batch in pinned memory, and on the device."""

    def __init__(
        self, batches: Batches, device: torch.device, stream: torch.cuda.Stream
    ) -> None:
        """Allocate for the largest batch; copies go through `stream`."""
        super().__init__(batches, pinned=True)
        self._stream = stream
        self._device_ids = torch.empty_like(self.ids, device=device)
        self._device_ends = torch.empty_like(self.ends, device=device)
        self._device_bounds = torch.empty_like(self.bounds, device=device)
        self._copied, self._taken = _event(), _event()

    def fill(self, batches: Batches, position: Position) -> Batch:
        """Make the batch of a position here, and send it off."""
        self._copied.synchronize()  # the copy before may still be reading
        batch = super().fill(batches, position)
        used, windows = len(batch.inputs) + len(batch.windows), len(batch.windows)
        with torch.cuda.stream(self._stream):
            self._stream.wait_event(self._taken)
            self._device_ids[:used].copy_(self.ids[:used], non_blocking=True)
            self._device_ends[:windows].copy_(self.ends[:windows], non_blocking=True)
            self._device_bounds.copy_(self.bounds, non_blocking=True)
            self._copied.record(self._stream)
        return batch

    def take(self, batch: Batch) -> list[Pass]:
        """The batch's tensors, in the order of the current stream."""
        current = torch.cuda.current_stream(self._device_ids.device)
        current.wait_event(self._copied)
        passes = _passes(
            batch, self._device_ids, self._device_ends, self._device_bounds
        )
        self._taken.record(current)
        return passes


def _make_slots(batches: Batches, device: torch.device) -> list[_Slot]:
    if device.type == "cuda":
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        return [_CudaSlot(batches, device, stream) for _ in range(_SLOTS)]
    return [_Slot(batches) for _ in range(_SLOTS)]


def _event() -> torch.cuda.Event:
    return torch.cuda.Event()  # type: ignore[no-untyped-call]


def _passes(batch: Batch, ids: Tensor, ends: Tensor, bounds: Tensor) -> list[Pass]:
    """Inputs and targets from the ids of a slot, on its device."""
    size, windows = len(batch.inputs), len(batch.windows)
    short = ids[:size]  # widened last: a quarter of the bytes until then
    targets = torch.empty_like(short)
    targets[:-1] = short[1:]
    targets[ends[:windows]] = ids[size : size + windows]
    targets.masked_fill_(short == PAD, IGNORE_INDEX)
    inputs, targets = short.to(torch.int64), targets.to(torch.int64)
    shapes = batch.arrangement.passes
    sizes = [rows * width for rows, width in shapes]
    stretches = bounds[: len(shapes)].clone() if len(bounds) else [None] * len(shapes)
    return [
        Pass(inputs=x.view(shape), targets=y.view(shape), bounds=bounds_of_pass)
        for x, y, shape, bounds_of_pass in zip(
            torch.split(inputs, sizes),
            torch.split(targets, sizes),
            shapes,
            stretches,
            strict=True,
        )
    ]


def _at_or_after(batches: Batches, epoch: int, step: int) -> Position:
    """This position, or the first step of the next epoch that has one.

    Under the policy `original` an epoch can be empty.
    """
    if step < batches.num_steps(epoch):
        return epoch, step
    for following in range(epoch + 1, epoch + 1 + batches.num_alignments):
        if batches.num_steps(following):
            return following, 0
    raise ConfigError(
        f"{batches.store.folder}: found no window in the {batches.split} split, "
        "expected at least one",
        "prepare a store from more documents",
    )
