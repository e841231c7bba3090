"""Where a call of `train` left its run."""

from dataclasses import dataclass
from pathlib import Path

from ..runs.state import Best
from .validate import Evaluation

__all__ = ["TrainReport"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainReport:
    """Where the run stands."""

    store: Path
    """The store that was learnt from."""
    folder: Path
    """The run's folder."""
    checkpoint: Path | None
    """The newest checkpoint; None if a signal came before the first step."""
    step: int
    """Optimiser steps done in all."""
    steps: int
    """Steps of the whole run."""
    is_stopped: bool
    """A signal ended it before its last step or evaluation; it can be resumed."""
    is_new: bool
    """Whether this call did anything: False for a finished run resumed once more."""
    parameters: int
    train_loss: float | None
    """Nats per token in the latest record of metrics.jsonl."""
    validation: Evaluation | None
    """Of the newest weights, where they were evaluated."""
    best: Best | None
    seconds: float
    """Wall time of the run, without the time between stop and resume."""
