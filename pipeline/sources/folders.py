"""Find the documents of a folder, on this machine or in another filesystem.

Nothing outside the folder is read, and no folder twice.  A link to a file inside counts
as a file; a link that leads out is reported as a problem, unless links are followed.  A
FIFO, socket or device named like a document is a problem, too.
"""

import heapq
import os
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from pyarrow.fs import FileSelector, FileSystem, FileType

from ...data.files import special_file
from .formats import FORMATS
from .git import is_repository
from .input_file import DOCUMENT_SUFFIXES, is_document
from .records import as_utf8

__all__ = ["Found", "partitions", "walk", "walk_elsewhere"]

# Marks a store or a run, whose JSON files are not workflows.
_OURS = "tokenizer.json"
_PARTITIONED = tuple(
    suffix
    for format_ in FORMATS
    if format_.has_partitions
    for suffix in format_.suffixes
)
_NULL = "__HIVE_DEFAULT_PARTITION__"


class Found(NamedTuple):
    """A document of a folder."""

    below: str
    """Its path below the folder."""
    problem: str | None = None
    """Why it must not be opened; None if it may be."""
    is_repository: bool = False
    """Whether it is a git repository: a bare one, or the `.git` of a clone."""


def walk(root: str, *, follow_links: bool = False) -> Iterator[Found]:
    """The documents below a folder of this machine, in any order.

    Args:
        root: the folder.
        follow_links: follow links that lead out of it, or to a folder.  Each folder is
            still read once: by its own path if it is below the root, or else by the
            link whose path sorts first.
    """
    home = os.path.join(os.path.realpath(root), "")
    for entry in _entries(root, follow_links):
        if isinstance(entry, str):
            yield Found(entry[len(root) :].lstrip(os.sep), is_repository=True)
            continue
        # A hidden file named `.yml` has no suffix on this machine.
        suffix = os.path.splitext(entry.name)[1].lower()
        below = entry.path[len(root) :].lstrip(os.sep)
        if suffix not in DOCUMENT_SUFFIXES and not partitions(below):
            continue
        # `scandir` knows the kind of an entry already, unless it is a link.
        is_link = entry.is_symlink()
        if not (os.path.isfile(entry.path) if is_link else entry.is_file()):
            if kind := special_file(entry.path):
                yield Found(below, f"{kind}, not a regular file")
        elif is_link and not follow_links and not _is_inside(home, entry.path):
            yield Found(below, "a link out of the source, see --follow-links")
        else:
            yield Found(below)


def partitions(path: str) -> tuple[tuple[str, str | None], ...]:
    """The columns that a Parquet file has by its folders, as Hive and Spark write them.

    `year=2026/repo=o%2Fn/0.parquet` has `year` and `repo`; other files have none.
    """
    if not path.lower().endswith(_PARTITIONED) or "=" not in path:
        return ()
    pairs = (folder.partition("=") for folder in path.split("/")[:-1])
    return tuple(
        (as_utf8(key), None if value == _NULL else as_utf8(unquote(value)))
        for key, is_pair, value in pairs
        if key and is_pair
    )


def _is_inside(home: str, path: str) -> bool:
    return os.path.realpath(path).startswith(home)


def _entries(root: str, follow_links: bool) -> Iterator["os.DirEntry[str] | str"]:
    """All entries but folders in every folder below `root`, each read once.

    Of a git repository, only the path of its objects, whether it has a checkout or not.

    Links wait until no folder is left, so a folder is found by its own path first.
    """
    seen = set[tuple[int, int]]()
    folders, links = [root], list[str]()
    while folders or links:
        folder = folders.pop() if folders else heapq.heappop(links)
        if follow_links:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as found:
            entries = list(found)
        names = {entry.name for entry in entries}
        if _OURS in names:
            continue
        if (repository := _repository(folder, names)) is not None:
            yield repository
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders += [entry.path] * (entry.name != ".git")
            elif follow_links and os.path.isdir(entry.path):
                heapq.heappush(links, entry.path)
            else:
                yield entry


def _repository(folder: str, names: set[str]) -> str | None:
    """The git repository that a folder is or was checked out from; None if neither.

    A checkout without `.github` is a folder like any other: a corpus under version
    control, say.
    """
    if is_repository(names):
        return folder
    below = os.path.join(folder, ".git")
    if ".git" not in names or os.path.islink(below) or not os.path.isdir(below):
        return None
    if names != {".git"} and ".github" not in names:
        return None
    return below if is_repository(os.listdir(below)) else None


def walk_elsewhere(filesystem: FileSystem, root: str) -> list[Found]:
    """The same for another filesystem, which lists everything below in one call."""
    found = filesystem.get_file_info(FileSelector(root, recursive=True))
    start = len(root.strip("/")) + 1  # some filesystems add a slash in front
    files = [
        info.path.lstrip("/")[start:] for info in found if info.type is FileType.File
    ]
    ours = {path[: -len(_OURS)] for path in files if f"/{path}".endswith(f"/{_OURS}")}

    def is_wanted(path: str) -> bool:
        folders = path.split("/")[:-1]
        above = {"".join(f"{f}/" for f in folders[:n]) for n in range(len(folders) + 1)}
        named = (is_document(path) or bool(partitions(path))) and ".git" not in folders
        return named and ours.isdisjoint(above)

    return [Found(path) for path in files if is_wanted(path)]
