"""Who does the parts: this process, or several.

An engine is given numbers of parts, each only when it has room for it, and gives their
records back in any order.  A part that was lost with its process is done again.

A process takes a run of neighbours, because versions of a file lie beside each other
and it remembers what it has read: with every second part instead, 100,000 workflows
take a quarter more work.
"""

import atexit
import gc
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import chain, islice
from multiprocessing.connection import wait as wait_for
from typing import Generic, Literal, TypeVar

from ...data.errors import WorkerError

__all__ = ["Engine", "num_cores", "run_parts"]

Engine = Literal["processes", "ray"]
_Result = TypeVar("_Result")

_MOST_NEIGHBOURS = 4  # parts of a run; the first runs are shorter, to share few parts
_AHEAD = 2  # runs in flight per worker: one in the making, one that waits
_MAX_LOSSES = 3  # of one run's process, before it is not tried again


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
        from .ray_pool import run_on_ray

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
        for run in _runs(numbers, workers):
            pool.submit(run)
            if len(pool.pending) >= _AHEAD * workers:
                yield from pool.finished()
        while pool.pending:
            yield from pool.finished()
    finally:
        pool.close()


def _runs(numbers: Iterable[int], workers: int) -> Iterator[list[int]]:
    """Neighbours: one for each worker, two for each, then four at a time."""
    rest = iter(numbers)
    for count in itertools.count():
        run = list(islice(rest, min(2 ** (count // workers), _MOST_NEIGHBOURS)))
        if not run:
            return
        yield run


def _each(task: Callable[[int], _Result], run: list[int]) -> list[_Result]:
    return [task(number) for number in run]


class _Pool(Generic[_Result]):
    """Processes that do runs of parts; all are started anew when one is lost."""

    def __init__(self, task: Callable[[int], _Result], workers: int) -> None:
        self.task, self.workers = task, workers
        self.pending: dict[Future[list[_Result]], list[int]] = {}
        self.losses: dict[int, int] = {}
        self.processes = self._start()

    def _start(self) -> ProcessPoolExecutor:
        # A forked process may hang on a lock that a thread of this one holds.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.workers, context, initializer=_begin_worker)

    def submit(self, run: list[int]) -> None:
        """Have parts done, one after the other."""
        try:
            with _uninterrupted():  # the first call starts the processes
                future = self.processes.submit(_each, self.task, run)
        except BrokenProcessPool:
            self._recover()
            with _uninterrupted():
                future = self.processes.submit(_each, self.task, run)
        self.pending[future] = run

    def finished(self) -> list[_Result]:
        """What at least one part gave; none if a process was lost."""
        done, _ = wait(self.pending, return_when=FIRST_COMPLETED)
        try:
            results = [result for future in done for result in future.result()]
        except BrokenProcessPool:
            self._recover()
            return []
        for future in done:
            del self.pending[future]
        return results

    def _recover(self) -> None:
        """Do all parts again that are not known to be done."""
        runs = list(self.pending.values())
        self.close()
        self.pending.clear()
        for run in runs:
            self.losses[run[0]] = self.losses.get(run[0], 0) + 1
            if self.losses[run[0]] >= _MAX_LOSSES:
                raise WorkerError(
                    f"part {run[0]}: lost {_MAX_LOSSES} processes that were at work "
                    "on it or beside it, perhaps for want of memory",
                    "use fewer --workers; what is done is kept",
                )
        self.processes = self._start()
        for run in runs:
            self.submit(run)

    def close(self) -> None:
        self.processes.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes that are started here are deaf to Ctrl-C from their first moment.

    This one hears of it afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):  # not everywhere
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What lives long is in caches, so looking through all of it finds nothing.
    gc.set_threshold(100_000, 100, 1_000_000)
    # Taking the caches down, text by text, would take a second at the end.
    atexit.register(os._exit, 0)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        with suppress(OSError):
            wait_for([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
