"""The state of a run, and state.json, which holds it in a checkpoint."""

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from ...data.errors import CheckpointError, ConfigError, CorruptError, FormatError
from ...data.records import read_record, typed, write_record
from ..config import Config

__all__ = [
    "DAMAGED",
    "STATE_NAME",
    "Best",
    "SampleRates",
    "State",
    "Validation",
    "read_state_file",
    "write_state",
]

STATE_VERSION = 4
STATE_NAME = "state.json"

DAMAGED = "remove this folder to resume from the checkpoint before it"
"""The hint for a checkpoint that cannot be read."""

_MOST_NATS = math.log(sys.float_info.max)


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """How well a model predicts a whole split, each token counted once.

    Bits per byte compare across tokenizers: the cost of sending the documents'
    canonical JSON with this model, per byte.
    """

    nats: float
    """Sum of the loss over all tokens."""
    tokens: int
    documents: int
    canonical_bytes: int
    """Length of the documents' canonical JSON."""
    stores: dict[str, "Validation"] = field(default_factory=dict)
    """Of each store of a mixture, by name; empty for a single store."""

    def __post_init__(self) -> None:
        """Refuse counts below 1."""
        if min(self.tokens, self.documents, self.canonical_bytes) < 1:
            raise ValueError(f"{self}: expected counts above 0")

    @staticmethod
    def of_all(stores: dict[str, "Validation"]) -> "Validation":
        """The figures of several stores together."""
        found = stores.values()
        return Validation(
            nats=sum(each.nats for each in found),
            tokens=sum(each.tokens for each in found),
            documents=sum(each.documents for each in found),
            canonical_bytes=sum(each.canonical_bytes for each in found),
            stores=stores,
        )

    @property
    def loss(self) -> float:
        """Nats per token."""
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """Equally likely choices per token: e to the loss."""
        return math.exp(self.loss) if self.loss < _MOST_NATS else math.inf

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of canonical JSON."""
        return self.nats / math.log(2) / self.canonical_bytes

    @property
    def nats_per_document(self) -> float:
        """Nats per document."""
        return self.nats / self.documents

    def figures(self) -> dict[str, Any]:
        """The figures by name, for metrics.jsonl: `val_loss`, and `val_loss/STORE`."""
        return {
            "val_loss": self.loss,
            "perplexity": self.perplexity,
            "bits_per_byte": self.bits_per_byte,
            "nats_per_document": self.nats_per_document,
            "val_tokens": self.tokens,
            **{
                f"{figure}/{name}": value
                for name, store in self.stores.items()
                for figure, value in (
                    ("val_loss", store.loss),
                    ("bits_per_byte", store.bits_per_byte),
                )
            },
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleRates:
    """Shares of the samples written at one step."""

    constrained_finished: float
    """Under the masks: closed by the model, not by its token budget."""
    constrained_valid: float
    """Under the masks: on the schema, always 1."""
    free_finished: float
    """Without masks: a whole JSON document."""
    free_valid: float
    """Without masks: a whole document on the schema."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Best:
    """The lowest validation loss so far."""

    step: int
    loss: float


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """The state of a run after `step` optimiser steps."""

    config: Config
    tokenizer_digest: str
    loader: dict[str, Any]
    """The next batch and the identity of the data; see `Loader.state_dict`."""
    step: int = 0
    """Optimiser steps done."""
    tokens: int = 0
    """Targets of all these steps."""
    seconds: float = 0.0
    """Wall time of the run up to here."""
    train_loss: float | None = None
    """Nats per token in the latest record of metrics.jsonl."""
    validation: Validation | None = None
    """Of the weights at this step; None if they were not evaluated."""
    samples: SampleRates | None = None
    """Of the weights at this step; None if they wrote none."""
    best: Best | None = None
    branched_from: str | None = None
    """Path of the checkpoint, of another run, that this run began with."""

    def __post_init__(self) -> None:
        """Refuse negative counts."""
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

    def after_validation(self, validation: Validation) -> "State":
        """The same state with the figures of its weights."""
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
    """Read the arguments of `write_state` back: the state, and files' sha256.

    Raises:
        CheckpointError: state.json is missing, damaged, or of another version.
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
