"""Where a run stands: the small half of a checkpoint, as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

from ...data.errors import CheckpointError, ConfigError, CorruptError, FormatError
from ...data.records import read_record, typed, write_record
from ..config import Config
from ..training.validate import Evaluation

__all__ = [
    "DAMAGED",
    "STATE_NAME",
    "Best",
    "SampleRates",
    "State",
    "read_state_file",
    "write_state",
]

STATE_VERSION = 4
STATE_NAME = "state.json"

DAMAGED = "remove this folder to go on from the checkpoint before it"
"""What to do about a checkpoint that cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleRates:
    """Shares of the workflows that a model wrote at one step."""

    constrained_finished: float
    """Under the masks: closed by the model rather than by the end of its budget."""
    constrained_valid: float
    """Under the masks: on the schema, which all are."""
    free_finished: float
    """Without masks: a whole JSON document."""
    free_valid: float
    """Without masks: a whole document on the schema."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Best:
    """The evaluation with the lowest validation loss so far."""

    step: int
    loss: float


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """Where a run stands after a number of optimiser steps, and what it belongs to."""

    config: Config
    tokenizer_digest: str
    loader: dict[str, Any]
    """Which batch comes next, and of what data; see `Loader.state_dict`."""
    step: int = 0
    """Optimiser steps done."""
    tokens: int = 0
    """Targets of all these steps."""
    seconds: float = 0.0
    """Wall time of the run up to here."""
    train_loss: float | None = None
    """Nats per token in the latest record of metrics.jsonl."""
    validation: Evaluation | None = None
    """Of the weights at this very step; None where they were not evaluated."""
    samples: SampleRates | None = None
    """Of the weights at this very step; None where they wrote none."""
    best: Best | None = None
    branched_from: str | None = None
    """Path of the other run's checkpoint that this one began with."""

    def __post_init__(self) -> None:
        """Refuse counts that nothing can have."""
        if min(self.step, self.tokens) < 0:
            raise ValueError(f"step {self.step:,} after {self.tokens:,} tokens")

    def after_step(self, loader: dict[str, Any], *, targets: int) -> "State":
        """The state one optimiser step later, which predicted `targets` tokens."""
        return replace(
            self,
            step=self.step + 1,
            tokens=self.tokens + targets,
            loader=loader,
            validation=None,
            samples=None,
        )

    def after_evaluation(self, validation: Evaluation) -> "State":
        """The state with the figures of its weights."""
        best = self.best
        if best is None or validation.loss < best.loss:
            best = Best(step=self.step, loss=validation.loss)
        return replace(self, validation=validation, best=best)


def write_state(folder: Path, state: State, files: Mapping[str, str]) -> None:
    """Write state.json, atomically; `files` maps names to sha256."""
    content = {"state": asdict(state), "files": dict(files)}
    path = folder / STATE_NAME
    write_record(path, content, name="checkpoint", version=STATE_VERSION)


def read_state_file(folder: Path) -> tuple[State, dict[str, str]]:
    """The state and the sha256 of the other files, as `write_state` got them.

    Raises:
        CheckpointError: no state.json of this version, or not as it was written.
    """
    path = folder / STATE_NAME
    try:
        values = read_record(
            path, name="checkpoint", version=STATE_VERSION, remake=DAMAGED
        )
        content = typed(_Content, values, "checkpoint")
    except FormatError as error:
        is_damaged = isinstance(error, CorruptError)
        hint = DAMAGED if is_damaged else error.hint
        raise CheckpointError(error.problem, hint) from error
    except (OSError, ValueError, ConfigError) as error:
        raise CheckpointError(f"{path}: not readable ({error})", DAMAGED) from error
    return content["state"], content["files"]


class _Content(TypedDict):
    state: State
    files: dict[str, str]
