"""Where a store is made: a folder beside it that outlives whoever makes it.

    .STORE.staging/
      .lock             held by the one process that makes the store
      job.json          what is made; what was left of anything else is thrown away
      tokenizer.json    encodes
      parts/            what is done of it (`parts.py`)
      store/            the store, until it is complete

A killed run leaves it behind and the next one takes it up again.  The store's own place
changes in one step, from the old store to the new one, so there is never half a store
under its name.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.errors import FormatError, LockedError, SourceError
from ...data.files import exchange, fsync_folder, locked, read_json, remove, write_json
from ...data.tokenizer import Tokenizer

__all__ = ["Staging", "staged_store", "staging", "sweep"]


@dataclass(frozen=True, slots=True)
class Staging:
    """A folder in which a store is made."""

    folder: Path
    store: Path
    """What it will replace."""

    @property
    def parts(self) -> Path:
        """Folder of the parts."""
        return self.folder / "parts"

    @property
    def made(self) -> Path:
        """Folder that becomes the store."""
        return self.folder / "store"

    @property
    def has_parts(self) -> bool:
        """Whether any part is done."""
        return any(self.parts.glob("*.json"))

    def take_up(self, job: dict[str, Any], tokenizer: Tokenizer) -> None:
        """Keep what is done if it is of the same job, else begin with nothing.

        Args:
            job: what parts are made of, and with what.  The `earlier` store only saves
                work, so it may be another one.
            tokenizer: for the parts.
        """
        if _identity(_read_job(self.folder)) != _identity(job):
            self._clear()
            tokenizer.save(self.folder / "tokenizer.json")
        write_json(self.folder / "job.json", job)
        remove(self.made)
        self.made.mkdir()
        self.parts.mkdir(exist_ok=True)

    def _clear(self) -> None:
        """Remove all but the lock; the job first, since it vouches for the rest."""
        (self.folder / "job.json").unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if path.name != ".lock":
                remove(path)

    def publish(self) -> None:
        """Put what was made in the store's place, and take the staging away."""
        fsync_folder(self.made)
        if self.store.exists():
            exchange(self.made, self.store)
        else:
            self.made.rename(self.store)
        fsync_folder(self.store.parent)
        self.discard()

    def discard(self) -> None:
        """Take the staging away, in one step for others who look for it."""
        trash = _trash(self.store)
        with suppress(FileNotFoundError):  # it is away already
            self.folder.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)


@contextmanager
def staging(store: Path) -> Iterator[Staging]:
    """The staging of a store, held by this process.

    It is left behind if the block fails, unless there is nothing to go on with: after a
    SourceError, or before the first part is done.

    Raises:
        LockedError: another process is making the same store.
    """
    store = store.absolute()
    folder = _staging_of(store)
    with locked(folder, hint="wait until that process is done"):
        shutil.rmtree(_trash(store), ignore_errors=True)
        aside = folder / "store.old"  # see `exchange`
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
    """Take away what is left of the run that made `store`, if it was killed then."""
    store = store.absolute()
    shutil.rmtree(_trash(store), ignore_errors=True)
    folder = _staging_of(store)
    if _read_job(folder).get("key_inputs") == key_inputs:
        with suppress(LockedError), staging(store) as work:
            work.discard()


def staged_store(folder: Path) -> Path:
    """The place of the store that is made in the staging at `folder`."""
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
