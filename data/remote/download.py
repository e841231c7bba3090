"""Bring one file here: under a temporary name, compared with its sha256, renamed.

While it comes it is FOLDER/.part/NAME, under a lock; then it is FOLDER/NAME.
"""

import errno
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import CorruptError, LockedError, SourceError
from ..files import fsync_folder, sha256_file
from ..locks import locked
from .uri import Place, reaching

__all__ = ["Expected", "download", "is_intact"]

_BLOCK_BYTES = 4 << 20  # of a request; smaller ones spend their time on the way
_LOCK_SECONDS = 0.1  # between looks at a file that another process fetches
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What a file has to be."""

    size: int
    sha256: str


def is_intact(path: Path, expected: Expected) -> bool:
    """Whether a file is there with the right size and sha256."""
    if not path.is_file() or path.stat().st_size != expected.size:
        return False
    return sha256_file(path) == expected.sha256


def download(
    source: Place, path: Path, expected: Expected, *, advance: Callable[[int], None]
) -> None:
    """Fetch a file, unless it is here, or another process brings it meanwhile.

    Args:
        source: the file.
        path: where it shall be.
        expected: what it has to be.
        advance: called with the size of each block that came; may raise to end it.

    Raises:
        SourceError: it cannot be reached, or the disk is full.
        CorruptError: it is missing there, or another file than expected.
    """
    partial = path.parent / ".part" / path.name
    lock = f"{path.name}.lock"
    while not is_intact(path, expected):
        try:
            with locked(partial.parent, hint="wait until it ends", name=lock):
                try:
                    if not is_intact(path, expected):  # else another one was faster
                        _copy(source, partial, expected, advance)
                        partial.replace(path)
                        fsync_folder(path.parent)
                finally:
                    partial.unlink(missing_ok=True)
                    partial.with_name(lock).unlink(missing_ok=True)
        except LockedError:
            advance(0)
            time.sleep(_LOCK_SECONDS)


def _copy(
    source: Place, path: Path, expected: Expected, advance: Callable[[int], None]
) -> None:
    """Copy a file, flushed to disk; no byte more than expected."""
    size, digest = 0, hashlib.sha256()
    with _room_for(path, expected), path.open("wb") as file:
        for block in _blocks(source):
            size += len(block)
            if size > expected.size:
                break
            digest.update(block)
            file.write(block)
            advance(len(block))
        file.flush()
        os.fsync(file.fileno())
    if size != expected.size or digest.hexdigest() != expected.sha256:
        found = f"{size:,} bytes with sha256 {digest.hexdigest()[:12]}…"
        if size > expected.size:
            found = f"more than {expected.size:,} bytes"
        raise CorruptError(
            f"{source.where}: found {found}, the manifest records {expected.size:,} "
            f"bytes with sha256 {expected.sha256[:12]}…",
            "upload the whole folder again",
        )


def _blocks(source: Place) -> Iterator[bytes]:
    assert source.filesystem is not None  # a file of this machine is not fetched
    with reaching(source.where):
        try:
            stream = source.filesystem.open_input_stream(source.path)
        except FileNotFoundError as error:
            raise CorruptError(
                f"{source.where}: missing, but the manifest lists it",
                "upload the whole folder again",
            ) from error
    with stream:
        while True:
            with reaching(source.where):
                block = stream.read(_BLOCK_BYTES)
            if not block:
                return
            yield block


@contextmanager
def _room_for(path: Path, expected: Expected) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise SourceError(
            f"{path.parent.parent}: found no room for {path.name}, "
            f"expected {expected.size:,} bytes ({error.strerror})",
            "free some space, or set XDG_CACHE_HOME to a folder on another disk",
        ) from error
