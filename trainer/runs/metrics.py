"""metrics.jsonl: the figures of a run, one JSON object per line.

{"kind": "train", "step": 10, "epoch": 0, "offset": 0, "loss": 8.91, …}
{"kind": "eval", "step": 10, "val_loss": 8.87, "perplexity": 7115.0, …}
{"kind": "samples", "step": 10, "constrained_valid": 1.0, "free_valid": 0.0, …}

If TensorBoard is installed, the same figures also go to RUN/tensorboard.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ...data.files import write_atomic
from ...data.records import signed
from .history import METRICS_NAME, read_lines
from .state import SampleRates, State, Validation
from .tensorboard import open_board

__all__ = ["Metrics", "MetricsLog", "StepRecord"]

Kind = Literal["train", "eval", "samples"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRecord:
    """The steps since the record before this one."""

    step: int
    """Optimiser steps done."""
    epoch: int
    """Epoch of the last of these steps, from 0."""
    offset: int | None
    """At which that epoch first cuts long documents; None if it differs by document."""
    loss: float
    """Nats per token over these steps, each before its update."""
    lr: float
    """Learning rate of the last step."""
    grad_norm: float
    """Norm of the last step's gradient before clipping."""
    targets: int
    """Tokens predicted in these steps, without PAD."""
    tokens: int
    """Tokens predicted since the run began."""
    tokens_per_s: float
    """Targets per second of training, without saving and evaluating."""
    positions_per_s: float
    """The same with PAD: the positions that the device computed."""
    mfu: float
    """Operations on targets as a share of the device's peak."""
    loader_wait: float
    """Share of the training time spent waiting for batches."""
    memory: int
    """Peak bytes in use so far: of the GPU, or of the process."""
    seconds: float
    """Wall time since the run began, without the time between stop and resume."""
    eta: float
    """Seconds to the end of the run, at the pace of this process so far."""


class Metrics:
    """Receives the figures of a run and drops them: for all ranks but the first."""

    def write_step(self, record: StepRecord) -> None:
        """Take the figures of some steps."""

    def write_validation(self, found: Validation, state: State) -> None:
        """Take the figures of the validation split at `state`."""

    def write_samples(self, found: SampleRates, state: State) -> None:
        """Take the shares of finished and of valid samples at `state`."""

    def close(self) -> None:
        """End the record."""


class MetricsLog(Metrics):
    """Writes metrics.jsonl; every line is flushed when its call returns."""

    def __init__(
        self, run_folder: Path, *, since: State, history: Path | None = None
    ) -> None:
        """Keep the lines up to `since`, drop the rest, and append.

        A killed run has written lines after its last checkpoint; resumed, it writes
        them again.

        Args:
            run_folder: for metrics.jsonl.
            since: the state to continue from.
            history: the folder of the run whose lines are kept; None for the same.

        Raises:
            FormatError: an earlier line is damaged.
        """
        path = run_folder / METRICS_NAME
        records = read_lines((history or run_folder) / METRICS_NAME)
        kept = "".join(_line(r) for r in records if _is_before(r, since))
        write_atomic(path, lambda file: file.write(kept.encode()))
        # Line buffered, so that readers of the file see each record at once.
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._board = open_board(run_folder, step=since.step)

    def write_step(self, record: StepRecord) -> None:
        """Append the figures of some steps."""
        self._write("train", record.step, asdict(record))

    def write_validation(self, found: Validation, state: State) -> None:
        """Append the figures of the validation split."""
        self._write("eval", state.step, _at(state) | found.figures())

    def write_samples(self, found: SampleRates, state: State) -> None:
        """Append the shares of finished and of valid samples."""
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
    """Whether JSON cannot hold a number: perplexity overflows before loss does."""
    return isinstance(value, float) and not math.isfinite(value)


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(signed(record)) + "\n"


def _is_before(record: Mapping[str, Any], since: State) -> bool:
    if record["step"] != since.step or record["kind"] == "train":
        return bool(record["step"] <= since.step)
    # A checkpoint is saved before these figures; if it lacks them, the resumed run
    # computes and writes them again.
    made = since.validation if record["kind"] == "eval" else since.samples
    return made is not None
