"""Find the input files of a source: one file, or the documents of a folder.

A source is a path, a URI of a filesystem that pyarrow knows (`s3://`, `gs://`,
`file://` …), or a `Location` in any other filesystem of pyarrow.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeAlias

from pyarrow.fs import FileSystem, FileType

from ...data.errors import SourceError
from ...data.files import special_file
from ...data.remote import HUB, is_uri, reaching, resolve
from .folders import Found, partitions, walk, walk_elsewhere
from .formats import FORMATS, suffix_of
from .hub import row_files
from .input_file import ARRAY_SUFFIX, REPOSITORY_SUFFIX, InputFile, readable
from .records import as_utf8, repository

__all__ = [
    "Location",
    "Source",
    "historic_sources",
    "input_files",
    "linked_sources",
    "listed_sources",
]

_FIRST_BYTES = 1 << 10  # of a .json file, which tell whether it holds an array


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """A file or a folder in a filesystem."""

    path: str
    filesystem: FileSystem | None = None
    """None is this machine."""
    where: str
    """Its name in messages."""
    listed_as: str | None = None
    """Its path in a list on stdin, None if it is not from a list.

    Records of a listed file are named by this path, and any folder of it may name the
    repository; other records are named by their path below the location."""
    follow_links: bool = False
    """Whether to follow links in a folder that lead out of it, or to a folder."""
    history: bool = False
    """Whether to read all versions of workflows in git repositories."""

    def __str__(self) -> str:
        return self.where


Source: TypeAlias = str | Path | Location


def listed_sources(sources: Iterable[str], stdin: BinaryIO) -> list[Source]:
    """Replace `-` among the sources by those that stdin lists.

    Args:
        sources: as given on the command line.
        stdin: paths or URIs, each on a line or ended by NUL, as by `find -print0`.

    Raises:
        SourceError: the list is empty.
    """
    found: list[Source] = []
    for source in sources:
        if source != "-":
            found.append(source)
            continue
        data = stdin.read()
        lines = data.split(b"\0") if b"\0" in data else data.splitlines()
        listed = [os.fsdecode(line) for line in lines if line.strip()]
        if not listed:
            raise SourceError(
                "-: found no path on stdin",
                "pipe a list of paths, such as find . -name '*.yml' | tct prepare -",
            )
        found.extend(_locate(line, listed=True) for line in listed)
    return found


def linked_sources(sources: Iterable[Source]) -> list[Source]:
    """The same sources, set to follow links in folders wherever they lead."""
    return [replace(_located(source), follow_links=True) for source in sources]


def historic_sources(sources: Iterable[Source]) -> list[Source]:
    """The same sources, set to read all versions of workflows in git repositories."""
    return [replace(_located(source), history=True) for source in sources]


def input_files(sources: Iterable[Source]) -> list[InputFile]:
    """The files of every source, in reading order.

    Raises:
        SourceError: a source is missing, empty, of an unknown format or unreachable.
    """
    located = [_located(source) for source in sources]
    files = [file for location in located for file in _files_of(location)]
    is_history = any(location.history for location in located)
    if is_history and not any(file.history for file in files):
        raise SourceError(
            "--history: found no git repository among the sources",
            "leave it out, or give a clone, a bare repository or a folder of them",
        )
    return files


def _located(source: Source) -> Location:
    return source if isinstance(source, Location) else _locate(source)


def _locate(source: str | Path, *, listed: bool = False) -> Location:
    text = str(source)
    if not text:
        raise SourceError("found an empty path", "give a file or a folder")
    if isinstance(source, Path) or not is_uri(text):
        path = Path(text)
        name = path.as_posix() if listed else None
        return Location(path=str(path), where=str(path), listed_as=name)
    place = resolve(text)
    return Location(
        path=place.path,
        filesystem=place.filesystem,
        where=place.where,
        listed_as=place.where if listed else None,
    )


def _files_of(location: Location) -> list[InputFile]:
    kind = _type_of(location)
    if kind is FileType.NotFound:
        raise SourceError(
            f"{location.where}: not found",
            "give a folder of workflows, a .jsonl, a .parquet or an archive",
        )
    if kind is FileType.Unknown:
        kind_name = None if location.filesystem else special_file(location.path)
        raise SourceError(
            f"{location.where}: found {kind_name or 'neither a file nor a folder'}, "
            "expected a regular file or a folder",
            "write what it gives to a file",
        )
    if kind is FileType.File:
        return [_single(location)]
    if rows := _row_files(location):
        return rows
    found = sorted((as_utf8(one.below), one) for one in _walk(location))
    if not found:
        raise SourceError(
            f"{location.where}: no .yml, .yaml or .json file in this folder or below",
            "give the folder that holds the workflows",
        )
    return [_below(location, name, one) for name, one in found]


def _row_files(location: Location) -> list[InputFile]:
    """The files of a dataset of the Hub; none for other folders, or without rows."""
    if location.filesystem is None or not location.where.startswith(HUB):
        return []
    with reaching(location.where):
        paths = row_files(location.filesystem, location.path)
    files = []
    for path in paths:
        below = path.removeprefix(location.path).lstrip("/")
        where = f"{location.where.rstrip('/')}/{below}"
        single = _single(replace(location, path=path, where=where))
        files.append(replace(single, name=as_utf8(below)))
    return files


def _walk(location: Location) -> Iterable[Found]:
    if location.filesystem is None:
        return walk(location.path, follow_links=location.follow_links)
    with reaching(location.where):
        return walk_elsewhere(location.filesystem, location.path)


def _type_of(location: Location) -> FileType:
    if location.filesystem is None:
        path = Path(location.path)
        if path.is_dir():
            return FileType.Directory
        if path.is_file():
            return FileType.File
        return FileType.Unknown if path.exists() else FileType.NotFound
    with reaching(location.where):
        return location.filesystem.get_file_info(location.path).type


def _single(location: Location) -> InputFile:
    if not (suffix := suffix_of(location.path)):
        suffix = Path(location.path).suffix or "unknown"
        known = sorted(suffix for format_ in FORMATS for suffix in format_.suffixes)
        raise SourceError(
            f"{location.where}: found a file of type {suffix!r}, "
            f"expected one of {', '.join(known)}",
            "convert it, or give the folder that holds the workflows",
        )
    listed = location.listed_as
    file = InputFile(
        name=as_utf8(listed or location.path.rpartition("/")[2]),
        path=location.path,
        suffix=suffix,
        filesystem=location.filesystem,
        where=location.where,
        group=repository(listed, anywhere=True) if listed else None,
    )
    return replace(file, suffix=ARRAY_SUFFIX) if _is_array(file) else file


def _is_array(file: InputFile) -> bool:
    """Whether a .json file holds an array; no workflow is one."""
    if file.suffix != ".json":
        return False
    with readable(file), file.open() as stream:
        return stream.read(_FIRST_BYTES).lstrip().startswith(b"[")


def _repository(location: Location, found: Found) -> InputFile:
    root = re.sub(r"/\.git$", "", os.path.realpath(location.path))
    top = location.listed_as or os.path.basename(root)
    below = re.sub(r"(^|/)\.git$", "", found.below)
    name = below or top if location.listed_as is None else f"{top}/{below}".rstrip("/")
    return InputFile(
        name=as_utf8(name),
        path=os.path.join(location.path, found.below),
        suffix=REPOSITORY_SUFFIX,
        filesystem=None,
        where=f"{location.where.rstrip('/')}/{found.below}".rstrip("/"),
        history=location.history,
    )


def _below(location: Location, name: str, found: Found) -> InputFile:
    if found.is_repository:
        return _repository(location, found)
    listed = location.listed_as
    full = name if listed is None else f"{as_utf8(listed)}/{name}"
    return InputFile(
        name=full,
        path=f"{location.path.rstrip('/')}/{found.below}",
        suffix=suffix_of(found.below),
        filesystem=location.filesystem,
        where=f"{location.where.rstrip('/')}/{found.below}",
        group=repository(full, anywhere=listed is not None),
        problem=found.problem,
        partitions=partitions(found.below),
    )
