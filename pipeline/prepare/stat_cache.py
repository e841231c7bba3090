"""Remember the sha256 of input files, so that unchanged ones are not read again.

As in git's index, a file counts as unchanged while its size, times and inode are the
same: a hundred thousand files need a `stat` each, not a read.  A file changed less than
two seconds before it was hashed is hashed again next time, because a later change might
carry the same timestamp ("racy git").

The cache is one file per list of sources in `$XDG_CACHE_HOME/tct` (`~/.cache/tct`): 32
bytes of sha256, then an Arrow file, which they are of.  A damaged or missing cache only
costs time.
"""

import hashlib
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from ...data.cache import cache_folder
from ...data.errors import ConfigError
from ...data.files import sha256_file, write_atomic
from ...data.store.writer import write_arrow
from ..sources import Source

__all__ = ["StatCache"]

_SCHEMA = pa.schema(
    {
        "path": pa.binary(),
        "size": pa.int64(),
        "mtime_ns": pa.int64(),
        "ctime_ns": pa.int64(),
        "inode": pa.uint64(),
        "sha256": pa.binary(32),
    }
)
_RACY_NS = 2_000_000_000
_MIN_FILES, _MIN_BYTES = 100, 64 << 20  # below both, hashing again is as quick

_Stat = tuple[int, int, int, int]


class StatCache:
    """Hashes the files of some sources, each once while it does not change."""

    def __init__(self, sources: Sequence[Source]) -> None:
        """Read the cache of `sources`."""
        name = "\0".join(map(str, [Path.cwd(), *sources]))
        digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
        self._file = _cache_folder() / f"stat-2-{digest}"
        self._known = _read(self._file)
        self._found: dict[bytes, tuple[_Stat, bytes]] = {}
        self._hashed_bytes = 0

    def sha256(self, path: Path) -> str:
        """Hex sha256 of a file."""
        name = os.fsencode(path)
        status = os.stat(path)
        stat = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
        known = self._known.get(name) or self._found.get(name)
        if known is not None and known[0] == stat:
            self._found[name] = known
            return known[1].hex()
        digest, now = sha256_file(path), time.time_ns()
        self._hashed_bytes += status.st_size
        if max(stat[1], stat[2]) < now - _RACY_NS:
            self._found[name] = stat, bytes.fromhex(digest)
        return digest

    def save(self) -> None:
        """Write the cache, if it has news and saves time; a failure is ignored."""
        is_much = len(self._found) >= _MIN_FILES or self._hashed_bytes >= _MIN_BYTES
        if not self._hashed_bytes or not is_much:
            return
        stats = [stat for stat, _ in self._found.values()]
        columns = [
            list(self._found),
            *([stat[at] for stat in stats] for at in range(4)),
            [digest for _, digest in self._found.values()],
        ]
        table = pa.table(columns, schema=_SCHEMA)
        sink = pa.BufferOutputStream()
        write_arrow(sink, table)
        content = sink.getvalue().to_pybytes()
        digest = hashlib.sha256(content).digest()
        with suppress(OSError):
            write_atomic(self._file, lambda file: file.write(digest + content))


def _cache_folder() -> Path:
    try:
        return cache_folder()
    except ConfigError:  # of a user without a home nothing is kept
        return Path(os.devnull) / "tct"


def _read(path: Path) -> dict[bytes, tuple[_Stat, bytes]]:
    with suppress(OSError, pa.ArrowException, ValueError):
        if not path.is_file():
            return {}
        data = path.read_bytes()
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            return {}
        table = pa.ipc.open_file(data[32:]).read_all()
        if table.schema.equals(_SCHEMA):
            paths, *stats, digests = (column.to_pylist() for column in table.columns)
            entries = zip(zip(*stats, strict=True), digests, strict=True)
            return dict(zip(paths, entries, strict=True))
    return {}
