"""Progress of a long job, as the job tells it; `bars.py` shows it."""

from typing import Protocol

__all__ = ["Progress", "SilentProgress"]


class Progress(Protocol):
    """What a job tells about itself, stage by stage."""

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage of `total` steps, None if that is not known."""

    def advance(self, steps: int = 1) -> None:
        """Some steps of the current stage are done."""


class SilentProgress:
    """Says nothing."""

    def stage(self, name: str, total: int | None) -> None:
        """Nothing."""

    def advance(self, steps: int = 1) -> None:
        """Nothing."""
