"""List and read the members of a .tar, as a stream, in one pass.

A tar is a sequence of 512-byte headers (POSIX ustar), each followed by the bytes of its
member and padded to whole blocks.  A long name comes in a header of its own before the
member's, as a pax record or in GNU's way.  A block of zeros ends the archive; without
it, the archive is cut off.  Sparse members are recognized, but their maps are not read.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

__all__ = ["TarMember", "tar_members"]

_BLOCK = tarfile.BLOCKSIZE
_MAX_HEADER_BYTES = 1 << 20  # of one long name or one set of pax records
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_LONG = {tarfile.GNUTYPE_LONGNAME: "path", tarfile.GNUTYPE_LONGLINK: "linkpath"}
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_LINKS = (tarfile.SYMTYPE, tarfile.LNKTYPE)
# Members without bytes, whatever size the header declares.
_EMPTY = (*_LINKS, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE)
_CHUNK = 1 << 16
_MAX_DIGITS = 9  # of the length of a pax record


@dataclass(slots=True)
class TarMember:
    """A file or a link in a tar; readable until the next member is requested."""

    name: str
    size: int
    """Bytes in the tar."""
    is_link: bool
    is_sparse: bool
    stream: IO[bytes] = field(repr=False)
    _left: int = 0

    def __post_init__(self) -> None:
        """Start with everything unread."""
        self._left = self.size

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end of the member.

        Raises:
            EOFError: the tar ends within the member.
        """
        data = _read(self.stream, min(size, self._left))
        self._left -= len(data)
        return data

    def skip(self) -> None:
        """Skip the unread bytes and the padding."""
        _skip(self.stream, self._left + -self.size % _BLOCK)
        self._left = 0


def tar_members(stream: IO[bytes]) -> Iterator[TarMember]:
    """The files and links of a tar, in order.

    Raises:
        tarfile.ReadError: a header is damaged.
        EOFError: the tar ends without its end mark.
    """
    pax: dict[str, str] = {}
    while (block := _read(stream, _BLOCK)).strip(b"\0"):
        header = _header(block)
        if header.type in (*_PAX, tarfile.XGLTYPE, *_LONG):
            data = _attributes(stream, header)
            if header.type in _LONG:
                pax[_LONG[header.type]] = _text(data.partition(b"\0")[0])
            elif header.type in _PAX:
                pax |= _pax_records(data)
            continue
        size = 0 if header.type in _EMPTY else _size(pax.get("size"), header.size)
        sparse = header.type == tarfile.GNUTYPE_SPARSE
        if sparse and block[482]:
            _skip_map(stream)
        sparse |= any(key.startswith("GNU.sparse.") for key in pax)
        name = pax.get("GNU.sparse.name") or pax.get("path") or header.name
        is_link = header.type in _LINKS
        member = TarMember(name, size, is_link, sparse, stream)
        pax = {}
        if is_link or sparse or (header.type in _FILES and not name.endswith("/")):
            yield member
        member.skip()


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise tarfile.ReadError(f"{error}, expected a member or the end") from error


def _size(recorded: str | None, size: int) -> int:
    """The size of a member: its pax record's, or else its header's."""
    size = size if recorded is None else int(recorded)
    if size < 0:
        raise tarfile.ReadError(f"a header says that it has {size:,} bytes")
    return size


def _attributes(stream: IO[bytes], header: tarfile.TarInfo) -> bytes:
    """The content of a header that holds a long name or pax records."""
    if not 0 <= header.size <= _MAX_HEADER_BYTES:
        raise tarfile.ReadError(f"a header says that it has {header.size:,} bytes")
    data = _read(stream, header.size)
    _skip(stream, -header.size % _BLOCK)
    return data


def _pax_records(data: bytes) -> dict[str, str]:
    r"""Parse records such as `17 path=a/ci.yml\n`, each preceded by its length."""
    records, at = dict[str, str](), 0
    while at < len(data) and data[at]:
        length, space, _ = data[at : at + _MAX_DIGITS + 1].partition(b" ")
        end = at + int(length) if space and length.isdigit() else 0
        start = at + len(length) + 1
        if not start < end <= len(data) or data[end - 1 : end] != b"\n":
            raise tarfile.ReadError("a header holds a malformed pax record")
        key, _, value = data[start : end - 1].partition(b"=")
        records[_text(key)] = _text(value)
        at = end
    return records


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _skip_map(stream: IO[bytes]) -> None:
    """Skip the blocks that continue the map of an old GNU sparse header.

    Byte 504 of each says whether another one follows.
    """
    while _read(stream, _BLOCK)[504]:
        pass


def _read(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("unexpected end of data")
    return data


def _skip(stream: IO[bytes], size: int) -> None:
    while size:
        size -= len(_read(stream, min(size, _CHUNK)))
