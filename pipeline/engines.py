"""Who does the parts: this process, or several.

An engine is given numbers of parts, each only when it has room for it, and gives their
records back in any order.  A part that was lost with its process is done again.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import chain, islice
from multiprocessing.connection import wait as wait_for
from typing import Generic, Literal, TypeVar

from ..data.errors import WorkerError

__all__ = ["Engine", "num_cores", "run_parts"]

Engine = Literal["processes", "ray"]
_Result = TypeVar("_Result")

_AHEAD = 2  # parts in flight per worker: one in the making, one that waits
_MAX_LOSSES = 3  # of one part's process, before it is not tried again


def num_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not everywhere
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_parts(
    task: Callable[[int], _Result],
    numbers: Iterable[int],
    *,
    workers: int,
    engine: Engine = "processes",
) -> Iterator[_Result]:
    """What `task` returns for each number, in any order.

    Args:
        task: may run in another process, and again if that process is lost.
        numbers: drawn as workers become free.
        workers: processes; with one, or for a single part, it is done in this one.
        engine: what starts them; see `ray_engine.py` for the other one.

    Raises:
        WorkerError: processes were lost, at least three times with the same part.
    """
    if engine == "ray":
        from .ray_engine import run_on_ray

        yield from run_on_ray(task, numbers, workers=workers)
        return
    rest = iter(numbers)
    first = list(islice(rest, 2)) if workers > 1 else []
    numbers = chain(first, rest)
    yield from _pooled(task, numbers, workers) if len(first) > 1 else map(task, numbers)


def _pooled(
    task: Callable[[int], _Result], numbers: Iterable[int], workers: int
) -> Iterator[_Result]:
    pool = _Pool(task, workers)
    try:
        for number in numbers:
            pool.submit(number)
            if len(pool.pending) >= _AHEAD * workers:
                yield from pool.finished()
        while pool.pending:
            yield from pool.finished()
    finally:
        pool.close()


class _Pool(Generic[_Result]):
    """Processes that do parts; all are started anew when one is lost."""

    def __init__(self, task: Callable[[int], _Result], workers: int) -> None:
        self.task, self.workers = task, workers
        self.pending: dict[Future[_Result], int] = {}
        self.losses: dict[int, int] = {}
        self.processes = self._start()

    def _start(self) -> ProcessPoolExecutor:
        # A forked process may hang on a lock that a thread of this one holds.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.workers, context, initializer=_begin_worker)

    def submit(self, number: int) -> None:
        """Have a part done."""
        try:
            future = self.processes.submit(self.task, number)
        except BrokenProcessPool:
            self._recover()
            future = self.processes.submit(self.task, number)
        self.pending[future] = number

    def finished(self) -> list[_Result]:
        """What at least one part gave; none if a process was lost."""
        done, _ = wait(self.pending, return_when=FIRST_COMPLETED)
        try:
            results = [future.result() for future in done]
        except BrokenProcessPool:
            self._recover()
            return []
        for future in done:
            del self.pending[future]
        return results

    def _recover(self) -> None:
        """Do all parts again that are not known to be done."""
        numbers = list(self.pending.values())
        self.close()
        self.pending.clear()
        for number in numbers:
            self.losses[number] = self.losses.get(number, 0) + 1
            if self.losses[number] >= _MAX_LOSSES:
                raise WorkerError(
                    f"part {number}: lost {_MAX_LOSSES} processes that were at work "
                    "on it or beside it, perhaps for want of memory",
                    "use fewer --workers; what is done is kept",
                )
        self.processes = self._start()
        for number in numbers:
            self.submit(number)

    def close(self) -> None:
        self.processes.shutdown(wait=True, cancel_futures=True)


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        with suppress(OSError):
            wait_for([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
