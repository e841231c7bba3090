"""metrics.jsonl: the figures of a run, one JSON object per line, always written.

{"kind": "train", "step": 10, "epoch": 0, "offset": 0, "loss": 8.91, …}
{"kind": "eval", "step": 10, "val_loss": 8.87, "perplexity": 7115.0, …}
{"kind": "samples", "step": 10, "constrained_valid": 1.0, "free_valid": 0.0, …}

Where TensorBoard is installed, the same figures also go to RUN/tensorboard.
"""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import torch

from ...data.files import write_atomic
from ...data.records import signed
from ..config import ModelConfig
from ..model.flops import Peak, training_flops
from ..model.memory import peak_memory
from ..training.loader import DeviceBatch
from ..training.step import StepResult
from ..training.validate import Evaluation
from .history import METRICS_NAME, read_lines
from .state import SampleRates, State
from .tensorboard import open_board

__all__ = ["Interval", "Metrics", "MetricsLog", "NoMetrics", "StepRecord"]

Kind = Literal["train", "eval", "samples"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRecord:
    """The steps since the record before this one."""

    step: int
    """Optimiser steps done."""
    epoch: int
    """Epoch of the last of these steps, from 0."""
    offset: int | None
    """Where that epoch first cuts long documents; None if each has its own."""
    loss: float
    """Nats per token over these steps, each before its update."""
    lr: float
    """Learning rate of the last step."""
    grad_norm: float
    """Length of the last step's gradient before clipping."""
    targets: int
    """Tokens predicted in these steps; PAD does not count."""
    tokens: int
    """Tokens predicted since the run began."""
    tokens_per_s: float
    """Targets per second of training; saving and evaluating do not count."""
    positions_per_s: float
    """The same with PAD: what the device computed on."""
    mfu: float
    """Operations on targets as a share of the most that the device can do."""
    loader_wait: float
    """Share of the time of training in which the next batch was not there yet."""
    memory: int
    """Most bytes in use so far: on a GPU its own, else of the process."""
    seconds: float
    """Wall time since the run began, without the time between stop and resume."""
    eta: float
    """Seconds that the rest of the run takes at the pace of this process so far."""


class Interval:
    """The steps since the last record; sums stay on the device until it is written."""

    def __init__(self, model: ModelConfig, peak: Peak, *, world_size: int) -> None:
        """No step yet.

        Args:
            model: whose operations are counted.
            peak: the most that a device can do.
            world_size: number of devices, this one standing for all.
        """
        self.targets = 0
        self._model, self._peak, self._world_size = model, peak, world_size
        self._epoch = 0
        self._offset: int | None = None
        self._lr = self._seconds = self._waited = self._flops = 0.0
        self._positions = 0
        self.steps: list[tuple[int, DeviceBatch, StepResult]] = []
        """Number in the run, batch without its tensors, and figures of each step."""

    def add(
        self,
        step: int,
        result: StepResult,
        batch: DeviceBatch,
        *,
        lr: float,
        began: float,
        waited: float,
    ) -> None:
        """Take in one step.

        Args:
            step: its number in the run, from 1.
            result: of the step.
            batch: that it learnt from.
            lr: its learning rate.
            began: when it began, on the performance counter.
            waited: seconds that it waited for the batch.
        """
        self._waited += waited
        self.targets += result.targets
        self._positions += sum(part.inputs.numel() for part in batch.passes)
        self._flops += training_flops(self._model, batch.windows.length)
        self._epoch, self._offset, self._lr = batch.epoch, batch.offset, lr
        self._seconds += time.perf_counter() - began
        self.steps.append((step, replace(batch, passes=[]), result))

    def record(
        self, *, step: int, tokens: int, seconds: float, eta: float
    ) -> StepRecord:
        """The record of these steps, of which there is at least one."""
        results = [result for *_, result in self.steps]
        nats = torch.stack([result.nats for result in results]).double().sum().item()
        grad_norm = results[-1].grad_norm
        return StepRecord(
            step=step,
            epoch=self._epoch,
            offset=self._offset,
            loss=nats / self.targets,
            lr=self._lr,
            grad_norm=grad_norm.item(),
            targets=self.targets,
            tokens=tokens,
            tokens_per_s=self.targets / self._seconds,
            positions_per_s=self._world_size * self._positions / self._seconds,
            mfu=self._flops / self._seconds / self._peak.flops,
            loader_wait=self._waited / self._seconds,
            memory=peak_memory(grad_norm.device),
            seconds=seconds,
            eta=eta,
        )


class Metrics(Protocol):
    """Where the figures of a run go."""

    def write_step(self, record: StepRecord) -> None:
        """The figures of some steps."""

    def write_evaluation(self, found: Evaluation, state: State) -> None:
        """The figures of the validation split, as the run stands at `state`."""

    def write_samples(self, found: SampleRates, state: State) -> None:
        """How many of the workflows that the model wrote at `state` are valid."""

    def close(self) -> None:
        """No more figures."""


class NoMetrics:
    """Of the processes of a run that do not write."""

    def write_step(self, record: StepRecord) -> None:
        """Nothing."""

    def write_evaluation(self, found: Evaluation, state: State) -> None:
        """Nothing."""

    def write_samples(self, found: SampleRates, state: State) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class MetricsLog:
    """Writes metrics.jsonl; a line is on its way to the disk when `write` returns."""

    def __init__(
        self, run_folder: Path, *, since: State, history: Path | None = None
    ) -> None:
        """Keep what was written up to `since`, drop the rest, and append from there.

        A run that was killed has written further than its checkpoint; resumed, it
        writes those lines again.

        Args:
            run_folder: where metrics.jsonl is written.
            since: where the run stands.
            history: the folder of the run whose lines are kept; None for the same.

        Raises:
            FormatError: a line that was kept so far is damaged.
        """
        path = run_folder / METRICS_NAME
        records = read_lines((history or run_folder) / METRICS_NAME)
        kept = "".join(_line(r) for r in records if _is_before(r, since))
        write_atomic(path, lambda file: file.write(kept.encode()))
        # Line buffered: whoever follows the file sees each record at once.
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._board = open_board(run_folder, step=since.step)

    def write_step(self, record: StepRecord) -> None:
        """Append the figures of some steps."""
        self._write("train", record.step, asdict(record))

    def write_evaluation(self, found: Evaluation, state: State) -> None:
        """Append the figures of the validation split."""
        self._write("eval", state.step, _at(state) | found.figures())

    def write_samples(self, found: SampleRates, state: State) -> None:
        """Append how many of the workflows that the model wrote are valid."""
        self._write("samples", state.step, _at(state) | asdict(found))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        if self._board is not None:
            self._board.close()

    def _write(self, kind: Kind, step: int, figures: Mapping[str, Any]) -> None:
        finite = {k: v for k, v in figures.items() if not _is_endless(v)}
        self._file.write(_line({"kind": kind, **finite}))
        if self._board is not None:
            self._board.add(kind, step, finite)


def _at(state: State) -> dict[str, Any]:
    return {"step": state.step, "tokens": state.tokens, "seconds": state.seconds}


def _is_endless(value: Any) -> bool:
    """Whether JSON has no such number: perplexity overflows before loss does."""
    return isinstance(value, float) and not math.isfinite(value)


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(signed(record)) + "\n"


def _is_before(record: Mapping[str, Any], since: State) -> bool:
    if record["step"] != since.step or record["kind"] == "train":
        return bool(record["step"] <= since.step)
    # A checkpoint is saved before these are made; without them they will be again.
    made = since.validation if record["kind"] == "eval" else since.samples
    return made is not None
