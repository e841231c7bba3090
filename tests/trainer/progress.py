"""Ways to follow a run in tests."""

from tct.trainer.runs.progress import TrainProgress

__all__ = ["Notes", "StopAfter"]


class StopAfter(TrainProgress):
    """Raises KeyboardInterrupt after a step, as a second Ctrl-C does."""

    def __init__(self, step: int) -> None:
        self._step = step

    def step(self, step: int) -> None:
        if step == self._step:
            raise KeyboardInterrupt


class Notes(TrainProgress):
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)
