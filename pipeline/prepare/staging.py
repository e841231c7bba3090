"""Staging: the folder beside a store in which it is made.

    .STORE.staging/
      .lock             held by the one process that makes the store
      job.json          what is being made; the leftovers of another job are discarded
      tokenizer.json    encodes the documents
      parts/            finished parts (`parts.py`)
      store/            the store, until it is complete

A killed run leaves the folder behind, and the next run resumes from it.  The new store
replaces the old one in one step, so its name never refers to half a store.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.errors import FormatError, LockedError, SourceError
from ...data.files import exchange, fsync_folder, read_json, remove, write_json
from ...data.locks import locked
from ...data.tokenizer import Tokenizer

__all__ = ["Staging", "staged_store", "staging", "sweep"]


@dataclass(frozen=True, slots=True)
class Staging:
    """The staging folder of a store."""

    folder: Path
    store: Path
    """The path that the new store will have."""

    @property
    def parts(self) -> Path:
        """The folder of the parts."""
        return self.folder / "parts"

    @property
    def made(self) -> Path:
        """The folder that becomes the store."""
        return self.folder / "store"

    @property
    def has_parts(self) -> bool:
        """Whether a part is done."""
        return any(self.parts.glob("*.json"))

    def take_up(self, job: dict[str, Any], tokenizer: Tokenizer) -> None:
        """Resume the same job, or start afresh.

        Args:
            job: everything that parts depend on.  Whether the `earlier` store is used
                may differ: it saves work, but does not change the result.
            tokenizer: encodes the documents.
        """
        if _identity(_read_job(self.folder)) != _identity(job):
            self._clear()
            tokenizer.save(self.folder / "tokenizer.json")
        write_json(self.folder / "job.json", job)
        remove(self.made)
        self.made.mkdir()
        self.parts.mkdir(exist_ok=True)

    def _clear(self) -> None:
        """Remove all but the lock.

        The job goes first: parts without it are never resumed, whenever this is killed.
        """
        (self.folder / "job.json").unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if path.name != ".lock":
                remove(path)

    def publish(self) -> None:
        """Move the finished store to its path, and remove the staging folder."""
        fsync_folder(self.made)
        if self.store.exists():
            exchange(self.made, self.store)
        else:
            self.made.rename(self.store)
        fsync_folder(self.store.parent)
        self.discard()

    def discard(self) -> None:
        """Remove the staging folder; for other processes it vanishes in one step."""
        trash = _trash(self.store)
        with suppress(FileNotFoundError):  # removed already
            self.folder.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)


@contextmanager
def staging(store: Path) -> Iterator[Staging]:
    """Open and lock the staging folder of a store.

    If the block fails, the folder stays for the next run to resume, unless there is
    nothing to resume: after a SourceError, or before the first part is done.

    Raises:
        LockedError: another process is making the same store.
    """
    store = store.absolute()
    folder = _staging_of(store)
    with locked(folder, hint="wait until that process is done"):
        shutil.rmtree(_trash(store), ignore_errors=True)
        # A kill between the two renames of `exchange` leaves the old store aside.
        aside = folder / "store.old"
        if aside.exists() and not store.exists():
            aside.rename(store)
        work = Staging(folder, store)
        try:
            yield work
        except BaseException as error:
            if isinstance(error, SourceError) or not work.has_parts:
                work.discard()
            raise


def sweep(store: Path, key_inputs: dict[str, Any]) -> None:
    """Remove what a run leaves if it is killed after it has published `store`."""
    store = store.absolute()
    shutil.rmtree(_trash(store), ignore_errors=True)
    folder = _staging_of(store)
    if _read_job(folder).get("key_inputs") == key_inputs:
        with suppress(LockedError), staging(store) as work:
            work.discard()


def staged_store(folder: Path) -> Path:
    """The path of the store that is made in the staging folder `folder`."""
    return folder.with_name(folder.name[1:].removesuffix(".staging"))


def _staging_of(store: Path) -> Path:
    return store.with_name(f".{store.name}.staging")


def _trash(store: Path) -> Path:
    return store.with_name(f".{store.name}.trash")


def _read_job(folder: Path) -> dict[str, Any]:
    try:
        return read_json(folder / "job.json")
    except (FileNotFoundError, FormatError):
        return {}


def _identity(job: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in job.items() if name != "earlier"}
