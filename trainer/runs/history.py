"""Read back config.json and metrics.jsonl of a run.

A run in progress can be read too: an incomplete last line is ignored.  Nothing here
loads PyTorch.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Required, TypedDict

import numpy as np
from numpy.typing import NDArray

from ...data.errors import ConfigError, FormatError
from ...data.files import name_text, parse_json
from ...data.records import RUN_VERSION, read_record, signed_right, typed
from ...data.store.files import KeyInputs
from ..config import Config

__all__ = [
    "CONFIG_NAME",
    "METRICS_NAME",
    "History",
    "Records",
    "RunRecord",
    "RunStore",
    "read_history",
    "read_lines",
    "read_run",
    "run_names",
]

CONFIG_NAME = "config.json"
METRICS_NAME = "metrics.jsonl"

# Required figures of each kind of record.
_NEEDED = {
    "train": ("step", "tokens", "targets", "tokens_per_s", "loss"),
    "eval": ("step", "tokens", "val_tokens", "val_loss", "bits_per_byte"),
}
_DIVISORS = ("tokens_per_s", "bits_per_byte")


class Records:
    """The lines of one kind, by column."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        """Take lines in the order of their steps."""
        self._lines = lines

    def __len__(self) -> int:
        """Number of lines."""
        return len(self._lines)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """(lines,) one figure of each line; inf if it was too large to be written."""
        values = [line.get(name, math.inf) for line in self._lines]
        return np.array(values, dtype=np.float64)


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The configuration and the figures of one run."""

    folder: Path
    config: Config
    store: str
    """Digest of the store."""
    tokens: int
    """Of the training split."""
    windows_per_epoch: tuple[int, int]
    """Fewest and most."""
    train: Records
    """Figures of training; see `StepRecord`."""
    evaluations: Records
    """Figures of the validation split; see `Validation`."""


class _Data(TypedDict):
    tokens: int
    windows_per_epoch: tuple[int, int]


class _Counts(TypedDict):
    documents: int
    tokens: int
    bytes: int


class RunStore(TypedDict, total=False):
    """Facts of the store in config.json; older runs lack some of them."""

    name: Required[str]
    digest: Required[str]
    stores: dict[str, str]
    uris: dict[str, str]
    weights: list[list[str]]
    groups: dict[str, int]
    key_inputs: KeyInputs
    splits: dict[str, _Counts]
    on_schema: int
    rejects: dict[str, int]


class RunRecord(TypedDict):
    """RUN/config.json."""

    config: Config
    data: _Data
    store: RunStore


def read_run(folder: Path) -> RunRecord:
    """Read config.json: the settings of a run and the facts of its store.

    Raises:
        FormatError: it is missing or damaged, or holds values that do not fit.
    """
    path = folder / CONFIG_NAME
    hint = "continue with tct train --resume, which rewrites it"
    if not path.is_file():
        raise FormatError(f"{path}: missing, expected a file", hint)
    found = read_record(path, name="run", version=RUN_VERSION, remake=hint)
    try:
        run = typed(RunRecord, found, "run")
        if (tokens := run["data"]["tokens"]) < 1:
            raise ValueError(f"run.data.tokens: found {tokens:,}, expected 1 or more")
        return run
    except (ValueError, ConfigError) as error:
        raise FormatError(f"{path}: {error}", f"restore it, or {hint}") from error


def read_history(folder: Path) -> History:
    """Read the settings and the figures of a run.

    Raises:
        ConfigError: the folder holds no run.
        FormatError: a file cannot be read.
    """
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise ConfigError(
            f"{folder}: found no {CONFIG_NAME}, expected the folder of a run",
            "give a folder that tct train wrote",
        )
    run, lines = read_run(folder), read_lines(folder / METRICS_NAME)
    return History(
        folder=folder,
        config=run["config"],
        store=run["store"]["digest"],
        tokens=run["data"]["tokens"],
        windows_per_epoch=run["data"]["windows_per_epoch"],
        train=_of_kind("train", lines),
        evaluations=_of_kind("eval", lines),
    )


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of metrics.jsonl; none if there is no such file.

    Raises:
        FormatError: a line is not a record, or is damaged.
    """
    if not path.is_file():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(_checked(parse_json(line)))
        except ValueError as error:
            if number == len(lines) and not line.endswith(b"\n"):
                break  # it is being written
            raise FormatError(
                f"{path}: line {number} is not a record with a kind and a step "
                f"({error})",
                "remove this line",
            ) from error
    return found


def _checked(record: Any) -> dict[str, Any]:
    """Check a record; returns it without its sha256, which older lines lack."""
    if "sha256" in typed(dict[str, Any], record, "record"):
        if not signed_right(record):
            raise ValueError("its sha256 does not match its figures")
        del record["sha256"]
    kind = typed(str, record.pop("kind", None), "kind")
    figures = typed(dict[str, float | None], record, "record")
    for name in _NEEDED.get(kind, ("step",)):
        found = figures.get(name)
        if found is None or found < 0 or (found == 0 and name in _DIVISORS):
            raise ValueError(f"{name}: found {found!r}, expected a number above 0")
    typed(int, record["step"], "step")
    return {"kind": kind, **record}


def _of_kind(kind: str, lines: list[dict[str, Any]]) -> Records:
    return Records([line for line in lines if line["kind"] == kind])


def run_names(folders: Sequence[Path]) -> list[str]:
    """Name runs by their folders; by their paths if two folders share a name."""
    names = [name_text(folder.resolve().name) for folder in folders]
    counts = Counter(names)
    return [
        name if counts[name] == 1 else name_text(folder)
        for name, folder in zip(names, folders, strict=True)
    ]
