"""Write files whole or not at all: temporary name, flush, fsync, rename."""

import ctypes
import hashlib
import json
import math
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from .errors import CorruptError, FormatError, SourceError

__all__ = [
    "canonical_json",
    "check_format",
    "check_sha256",
    "exchange",
    "fsync_folder",
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
    """Serialize `value` for hashing: sorted keys, no spaces, UTF-8."""
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


def check_sha256(path: Path, recorded: object, record: str, hint: str) -> None:
    """Compare a file with the sha256 recorded of it.

    Args:
        path: the file.
        recorded: its sha256 in hex; anything else is a mismatch.
        record: what holds the recorded sha256, for the message.
        hint: what to do about a damaged file.

    Raises:
        CorruptError: the file is missing or altered.
    """
    if not path.is_file():
        raise CorruptError(f"{path}: missing, expected a file", hint)
    if (found := sha256_file(path)) != recorded:
        raise CorruptError(
            f"{path}: found sha256 {found[:12]}…, "
            f"{record} records {str(recorded)[:12]}…",
            hint,
        )


def fsync_folder(folder: Path) -> None:
    """Flush the names in `folder` to disk, as fsync on a file does its bytes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add `path` to an OSError that names no file, such as that of a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


def write_atomic(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it into place.

    A reader sees the old file or the new one, even after a crash.  Missing parent
    folders are created.  On failure the temporary file is removed.
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


def remove(path: Path) -> None:
    """Remove a folder, or the file or link in its place, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def exchange(new: Path, old: Path) -> None:
    """Swap two folders.

    One step where the system can (Linux).  Elsewhere, between two renames, `old` is at
    `new` + ".old" and nothing in its place.
    """
    # Python has no call for it, hence ctypes.  Renames alone lose what it is for: of
    # 206,315 looks while two stores were swapped in a loop, 50,757 found none; with
    # renameat2, not one of 197,366 did.
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
    r"""A path as UTF-8 text; bytes that are not UTF-8 become `\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        CorruptError: `parse_json` refuses its content.
        FormatError: the JSON is no object.
    """
    remake = "restore or remake the file"
    kind = "a folder" if path.is_dir() else special_file(path)
    if kind is not None:  # reading a FIFO would wait for ever
        raise FormatError(f"{path}: found {kind}, expected a regular file", remake)
    try:
        with open_regular(path) as file:
            value = parse_json(file.read())
    except ValueError as error:
        raise CorruptError(f"{path}: not valid JSON ({error})", remake) from error
    if not isinstance(value, dict):
        found = type(value).__name__
        raise FormatError(f"{path}: found a JSON {found}, expected an object", remake)
    return value


def parse_json(data: bytes) -> Any:
    """Parse a JSON text that tct wrote, strictly.

    Raises:
        ValueError: no JSON in UTF-8, a duplicate key, a number that is not finite, a
            lone surrogate, or nesting deeper than any format of tct.
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
    canonical_json(value)  # raises for a lone surrogate
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
    """Check format and version of `data`, read from `path`.

    Raises:
        FormatError: it is no `tct-NAME` of this version; `remake` says what to do.
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
