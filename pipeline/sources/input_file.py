"""An input file: its name, its place, and its bytes as a stream."""

import os
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
from ...data.errors import SourceError, TctError
from ...data.files import open_regular

__all__ = [
    "ARRAY_SUFFIX",
    "DOCUMENT_SUFFIXES",
    "REPOSITORY_SUFFIX",
    "InputFile",
    "is_document",
    "most_rows",
    "most_unpacked",
    "open_unpacked",
    "read_bounded",
    "readable",
]

DOCUMENT_SUFFIXES = (".json", ".yaml", ".yml")
"""Of workflows: the only files that are read of a folder or an archive."""

REPOSITORY_SUFFIX = ".git"
"""Of an input file that is a folder: a git repository."""

ARRAY_SUFFIX = ".json array"
"""Of a .json file that holds an array of rows, not a workflow."""

_COMPRESSIONS = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd"}
_BUFFER_BYTES = 1 << 20  # of one request to a remote filesystem
_MIN_UNPACKED, _MAX_RATIO = 256 << 20, 1000
_MIN_ROWS = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class InputFile:
    """A file to read; small and picklable, so that any process can read it."""

    name: str
    """Its name in records and fingerprints: UTF-8, the same on every machine."""
    path: str
    suffix: str
    """Lower case; names the format, see `formats.py`, and the compression."""
    filesystem: FileSystem | None
    """The filesystem of `path`; None is this machine, read without pyarrow."""
    where: str
    """Its name in messages: as the user gave it."""
    group: str | None = None
    """The repository, if a folder names it."""
    problem: str | None = None
    """Why it must not be opened; None if it may be."""
    partitions: tuple[tuple[str, str | None], ...] = ()
    """Columns that folders such as `year=2026` give a table, outermost first."""
    history: bool = False
    """Whether to read all versions, of a git repository."""

    def open(self) -> BufferedReader:
        """Open the file as a seekable stream of bytes."""
        if self.filesystem is None:
            return open_regular(self.path)
        return _python_file(self.filesystem.open_input_file(self.path))

    def size(self) -> int:
        """Size of the file in bytes."""
        with self.open_arrow() as file:
            return int(file.size())

    def open_arrow(self) -> pa.NativeFile:
        """Open the file for the readers of pyarrow."""
        if self.filesystem is None:
            self.open().close()  # refuses what is not a regular file
            return pa.OSFile(os.fsencode(self.path))
        return self.filesystem.open_input_file(self.path)


def is_document(name: str) -> bool:
    """Whether a file or member has the name of a workflow."""
    return name.lower().endswith(DOCUMENT_SUFFIXES)


def open_unpacked(file: InputFile) -> BufferedReader:
    """Open a file; decompress it if its suffix names a compression."""
    compression = _COMPRESSIONS.get("." + file.suffix.rpartition(".")[2])
    if compression is None:
        return file.open()
    packed = file.open_arrow()
    unpacked = pa.CompressedInputStream(packed, compression)
    return BufferedReader(_Bounded(unpacked, packed.size()), _BUFFER_BYTES)


def most_unpacked(size: int) -> int:
    """Bound on the bytes that a compressed file of `size` bytes may unpack to.

    Many versions of one file compress to a hundredth; a ratio of a thousand is a bomb.
    """
    return max(_MIN_UNPACKED, _MAX_RATIO * size)


def most_rows(size: int) -> int:
    """Bound on the rows of a file of `size` bytes: one a byte, or a million if more."""
    return max(_MIN_ROWS, size)


class _Bounded(RawIOBase):
    """A decompressed stream that ends with an error at `most_unpacked`."""

    def __init__(self, unpacked: pa.NativeFile, size: int) -> None:
        self._unpacked = unpacked
        self._size = size
        self._left = most_unpacked(size)

    def readable(self) -> bool:
        """Readable, neither seekable nor writable."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes; raise EOFError beyond the bound."""
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
    """Read a text; if it is too large, read its beginning and return the problem.

    Args:
        stream: at the beginning of the text.
        size: of the text in bytes, for the message.
    """
    text = stream.read(MAX_DOCUMENT_BYTES + 1)
    if len(text) <= MAX_DOCUMENT_BYTES:
        return text, None
    message = f"{size:,} bytes, at most {MAX_DOCUMENT_BYTES:,}"
    return text, RejectedError("too_large", message)


@contextmanager
def readable(file: InputFile) -> Iterator[None]:
    """Turn any error about the bytes of a file into a SourceError that names it."""
    try:
        yield
    except (
        *(pa.ArrowException, OSError, EOFError, zlib.error),
        *(ValueError, OverflowError, RecursionError, NotImplementedError),
        *(tarfile.TarError, zipfile.BadZipFile),
    ) as error:
        if isinstance(error, OSError) and error.filename:
            raise  # already names the file and the reason
        problem = " ".join(str(error).split())
        raise SourceError(
            f"{file.where}: not a readable {file.suffix} file ({problem})",
            "check that it is complete",
        ) from error
    except Exception as error:  # a remote filesystem raises errors of its own
        if file.filesystem is None or isinstance(error, TctError):
            raise
        problem = " ".join(str(error).split())
        raise SourceError(
            f"{file.where}: cannot be read ({problem})", "try again"
        ) from error
