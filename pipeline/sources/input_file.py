"""Input files: what they are called, where they lie, and their bytes as a stream."""

import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from typing import Any, Protocol

import pyarrow as pa
from pyarrow.fs import FileSystem

from ...data.documents.parse import MAX_DOCUMENT_BYTES
from ...data.documents.rejects import RejectedError
from ...data.errors import SourceError

__all__ = [
    "DOCUMENT_SUFFIXES",
    "InputFile",
    "is_document",
    "most_unpacked",
    "open_unpacked",
    "read_bounded",
    "readable",
]

DOCUMENT_SUFFIXES = (".json", ".yaml", ".yml")
"""Of workflows: the only files that are read of a folder or an archive."""

_COMPRESSIONS = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd"}
_BUFFER_BYTES = 1 << 20  # what one request to a remote filesystem brings
_MIN_UNPACKED, _MAX_RATIO = 256 << 20, 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class InputFile:
    """A file to read; small and picklable, so that any process can read it."""

    name: str
    """What records and fingerprints call it: UTF-8, the same on every machine."""
    path: str
    suffix: str
    """Lower case; names the format, see `formats.py`, and the compression."""
    filesystem: FileSystem | None
    """Where `path` is; None is this machine, read without pyarrow."""
    where: str
    """What messages call it: as the user gave it."""
    group: str | None = None
    """The repository, where its folder says so."""
    problem: str | None = None
    """Why it is not opened, if it is not."""

    def open(self) -> BufferedReader:
        """The bytes of the file; can seek."""
        if self.filesystem is None:
            return open(self.path, "rb", opener=_open_regular)
        return _python_file(self.filesystem.open_input_file(self.path))

    def size(self) -> int:
        """Bytes of the file."""
        with self.open_arrow() as file:
            return int(file.size())

    def open_arrow(self) -> pa.NativeFile:
        """The same for the readers of pyarrow."""
        if self.filesystem is None:
            self.open().close()  # or it is no regular file
            return pa.OSFile(os.fsencode(self.path))
        return self.filesystem.open_input_file(self.path)


def _open_regular(path: str, flags: int) -> int:
    """Open a file, or refuse what has no end or waits for another process."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SourceError(f"{path}: no regular file any more", "prepare again")
    return descriptor


def is_document(name: str) -> bool:
    """Whether a file or member is a workflow by its name."""
    return name.lower().endswith(DOCUMENT_SUFFIXES)


def open_unpacked(file: InputFile) -> BufferedReader:
    """The bytes of a file, decompressed where its name says that it is compressed."""
    compression = _COMPRESSIONS.get("." + file.suffix.rpartition(".")[2])
    if compression is None:
        return file.open()
    packed = file.open_arrow()
    unpacked = pa.CompressedInputStream(packed, compression)
    return BufferedReader(_Bounded(unpacked, packed.size()), _BUFFER_BYTES)


def most_unpacked(size: int) -> int:
    """Most bytes that are read from a compressed file of `size` bytes.

    Versions of a file are packed a hundred times smaller; what is packed a thousand
    times smaller is made to be so.
    """
    return max(_MIN_UNPACKED, _MAX_RATIO * size)


class _Bounded(RawIOBase):
    """The bytes of a compressed file, up to `most_unpacked`."""

    def __init__(self, unpacked: pa.NativeFile, size: int) -> None:
        self._unpacked = unpacked
        self._size = size
        self._left = most_unpacked(size)

    def readable(self) -> bool:
        """Can be read, and nothing else."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes, or raise EOFError: there are too many."""
        size: int = self._unpacked.readinto(buffer)
        self._left -= size
        if self._left < 0:
            most = most_unpacked(self._size)
            raise EOFError(f"unpacks to more than {most:,} bytes of {self._size:,}")
        return size

    def close(self) -> None:
        """Close the file."""
        self._unpacked.close()
        super().close()


def _python_file(file: pa.NativeFile) -> BufferedReader:
    return BufferedReader(file, _BUFFER_BYTES)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_bounded(stream: _Readable, size: int) -> tuple[bytes, RejectedError | None]:
    """A text and, if it is too large, the problem; then only its beginning is read.

    Args:
        stream: at the beginning of the text.
        size: of the text, as messages say it.
    """
    text = stream.read(MAX_DOCUMENT_BYTES + 1)
    if len(text) <= MAX_DOCUMENT_BYTES:
        return text, None
    message = f"{size:,} bytes, at most {MAX_DOCUMENT_BYTES:,}"
    return text, RejectedError("too_large", message)


@contextmanager
def readable(file: InputFile) -> Iterator[None]:
    """Make what goes wrong with the bytes of a file a SourceError that names it."""
    try:
        yield
    except (
        *(pa.ArrowException, OSError, EOFError, zlib.error),
        *(ValueError, OverflowError, RecursionError, NotImplementedError),
        *(tarfile.TarError, zipfile.BadZipFile),
    ) as error:
        if isinstance(error, OSError) and error.filename:
            raise  # says itself which file, and why it cannot be opened
        problem = " ".join(str(error).split())
        raise SourceError(
            f"{file.where}: no readable {file.suffix} file ({problem})",
            "check that it is complete",
        ) from error
