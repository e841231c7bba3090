"""Graceful stop: the first signal sets a flag, the second one interrupts."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

__all__ = ["StopRequest"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """In its `with` block, SIGINT and SIGTERM only set `requested`.

    A second signal raises KeyboardInterrupt at once.  Outside the main thread, where
    Python allows no handlers, it changes nothing.
    """

    def __init__(self, *, is_shared: bool = False) -> None:
        """Prepare; handlers are installed on entry.

        Args:
            is_shared: torchrun started this process.  It forwards Ctrl-C as SIGTERM,
                after the terminal sent SIGINT, so only a second signal of the same kind
                interrupts.
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
        """Restore the previous handlers."""
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
