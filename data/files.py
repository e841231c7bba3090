"""Files that are either whole or not there: temporary name, flush, fsync, rename."""

import ctypes
import hashlib
import json
import math
import os
import platform
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from .errors import CorruptError, FormatError, LockedError, SourceError

__all__ = [
    "canonical_json",
    "check_format",
    "exchange",
    "fsync_folder",
    "locked",
    "name_text",
    "naming",
    "open_regular",
    "parse_json",
    "read_json",
    "remove",
    "sha256_file",
    "special_file",
    "write_atomic",
    "write_json",
]

_BLOCK_BYTES = 1 << 20
_MAX_DEPTH = 64  # of the JSON that tct writes; the deepest has 7 levels
_SPECIAL = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of Linux, see renameat2(2)


def canonical_json(value: Any) -> bytes:
    """The one byte string that stands for `value` when it is hashed."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def special_file(path: str | Path) -> str | None:
    """What a file is that is no regular one; None for one that is, or is not there."""
    try:
        return _SPECIAL.get(stat.S_IFMT(os.stat(path).st_mode))
    except OSError:
        return None


def open_regular(path: str | Path) -> BufferedReader:
    """Open a file to read it.

    Raises:
        SourceError: it has no end, or waits for another process.
        OSError: it cannot be opened.
    """
    return open(path, "rb", opener=_open_regular)


def _open_regular(path: str, flags: int) -> int:
    kind = special_file(path)  # as soon as it is open, too: it may become one meanwhile
    if kind is None:
        descriptor = os.open(path, flags | os.O_NONBLOCK)
        kind = _SPECIAL.get(stat.S_IFMT(os.fstat(descriptor).st_mode))
        if kind is None:
            return descriptor
        os.close(descriptor)
    raise SourceError(
        f"{path}: found {kind}, expected a regular file",
        "write what it gives to a file",
    )


def sha256_file(path: Path) -> str:
    """Hex sha256 of a regular file, read in blocks of 1 MiB."""
    with naming(path), open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable, as fsync on a file does for its bytes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError that names no file, such as a full disk's, name `path`."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


def write_atomic(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it into place.

    A reader sees the old file or the new one, also after a crash.  Missing parent
    folders are made.  On failure the temporary file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        with naming(path), temporary.open("wb", buffering=_BLOCK_BYTES) as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        fsync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path, *, hint: str) -> Iterator[None]:
    """Keep a folder, which is made where it is missing, to this process.

    The lock is on `.lock` in it and ends with the process, however that ends; the file
    stays, and says who held it last.

    Args:
        folder: to be written to by one process at a time.
        hint: what to do if another one holds it.

    Raises:
        LockedError: another process holds it.
    """
    with _lock(folder, hint) as file:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n")
        file.flush()
        yield


def _lock(folder: Path, hint: str) -> TextIO:
    """The open and locked `.lock` of a folder."""
    import fcntl  # not on Windows, where reading a store works without it

    while True:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("a+", errors="replace")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                file.seek(0)
                holder = file.read().strip() or "another process"
            raise LockedError(f"{folder}: in use by {holder}", hint) from None
        # Whoever held it may have taken the folder away, and with it this file.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(folder / ".lock")):
                return file
        file.close()


def remove(path: Path) -> None:
    """Take away a folder, or the file or link in its place, if there is one."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def exchange(new: Path, old: Path) -> None:
    """Put the folder `new` in the place of `old`, and `old` in the place of `new`.

    One step where the system can (Linux).  Elsewhere there is a moment between two
    renames in which nothing stands in the place of `old`, which is `new` + ".old" then.
    """
    if not _exchange_at_once(new, old):
        aside = new.with_name(f"{new.name}.old")
        old.rename(aside)
        new.rename(old)
        aside.rename(new)


def _exchange_at_once(one: Path, other: Path) -> bool:
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(
        renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0
    )


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_atomic(path, lambda file: file.write(text.encode()))


def name_text(path: Path | str) -> str:
    r"""A path as text that UTF-8 holds: bytes that are none become `\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        CorruptError: the file holds no JSON that `parse_json` takes.
        FormatError: the file holds no JSON object.
    """
    remake = "restore or remake the file"
    try:
        with open_regular(path) as file:
            value = parse_json(file.read())
    except ValueError as error:
        raise CorruptError(f"{path}: no valid JSON ({error})", remake) from error
    if not isinstance(value, dict):
        found = type(value).__name__
        raise FormatError(f"{path}: found a JSON {found}, expected an object", remake)
    return value


def parse_json(data: bytes) -> Any:
    """The value of a JSON text that tct wrote, without what JSON leaves to readers.

    Raises:
        ValueError: no JSON in UTF-8; a key that comes twice, a number that is not
            finite, half of a surrogate pair, or nesting that nothing of ours has.
    """
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_unique,
            parse_constant=_finite,
            parse_float=_finite,
        )
    except RecursionError:
        raise ValueError(f"nested deeper than {_MAX_DEPTH}") from None
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
    if level:
        raise ValueError(f"nested deeper than {_MAX_DEPTH}")
    canonical_json(value)  # which has no bytes for half of a surrogate pair
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!a} comes twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no finite number")
    return number


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def check_format(
    data: dict[str, Any], path: Path, *, name: str, version: int, remake: str
) -> None:
    """Check that `data`, read from `path`, is a `tct-name` of a version.

    Raises:
        FormatError: it is something else; `remake` says what to do about it.
    """
    if data.get("format") != f"tct-{name}":
        raise FormatError(
            f"{path}: found format {data.get('format')!r}, expected 'tct-{name}'",
            f"give a {name} that tct wrote",
        )
    if data.get("version") != version:
        raise FormatError(
            f"{path}: found {name} version {data.get('version')!r}, expected {version}",
            f"{remake}, or use the tct that wrote it",
        )
