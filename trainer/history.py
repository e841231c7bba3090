"""What a run has written down so far, for those who look at it afterwards.

A run that is still going on can be read too: a last line that is cut off is left out.
Nothing here loads PyTorch.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.errors import ConfigError, FormatError
from ..data.files import read_json
from .config import Config, from_dict

__all__ = ["CONFIG_NAME", "METRICS_NAME", "History", "Records", "read_history"]

CONFIG_NAME = "config.json"
METRICS_NAME = "metrics.jsonl"


class Records:
    """The lines of one kind, by column."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        """Take lines in the order of their steps."""
        self._lines = lines

    def __len__(self) -> int:
        """Number of lines."""
        return len(self._lines)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """(lines,) one figure of each; inf where it was too large to be written."""
        values = [line.get(name, math.inf) for line in self._lines]
        return np.array(values, dtype=np.float64)


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """One run."""

    folder: Path
    config: Config
    store: str
    """Digest of the store that it learns from."""
    tokens: int
    """Of the training split."""
    windows_per_epoch: tuple[int, int]
    """Fewest and most."""
    train: Records
    """Figures of training; see `StepRecord`."""
    evaluations: Records
    """Figures of the validation split."""

    @property
    def parameters(self) -> int:
        """Numbers that training changes; see model.py."""
        shape = self.config.model
        layers = 12 * shape.layers * shape.width**2
        return layers + 2 * shape.vocab_size * shape.width


def read_history(folder: Path) -> History:
    """Read what a run has written so far.

    Raises:
        ConfigError: the folder holds no run.
        FormatError: a file of it cannot be read.
    """
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise ConfigError(
            f"{folder}: found no {CONFIG_NAME}, expected the folder of a run",
            "give a folder that tct train wrote",
        )
    described = read_json(path)
    lines = _read_lines(folder / METRICS_NAME)
    try:
        fewest, most = described["data"]["windows_per_epoch"]
        return History(
            folder=folder,
            config=from_dict(described["config"]),
            store=described["store"]["digest"],
            tokens=described["data"]["tokens"],
            windows_per_epoch=(fewest, most),
            train=_of_kind("train", lines),
            evaluations=_of_kind("eval", lines),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"{path}: a field is missing or unknown ({error})",
            "use the tct that wrote it",
        ) from error


def _read_lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(_checked(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if number == len(lines) and not line.endswith("\n"):
                break  # it is being written
            raise FormatError(
                f"{path}: line {number} is no record with a kind and a step ({error})",
                "remove this line",
            ) from error
    return found


def _checked(record: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(record["step"], int) or not isinstance(record["kind"], str):
        raise TypeError(f"step {record['step']!r} of kind {record['kind']!r}")
    return record


def _of_kind(kind: str, lines: list[dict[str, Any]]) -> Records:
    return Records([line for line in lines if line["kind"] == kind])
