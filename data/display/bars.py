"""Show progress on stderr: a bar on a terminal, plain lines otherwise."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as RichProgress

from .screen import Screen

__all__ = ["PlainProgress", "RichBars", "open_progress", "rich_bars"]


class PlainProgress:
    """Prints a line every ten seconds, and one per stage of more than a second."""

    def __init__(self) -> None:
        """Begin without a stage."""
        self._name, self._done = "", 0
        self._total: int | None = None
        self._begun = self._next_line = time.monotonic()

    def stage(self, name: str, total: int | None) -> None:
        """Print the time of the last stage, and begin another."""
        self._finish()
        self._name, self._total, self._done = name, total, 0
        self._begun = time.monotonic()
        self._next_line = self._begun + 10

    def advance(self, steps: int = 1) -> None:
        """Count steps; print the count every ten seconds."""
        self._done += steps
        if time.monotonic() >= self._next_line:
            self._next_line += 10
            total = "" if self._total is None else f" of {self._total:,}"
            print(f"{self._name}: {self._done:,}{total}", file=sys.stderr, flush=True)

    def _finish(self) -> None:
        seconds = time.monotonic() - self._begun
        if self._name and seconds > 1:
            print(f"{self._name}: {seconds:.0f} s", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Print the time of the last stage, unless it failed."""
        if kind is None:
            self._finish()


class RichBars:
    """One bar per stage."""

    def __init__(self, screen: Screen) -> None:
        """Prepare bars on a screen."""
        self._bars = rich_bars(screen)
        self._task = self._bars.add_task("", visible=False)

    def stage(self, name: str, total: int | None) -> None:
        """Finish the last bar and begin another."""
        self._finish()
        self._task = self._bars.add_task(name, total=total)

    def advance(self, steps: int = 1) -> None:
        """Move the current bar."""
        self._bars.advance(self._task, steps)

    def _finish(self) -> None:
        task = self._bars.tasks[-1]
        self._bars.update(task.id, total=task.completed)
        self._bars.stop_task(task.id)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Draw a last time."""
        if kind is None:
            self._finish()
        self._bars.stop()


def rich_bars(
    screen: Screen, *more: ProgressColumn, expand: bool = False
) -> RichProgress:
    """Bars with a name, a count and a time, and more columns after them."""
    return RichProgress(
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=None if expand else 40),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        *more,
        console=screen,
        expand=expand,
    )


def open_progress() -> PlainProgress | RichBars:
    """Bars where stderr is a terminal, plain lines elsewhere; a context manager."""
    screen = Screen(stderr=True)
    return RichBars(screen) if screen.is_terminal else PlainProgress()
