"""A run as it goes on, as the loop tells it; `live.py` shows it."""

from typing import Protocol

from ..training.validate import Evaluation
from .metrics import StepRecord
from .state import SampleRates

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """Told about a run as it goes on, from the thread that trains.

    Every call should return at once: the run waits for it.
    """

    def start(self, *, step: int, steps: int) -> None:
        """A run of `steps` begins, or goes on, at `step`."""

    def step(self, step: int) -> None:
        """`step` optimiser steps are done; called after each."""

    def logged(self, record: StepRecord) -> None:
        """A record was written to metrics.jsonl."""

    def evaluated(self, step: int, evaluation: Evaluation) -> None:
        """The validation split was read after `step` steps."""

    def sampled(self, step: int, rates: SampleRates) -> None:
        """The model wrote workflows after `step` steps."""

    def phase(self, name: str) -> None:
        """What the run does from now on: "training", "evaluating" or "writing"."""

    def note(self, text: str) -> None:
        """Something to know that is no error."""

    def finish(self) -> None:
        """The run is over, for whatever reason."""


class Silent:
    """Shows nothing; also a base for those who want to hear of one thing only."""

    def start(self, *, step: int, steps: int) -> None:
        """Nothing."""

    def step(self, step: int) -> None:
        """Nothing."""

    def logged(self, record: StepRecord) -> None:
        """Nothing."""

    def evaluated(self, step: int, evaluation: Evaluation) -> None:
        """Nothing."""

    def sampled(self, step: int, rates: SampleRates) -> None:
        """Nothing."""

    def phase(self, name: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""
