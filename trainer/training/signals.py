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

    def __init__(self, *, is_shared: bool = False) -> None:
        """Not requested yet.

        Args:
            is_shared: torchrun started this process.  It passes Ctrl-C on as SIGTERM,
                after the terminal sent SIGINT, so only a second signal of the same kind
                insists.
        """
        self.requested = False
        self._is_shared = is_shared
        self._received: set[int] = set()
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
        is_repeated = number in self._received
        self._received.add(number)
        if not self.requested or (self._is_shared and not is_repeated):
            self.requested = True
            return
        for later in _SIGNALS:
            signal.signal(later, signal.SIG_DFL)
        raise KeyboardInterrupt
