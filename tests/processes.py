"""Processes that tests start: bounded by what they do, ended whatever happens.

A test that fails must not leave processes that take the next one's time, and a busy
machine must not fail a test.  So a process is given up when it uses no CPU time for
long, or more than anything here needs; hours may pass in between.
"""

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

__all__ = ["Child"]

_MARK = "TCT_TEST_CHILD"
_MOST_CPU_SECONDS = 300.0
# A process with less CPU time than this polls, or waits for what never comes.
_STALLED_SECONDS, _STALLED_CPU_SECONDS = 120.0, 1.0
_TICK = 1 / os.sysconf("SC_CLK_TCK")


class Child(subprocess.Popen[str]):
    """A process in a session of its own, for a `with` block.

    At the end of the block it is killed with all that descends from it, wherever that
    moved: processes are known by a variable of their environment, which they inherit.
    """

    def __init__(
        self, command: Sequence[object], env: Mapping[str, object] | None = None
    ) -> None:
        """Start it; `env` is added to the environment."""
        self._mark = uuid.uuid4().hex
        added = {name: str(value) for name, value in (env or {}).items()}
        super().__init__(
            list(map(str, command)),
            env={**os.environ, **added, _MARK: self._mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Kill what is left of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        while family := self.family():
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        super().__exit__(kind, error, traceback)

    def finish(self, code: int | None = 0) -> tuple[str, str]:
        """Wait for its end; stdout and stderr.

        Args:
            code: that it has to end with; None for any.
        """
        patience = _Patience(self)
        while True:
            with suppress(subprocess.TimeoutExpired):
                out, err = self.communicate(timeout=0.5)
                assert code is None or self.returncode == code, err
                return out, err
            patience.check()

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait while it runs until something holds."""
        patience = _Patience(self)
        while not condition():
            assert self.poll() is None, self.communicate()[1]
            patience.check()
            time.sleep(0.01)

    def family(self) -> list[int]:
        """The living processes that descend from it, itself among them."""
        mark, found = f"{_MARK}={self._mark}".encode(), []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if mark in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
        return found

    def cpu_seconds(self) -> float:
        """What its living family has used."""
        ticks = 0
        for pid in self.family():
            with suppress(OSError):
                stat = Path(f"/proc/{pid}/stat").read_text()
                ticks += sum(map(int, stat.rpartition(")")[2].split()[11:15]))
        return ticks * _TICK


class _Patience:
    """Ends the waiting for a process that stands still or never ends."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._used, self._since = 0.0, time.monotonic()
        self._next = self._since

    def check(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + 1
        used = self._child.cpu_seconds()
        if abs(used - self._used) > _STALLED_CPU_SECONDS:
            self._used, self._since = used, now
        assert used < _MOST_CPU_SECONDS, f"used {used:.0f} s of CPU time and goes on"
        assert now - self._since < _STALLED_SECONDS, "it stands still"
