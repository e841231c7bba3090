"""Progress of a long job, as the job reports it; `bars.py` shows it."""

import sys
from typing import Protocol

from .visible import visible

__all__ = ["Progress", "SilentProgress", "print_note"]


class Progress(Protocol):
    """Receives the progress of a job, stage by stage."""

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage of `total` steps; None if unknown."""

    def advance(self, steps: int = 1) -> None:
        """Count steps of the current stage as done."""


class SilentProgress:
    """Shows nothing."""

    def stage(self, name: str, total: int | None) -> None:
        """Nothing."""

    def advance(self, steps: int = 1) -> None:
        """Nothing."""


def print_note(text: str) -> None:
    """Print a line on stderr, above the bars if there are any."""
    print(visible(text), file=sys.stderr, flush=True)
