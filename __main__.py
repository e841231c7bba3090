"""The entry point of `tct` and of `python -m tct`, which torchrun needs.

It imports next to nothing, so Ctrl-C works from the first moment.
"""

import os
import signal
from types import FrameType

__all__ = ["run"]

_INTERRUPTED = 128 + signal.SIGINT


def run() -> None:
    """Run the command; Ctrl-C ends it quietly with exit code 130."""
    signal.signal(signal.SIGINT, _interrupt)
    from tct.cli import main

    main()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt inside a command; otherwise exit at once.

    During imports nothing is open that needs cleaning up, and libraries turn an
    exception in the middle of an import into another error, or print it.
    """
    while frame is not None:
        if frame.f_code.co_qualname == "_Group.invoke":
            raise KeyboardInterrupt
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            break
        frame = frame.f_back
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    run()
