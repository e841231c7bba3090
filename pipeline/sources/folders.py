"""The documents of a folder, here or in another filesystem.

A folder is read once, and nothing outside of it: a link to a file inside is that file
again, and one that leads out is an input with a problem, unless links are to be
followed.  So is what is named like a document, but is no regular file.
"""

import heapq
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from pyarrow.fs import FileSelector, FileSystem, FileType

from .input_file import is_document

__all__ = ["Found", "special_file", "walk", "walk_elsewhere"]

# A store or a run, whose JSON is no workflows.
_OURS = "tokenizer.json"
_SPECIAL = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Found(NamedTuple):
    """A document of a folder."""

    below: str
    """Its path below the folder."""
    problem: str | None = None
    """Why it is not to be opened, if it is not."""


def special_file(path: str) -> str | None:
    """What a file is that is no regular one; None for one that is, or is not there."""
    try:
        return _SPECIAL.get(stat.S_IFMT(os.stat(path).st_mode))
    except OSError:
        return None


def walk(root: str, *, follow_links: bool = False) -> Iterator[Found]:
    """The documents below a folder of this machine, in any order.

    Args:
        root: the folder.
        follow_links: whether links are followed that lead out of it, or to a folder.
            Then, too, every folder is read once: where it lies, or else by the link
            that comes first by its path.
    """
    home = os.path.join(os.path.realpath(root), "")
    for entry in _entries(root, follow_links):
        if not is_document(entry.name):
            continue
        below = entry.path[len(root) :].lstrip(os.sep)
        # The system has said already what it is, unless it is a link.
        is_link = entry.is_symlink()
        if not (os.path.isfile(entry.path) if is_link else entry.is_file()):
            if kind := special_file(entry.path):
                yield Found(below, f"{kind}, no regular file")
        elif is_link and not follow_links and not _is_inside(home, entry.path):
            yield Found(below, "a link out of the source, see --follow-links")
        else:
            yield Found(below)


def _is_inside(home: str, path: str) -> bool:
    return os.path.realpath(path).startswith(home)


def _entries(root: str, follow_links: bool) -> Iterator["os.DirEntry[str]"]:
    """What is no folder, in every folder below `root`, each read once."""
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
        if any(entry.name == _OURS for entry in entries):
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders += [entry.path] * (entry.name != ".git")
            elif follow_links and os.path.isdir(entry.path):
                heapq.heappush(links, entry.path)
            else:
                yield entry


def walk_elsewhere(filesystem: FileSystem, root: str) -> list[Found]:
    """The same for another filesystem, which lists what is below in one go."""
    found = filesystem.get_file_info(FileSelector(root, recursive=True))
    start = len(root.strip("/")) + 1  # some filesystems add a slash in front
    files = [
        info.path.lstrip("/")[start:] for info in found if info.type is FileType.File
    ]
    ours = {path[: -len(_OURS)] for path in files if f"/{path}".endswith(f"/{_OURS}")}

    def is_wanted(path: str) -> bool:
        folders = path.split("/")[:-1]
        above = {"".join(f"{f}/" for f in folders[:n]) for n in range(len(folders) + 1)}
        named = is_document(path) and ".git" not in folders
        return named and ours.isdisjoint(above)

    return [Found(path) for path in files if is_wanted(path)]
