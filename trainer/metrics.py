"""metrics.jsonl: the figures of a run, one JSON object per line, always written.

{"kind": "train", "step": 10, "epoch": 0, "offset": 0, "loss": 8.91, …}
{"kind": "eval", "step": 10, "val_loss": 8.87, "perplexity": 7115.0, …}
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ..data.files import write_atomic
from .evaluate import Evaluation
from .state import State

__all__ = ["MetricsLog", "StepRecord"]


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
    tokens_per_s: float
    """Targets per second of training; saving and evaluating do not count."""
    loader_wait: float
    """Share of that time in which the next batch was not there yet."""
    seconds: float
    """Wall time since the run began, without the time between stop and resume."""


class MetricsLog:
    """Writes metrics.jsonl; a line is on its way to the disk when `write` returns."""

    def __init__(self, path: Path, *, since: State) -> None:
        """Keep what was written up to `since`, drop the rest, and append from there.

        A run that was killed has written further than its checkpoint; resumed, it
        writes those lines again.
        """
        kept = "".join(line for line in _lines(path) if _is_before(line, since))
        write_atomic(path, lambda file: file.write(kept.encode()))
        # Line buffered: whoever follows the file sees each record at once.
        self._file = path.open("a", buffering=1, encoding="utf-8")

    def write_step(self, record: StepRecord) -> None:
        """Append the figures of some steps."""
        self._write("train", asdict(record))

    def write_evaluation(
        self, evaluation: Evaluation, *, step: int, seconds: float
    ) -> None:
        """Append the figures of the validation split after `step` steps."""
        self._write("eval", {"step": step, **evaluation.figures(), "seconds": seconds})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, kind: Literal["train", "eval"], figures: dict[str, Any]) -> None:
        self._file.write(json.dumps({"kind": kind, **figures}) + "\n")


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    return path.read_text(encoding="utf-8").splitlines(keepends=True)


def _is_before(line: str, since: State) -> bool:
    try:
        record = json.loads(line)
    except ValueError:
        return False  # cut off in the middle by a kill
    if record["step"] != since.step or record["kind"] == "train":
        return bool(record["step"] <= since.step)
    # A checkpoint is saved before it is evaluated; without figures it will be again.
    return since.validation is not None
