"""List and read the members of a .zip, within bounds.

`zipfile` reads the directory and finds the packed bytes.  They are unpacked here, since
`zipfile` may unpack a whole bomb at once, and reads bytes that many members share as
often as they are listed.
"""

import bz2
import copy
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, BinaryIO

from ....data.documents.rejects import RejectedError

__all__ = ["ZipMember", "zip_members"]

_LOCAL_HEADER_BYTES = 30  # before the name
_CHUNK = 1 << 16
_LZMA_HEAD = 4  # version and size of the properties, which follow
_LZMA_PROPERTIES = 5
_LZMA_HAS_END_MARK = 0x2
_MAX_LZMA_MEMORY = 256 << 20
# `zipfile` raises RuntimeError for encrypted members and unsupported methods.
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError),
    *(RuntimeError, ValueError, OverflowError),
)


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A file or a link in a zip."""

    name: str
    size: int
    """Unpacked bytes, as the directory declares."""
    is_link: bool
    shares: bool
    """Whether its packed bytes overlap those of another member."""
    archive: zipfile.ZipFile = field(repr=False)
    info: zipfile.ZipInfo = field(repr=False)

    def read(self, size: int) -> bytes:
        """Its first `size` bytes; if that is all of it, size and CRC are checked.

        Raises:
            RejectedError: it is damaged, encrypted or compressed by an unknown method.
                Other members are not affected.
        """
        try:
            return self._read(size)
        except _UNREADABLE as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # an error of the disk, not of the member
            message = " ".join(str(error).split()) or type(error).__name__
            raise RejectedError("bad_record", message) from error

    def _read(self, size: int) -> bytes:
        if self.info.header_offset < 0:
            raise zipfile.BadZipFile("it begins before the archive")
        if self.shares:
            raise zipfile.BadZipFile("it shares its bytes with another member")
        # Let `zipfile` believe the member is stored, to get its packed bytes.
        raw = copy.copy(self.info)
        raw.compress_type, raw.file_size = zipfile.ZIP_STORED, raw.compress_size
        del raw.CRC  # it is of the unpacked bytes
        with self.archive.open(raw) as packed:
            data = _unpack(packed, self.info, size)
        if len(data) < size and len(data) != self.size:
            message = f"found {len(data):,} bytes where {self.size:,} are declared"
            raise zipfile.BadZipFile(message)
        if len(data) < size and zlib.crc32(data) != self.info.CRC:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {self.name!r}")
        return data


def zip_members(stream: BinaryIO) -> Iterator[ZipMember]:
    """The files and links of a zip, in the order of its directory.

    Raises:
        zipfile.BadZipFile, ValueError, NotImplementedError: the directory is damaged.
    """
    with zipfile.ZipFile(stream) as archive:
        shared = _shared(archive.infolist())
        for number, info in enumerate(archive.infolist()):
            # `zipfile` cuts names at NUL; keep it, so that the name is refused.
            name = (
                info.filename if "\0" not in info.orig_filename else info.orig_filename
            )
            if not name.endswith("/"):
                is_link = stat.S_ISLNK(info.external_attr >> 16)
                yield ZipMember(
                    name, info.file_size, is_link, number in shared, archive, info
                )


def _shared(infos: list[zipfile.ZipInfo]) -> set[int]:
    """Numbers of members that begin where an earlier one does or run into the next.

    The others cannot overlap, and a wrong size rejects no member but its own.
    """
    offsets = sorted({info.header_offset for info in infos})
    following = dict(pairwise(offsets))
    shared, begun = set(), set()
    for number, info in enumerate(infos):
        begin = info.header_offset
        size = _LOCAL_HEADER_BYTES + len(info.orig_filename) + info.compress_size
        if begin in begun or begin + size > following.get(begin, begin + size):
            shared.add(number)
        else:
            begun.add(begin)
    return shared


def _unpack(packed: Any, info: zipfile.ZipInfo, size: int) -> bytes:
    """Unpack the first `size` bytes."""
    match info.compress_type:
        case zipfile.ZIP_STORED:
            return bytes(packed.read(size))
        case zipfile.ZIP_DEFLATED:
            unpacker: Any = zlib.decompressobj(-zlib.MAX_WBITS)
        case zipfile.ZIP_BZIP2:
            unpacker = bz2.BZ2Decompressor()
        case zipfile.ZIP_LZMA:
            unpacker = _lzma(packed, info)
        case other:
            raise NotImplementedError(f"compression method {other}")
    found, data = bytearray(), packed.read(_CHUNK)
    while len(found) < size and not unpacker.eof:
        part = unpacker.decompress(data, size - len(found))
        found += part
        # zlib returns the input it has not consumed; bz2 and lzma keep theirs.
        data = getattr(unpacker, "unconsumed_tail", b"")
        if not data and getattr(unpacker, "needs_input", True):
            data = packed.read(_CHUNK)
            if not data and not part:
                raise EOFError("unexpected end of data")
    return bytes(found)


def _lzma(packed: Any, info: zipfile.ZipInfo) -> lzma.LZMADecompressor:
    """A decompressor for LZMA, fed the header of a .lzma file.

    Only that format lets `lzma` bound the memory that the header asks for.
    """
    head = packed.read(_LZMA_HEAD)
    properties = packed.read(_LZMA_PROPERTIES)
    if head[2:] != _LZMA_PROPERTIES.to_bytes(2, "little"):
        raise zipfile.BadZipFile("LZMA without its properties")
    has_end_mark = info.flag_bits & _LZMA_HAS_END_MARK
    size = b"\xff" * 8 if has_end_mark else info.file_size.to_bytes(8, "little")
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MAX_LZMA_MEMORY)
    unpacker.decompress(properties + size)
    return unpacker
