"""One process at a time: a lock on a folder that ends with its process."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from .errors import LockedError

__all__ = ["locked"]


@contextmanager
def locked(folder: Path, *, hint: str, name: str = ".lock") -> Iterator[None]:
    """Hold the lock of a folder, which is created if missing.

    The lock is on a file in the folder and ends with the process, however that ends;
    the file stays and names its last holder.

    Args:
        folder: what one process at a time may write to.
        hint: what to do if another process holds it.
        name: of the locked file, where a folder has several locks.

    Raises:
        LockedError: another process holds it.
    """
    with _lock(folder, hint, name) as file:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n")
        file.flush()
        yield


def _lock(folder: Path, hint: str, name: str) -> TextIO:
    """Open and lock a file of a folder."""
    import fcntl  # not on Windows, where reading a store works without it

    while True:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        if path.is_symlink() or (path.exists() and not path.is_file()):
            # Following a link would write to wherever it leads.
            raise LockedError(f"{path}: expected a regular file", "remove it")
        file = path.open("a+", errors="replace")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                file.seek(0)
                holder = file.read().strip() or "another process"
            raise LockedError(f"{folder}: in use by {holder}", hint) from None
        # The last holder may have removed the folder, and this file with it.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        file.close()
