"""A store elsewhere, such as `s3://bucket/store`, and its copy in the cache.

    ~/.cache/tct/stores/DIGEST/NAME/   the files, as in any store
    ~/.cache/tct/stores/by-uri/*.json  which copy a URI had last, for when it is offline

DIGEST is that of the manifest, so a store that changes is another copy, and a file in
it is never replaced by other content.  The manifest is read anew each time and says
what the other files have to be; none is read before it has the recorded sha256.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..cache import cache_folder
from ..errors import FormatError, SourceError
from ..files import read_json, write_atomic, write_json
from ..remote import (
    Expected,
    Fetcher,
    Place,
    is_intact,
    is_uri,
    public_uri,
    reaching,
    resolve,
)
from .files import read_manifest

__all__ = ["Copy", "locate"]

_MANIFEST = "manifest.json"
_MOST_BYTES = 16 << 20  # of a manifest: 130 for each of at most 65,536 shards
_MOST_NAMES = 5  # in a message
_FOLDER = re.compile(r"[0-9a-f]{64}/[^/]+")

Note = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Copy:
    """The copy of a store, which may still be on its way."""

    uri: str
    """Of the store, without secrets."""
    folder: Path
    fetcher: Fetcher | None
    """None if the store cannot be reached; then every file is here."""

    @property
    def is_complete(self) -> bool:
        """Whether every file is here and intact."""
        return self.fetcher is None or self.fetcher.is_complete

    def expect(self, names: Iterable[str]) -> None:
        """Fetch these files next, in this order, and then all others."""
        if self.fetcher is not None:
            self.fetcher.expect(names)

    def wait(self, name: str) -> Path:
        """Fetch a file next, and then all others; return when it is here."""
        if self.fetcher is None:
            return self.folder / name
        self.fetcher.expect([name])
        return self.fetcher.wait(name)


def locate(store: Path | str, note: Note) -> tuple[Path, Copy | None]:
    """The folder of a store, and the copy it is if the store lies elsewhere.

    Of a copy, all files but the shards are here.

    Raises:
        SourceError: it cannot be reached, and no whole copy of it is here.
        FormatError: no store, or one of another version.
        CorruptError: a file there differs from its record, or is missing.
    """
    text = os.fspath(store)
    if not is_uri(text):
        return Path(text), None
    stores = cache_folder() / "stores"
    pointer = stores / "by-uri" / f"{_sha256(public_uri(text).encode())[:16]}.json"
    try:
        place = resolve(text)
        if place.filesystem is None:  # file://
            return Path(place.path), None
        data = _fetch_manifest(place)
    except SourceError as error:
        return _offline(public_uri(text), stores, pointer, error, note)
    manifest = _parse(data, place)
    folder = stores / manifest["digest"] / _name(place)
    write_atomic(folder / _MANIFEST, lambda file: file.write(data))
    write_json(pointer, {"folder": folder.relative_to(stores).as_posix()})
    files = _expected(manifest)
    fetcher = Fetcher(place, folder, files, note)
    fetcher.fetch([name for name in files if not name.startswith("tokens-")])
    return folder, Copy(uri=public_uri(text), folder=folder, fetcher=fetcher)


def _fetch_manifest(place: Place) -> bytes:
    """The bytes of a manifest; none if there is none."""
    assert place.filesystem is not None
    source = place.below(_MANIFEST)
    with reaching(place.where):
        try:
            with place.filesystem.open_input_stream(source.path) as stream:
                return bytes(stream.read(_MOST_BYTES))
        except FileNotFoundError:
            return b""


def _parse(data: bytes, place: Place) -> dict[str, Any]:
    """Check a manifest as that of any store is checked, and name it by its place."""
    with TemporaryDirectory() as folder:
        if data:
            (Path(folder) / _MANIFEST).write_bytes(data)
        try:
            return read_manifest(Path(folder))
        except FormatError as error:
            problem = error.problem.replace(folder, place.where)
            hint = "give the URI of a folder that tct prepare wrote, uploaded as it is"
            raise type(error)(problem, hint) from error


def _offline(
    uri: str, stores: Path, pointer: Path, error: SourceError, note: Note
) -> tuple[Path, Copy]:
    """The copy that a URI had last, if every file of it is here."""
    folder = _last(stores, pointer)
    if folder is None:
        raise error
    files = _expected(read_manifest(folder))
    lacks = [name for name in files if not is_intact(folder / name, files[name])]
    if lacks:
        names = ", ".join(lacks[:_MOST_NAMES])
        if (more := len(lacks) - _MOST_NAMES) > 0:
            names += f" and {more:,} more"
        raise SourceError(
            f"{error.problem}, and the copy in {folder} lacks {names}",
            "connect once more to fetch them, or give a store on this machine",
        ) from error
    note(f"{error.problem}: reading the copy in {folder}")
    return folder, Copy(uri=uri, folder=folder, fetcher=None)


def _last(stores: Path, pointer: Path) -> Path | None:
    with suppress(OSError, FormatError):
        below = str(read_json(pointer).get("folder"))
        if _FOLDER.fullmatch(below) and (stores / below / _MANIFEST).is_file():
            return stores / below
    return None


def _expected(manifest: dict[str, Any]) -> dict[str, Expected]:
    return {
        name: Expected(size=file["bytes"], sha256=file["sha256"])
        for name, file in manifest["files"].items()
    }


def _name(place: Place) -> str:
    """The last part of a URI's path, as the name of a folder."""
    name = place.path.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^\w.=@-]|^\.", "_", name) or "store"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
