"""The entry point of `tct` and of `python -m tct`, which torchrun needs.

It imports next to nothing, so Ctrl-C works from the first moment.
"""

import os
import signal
import sys
from types import FrameType

__all__ = ["run"]

_INTERRUPTED = 128 + signal.SIGINT


def run() -> None:
    """Run the command; Ctrl-C ends it quietly with exit code 130."""
    signal.signal(signal.SIGINT, _interrupt)
    _open_streams()
    from tct.cli import main

    main()


def _open_streams() -> None:
    """Open on nothing what the caller closed of stdin, stdout and stderr.

    Else the next file that is opened becomes stdin, or gets what libraries print.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, number)
            if nothing != number:
                os.close(nothing)
            stream = open(number, "w" if number else "r")  # noqa: SIM115
            setattr(sys, name, stream)


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
