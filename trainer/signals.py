"""Stopping a run in good order: the first signal asks, the second one insists."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

__all__ = ["StopRequest"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Within its `with` block, SIGINT and SIGTERM set `requested` and nothing else.

    A second signal raises KeyboardInterrupt at once.  Outside the main thread, where
    Python allows no handlers, signals are left alone.
    """

    def __init__(self) -> None:
        """Not requested yet."""
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopRequest":
        """Install the handlers."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put back the handlers that were there."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self.requested:
            self.requested = True
            return
        for later in _SIGNALS:
            signal.signal(later, signal.SIG_DFL)
        raise KeyboardInterrupt
