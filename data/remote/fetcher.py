"""Several files of a folder, fetched by a few threads in the order of their need."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from .download import Expected, download
from .uri import Place

__all__ = ["FETCHERS", "Fetcher"]

FETCHERS = 8
"""Files that are fetched at once."""

_NOTE_SECONDS = 10


class _EndedError(Exception):
    """The main thread has ended, so nobody waits for the file any more."""


class Fetcher:
    """Brings files of a remote folder here; a file is asked for by its name.

    A file that is here is compared with its sha256 once, and fetched again if it
    differs.  The threads end when nothing is left to fetch, or with the main thread.
    """

    def __init__(
        self,
        source: Place,
        folder: Path,
        files: Mapping[str, Expected],
        note: Callable[[str], None],
    ) -> None:
        """Prepare; nothing is fetched before it is asked for.

        Args:
            source: the remote folder.
            folder: where the files shall be.
            files: what each has to be.
            note: called with a line on what is fetched, and every ten seconds.
        """
        self._source, self._folder, self._files = source, folder, files
        self._note = note
        self._changed = threading.Condition()
        self._queue: list[str] = []
        self._taken: set[str] = set()
        self._ended: dict[str, Exception | None] = {}
        self._threads = 0
        self._bytes, self._bytes_here = 0, 0
        self._next_note = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether every file is here and intact."""
        return len(self._ended) == len(self._files) and not any(self._ended.values())

    def expect(self, names: Iterable[str]) -> None:
        """Fetch these files next, in this order, and all others after them."""
        self._enqueue([*names], [*self._files])

    def fetch(self, names: list[str]) -> None:
        """Fetch these files and no others, and wait for them.

        Raises:
            SourceError, CorruptError: see `download`.
        """
        self._enqueue(names)
        for name in names:
            self.wait(name)

    def wait(self, name: str) -> Path:
        """Wait for a file that is expected.

        Raises:
            SourceError, CorruptError: see `download`.
        """
        with self._changed:
            self._changed.wait_for(lambda: name in self._ended)
        if error := self._ended[name]:
            raise error
        return self._folder / name

    def _enqueue(self, first: list[str], last: Iterable[str] = ()) -> None:
        with self._changed:
            known = self._taken.union(self._queue)
            names = dict.fromkeys([*first, *self._queue, *last])
            self._queue = [name for name in names if name not in self._taken]
            self._announce([name for name in self._queue if name not in known])
            for _ in range(min(FETCHERS - self._threads, len(self._queue))):
                self._threads += 1
                # No daemon: one that is inside pyarrow when Python ends would crash.
                threading.Thread(target=self._work, name="fetcher").start()

    def _announce(self, names: list[str]) -> None:
        absent = [name for name in names if not (self._folder / name).is_file()]
        if not absent:
            return
        size = sum(self._files[name].size for name in absent)
        self._bytes += size
        self._next_note = time.monotonic() + _NOTE_SECONDS
        self._note(
            f"{self._source.where}: fetching {_count(absent)}, {size / 1e6:,.1f} MB, "
            f"to {self._folder}"
        )

    def _work(self) -> None:
        while name := self._take():
            error: Exception | None = None
            try:
                self._bring(name)
            except Exception as problem:  # raised where somebody waits for the file
                error = problem
            with self._changed:
                self._ended[name] = error
                self._changed.notify_all()

    def _take(self) -> str | None:
        with self._changed:
            if not self._queue or not threading.main_thread().is_alive():
                self._threads -= 1
                return None
            name = self._queue.pop(0)
            self._taken.add(name)
            return name

    def _bring(self, name: str) -> None:
        source, path = self._source.below(name), self._folder / name
        download(source, path, self._files[name], advance=self._advance)

    def _advance(self, size: int) -> None:
        if not threading.main_thread().is_alive():
            raise _EndedError
        with self._changed:
            self._bytes_here += size
            if time.monotonic() < self._next_note:
                return
            self._next_note = time.monotonic() + _NOTE_SECONDS
            here, total = self._bytes_here / 1e6, self._bytes / 1e6
        self._note(f"{self._source.where}: fetched {here:,.1f} of {total:,.1f} MB")


def _count(names: list[str]) -> str:
    return f"{len(names):,} file{'s' if len(names) != 1 else ''}"
