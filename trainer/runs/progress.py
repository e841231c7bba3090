"""Notifications of a run in progress; live.py shows them."""

from .metrics import StepRecord
from .state import SampleRates, Validation

__all__ = ["TrainProgress"]


class TrainProgress:
    """Notified of a run in progress, by the thread that trains; shows nothing itself.

    Subclasses override what they need.  Calls should return at once: training waits.
    """

    def start(self, *, step: int, steps: int) -> None:
        """A run of `steps` begins, or continues, at `step`."""

    def replanned(self, step: int, steps: int) -> None:
        """After `step` steps, the run has another number of them, to end on time."""

    def step(self, step: int) -> None:
        """`step` optimiser steps are done; called after each."""

    def logged(self, record: StepRecord) -> None:
        """A record was written to metrics.jsonl."""

    def validated(self, step: int, validation: Validation) -> None:
        """The validation split was evaluated after `step` steps."""

    def sampled(self, step: int, rates: SampleRates) -> None:
        """The model wrote samples after `step` steps."""

    def phase(self, name: str) -> None:
        """The run enters a phase: "training", "evaluating" or "writing"."""

    def note(self, text: str) -> None:
        """A remark that is not an error."""

    def finish(self) -> None:
        """The run ends, for whatever reason."""
