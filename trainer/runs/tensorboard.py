"""The figures of a run for TensorBoard, if it is installed.

`pip install 'tct-workflows[tensorboard]'` brings it, and
`tensorboard --logdir RUN/tensorboard` shows them.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["Board", "open_board"]


class Board:
    """Writes every figure as a scalar "<kind>/<figure>" over steps."""

    def __init__(self, folder: Path, *, step: int) -> None:
        """Append to `folder`, hiding its figures after `step`.

        Nothing is written before the first figure, so a finished run stays unchanged.
        """
        self._folder, self._step = folder, step
        self._writer: Any = None

    def add(self, kind: str, step: int, figures: Mapping[str, Any]) -> None:
        """Write the numeric figures after `step` steps."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=self._step + 1)
        for name, value in figures.items():
            if isinstance(value, int | float) and name != "step":
                self._writer.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        """Flush and close."""
        if self._writer is not None:
            self._writer.close()


def open_board(run_folder: Path, *, step: int) -> Board | None:
    """Open RUN/tensorboard at `step`; None if TensorBoard is not installed."""
    if find_spec("tensorboard") is None:
        return None
    return Board(run_folder / "tensorboard", step=step)
