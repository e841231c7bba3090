"""Do parts in this process or in several.

An engine draws numbers of parts as it has room for them and yields their results in any
order.  A part that is lost with its process is done again.

A process takes a run of neighbouring parts, because versions of a file are neighbours
and the caches of the encoder then hit: dealing parts out one by one to two processes
costs a quarter more CPU time for 100,000 workflows.
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

_MOST_NEIGHBOURS = 4  # parts in a run; first runs are shorter, to spread a few parts
_AHEAD = 2  # runs in flight per worker: one at work, one waiting
_MAX_LOSSES = 3  # processes that a run may lose before it is given up


def num_cores() -> int:
    """Number of cores that this process may use."""
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
    """Call `task` for each number; yield its results in any order.

    Args:
        task: may run in another process, and again if that process is lost.
        numbers: drawn as workers become free.
        workers: number of processes; one worker, or a single part, needs no other
            process than this.
        engine: what starts the processes; `ray_pool.py` has the other one.

    Raises:
        WorkerError: the same part lost its process three times.
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
    """Group neighbours: a run of one for each worker, of two, then of four."""
    rest = iter(numbers)
    for count in itertools.count():
        run = list(islice(rest, min(2 ** (count // workers), _MOST_NEIGHBOURS)))
        if not run:
            return
        yield run


def _each(task: Callable[[int], _Result], run: list[int]) -> list[_Result]:
    return [task(number) for number in run]


class _Pool(Generic[_Result]):
    """Processes that do runs of parts.

    When one dies, `ProcessPoolExecutor` is broken as a whole, so all are restarted.
    """

    def __init__(self, task: Callable[[int], _Result], workers: int) -> None:
        self.task, self.workers = task, workers
        self.pending: dict[Future[list[_Result]], list[int]] = {}
        self.losses: dict[int, int] = {}
        self.processes = self._start()

    def _start(self) -> ProcessPoolExecutor:
        # A forked process may deadlock on a lock held by a thread of this one.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.workers, context, initializer=_begin_worker)

    def submit(self, run: list[int]) -> None:
        """Queue parts that one process does one after the other."""
        try:
            with _uninterrupted():  # the first call starts the processes
                future = self.processes.submit(_each, self.task, run)
        except BrokenProcessPool:
            self._recover()
            with _uninterrupted():
                future = self.processes.submit(_each, self.task, run)
        self.pending[future] = run

    def finished(self) -> list[_Result]:
        """Wait for a run and return its results; none if a process was lost."""
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
        """Restart the processes and queue every run that is not known to be done."""
        runs = list(self.pending.values())
        self.close()
        self.pending.clear()
        for run in runs:
            self.losses[run[0]] = self.losses.get(run[0], 0) + 1
            if self.losses[run[0]] >= _MAX_LOSSES:
                raise WorkerError(
                    f"part {run[0]}: lost {_MAX_LOSSES} processes that were working "
                    "on it or beside it, perhaps for lack of memory",
                    "use fewer --workers; finished parts are kept",
                )
        self.processes = self._start()
        for run in runs:
            self.submit(run)

    def close(self) -> None:
        self.processes.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Block Ctrl-C, so that processes started here inherit the block.

    They would otherwise print a traceback if it came before they can ignore it.  This
    process receives it afterwards.
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
    """Leave Ctrl-C to the parent, and exit when the parent does, even if killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Most objects live in caches, so collecting often would find nothing to free.
    gc.set_threshold(100_000, 100, 1_000_000)
    # Freeing the caches object by object would take a second at the end.
    atexit.register(os._exit, 0)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        with suppress(OSError):
            wait_for([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
