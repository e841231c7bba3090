"""Read the documents of a git repository: those at HEAD, or all that led there."""

import hashlib
import re
from collections.abc import Iterator
from io import BytesIO
from typing import IO, NamedTuple

from ....data.documents.parse import MAX_DOCUMENT_BYTES
from ....data.documents.rejects import RejectedError
from ....data.errors import SourceError
from ..input_file import InputFile, is_document, read_bounded
from ..records import Columns, Record, as_utf8, repository
from .process import output, reading_blobs

__all__ = ["read_repository", "state"]

_LINK = "120000"
_FILES = ("100644", "100755", _LINK)
_BLOCK_BYTES = 1 << 20


_Below = tuple[str, ...]
"""Arguments of git that name the folder of the documents; empty for all of them."""


class _Version(NamedTuple):
    """A version of a document."""

    path: str
    mode: str
    blob: str
    commit: str | None = None
    """The commit that made it; None for the version at HEAD."""


def state(file: InputFile) -> str:
    """Hex sha256 of all that `read_repository` depends on.

    Raises:
        SourceError: there is no git, or the repository cannot be read.
    """
    found = f"{_head(file)} {_group(file)} {file.history}"
    return hashlib.sha256(found.encode()).hexdigest()


def read_repository(file: InputFile, columns: Columns) -> Iterator[Record]:
    """The documents at HEAD by path; with `history`, all versions, the oldest first.

    A repository without a commit has none.

    Raises:
        SourceError: there is no git, or the repository cannot be read.
    """
    head = _head(file)
    if head is None:
        return
    group = _group(file)
    below = columns.folder
    read = _history if file.history else _newest
    versions = read(file, head, () if below is None else ("--", f"{below}/"))
    with reading_blobs(file) as (requests, answers):
        for number, version in enumerate(versions):
            text, problem = _text(file, version, requests, answers)
            path = as_utf8(version.path)
            at = f"@{version.commit}" if version.commit else ""
            yield Record(
                path=f"{file.name}#{path}{at}",
                text=text,
                group=group,
                file=path if file.history else None,
                time=number,
                problem=problem,
            )


def _head(file: InputFile) -> str | None:
    """The commit of HEAD; None if there is none yet."""
    arguments = "rev-parse", "--quiet", "--verify", "HEAD"
    found = output(file, *arguments, maybe=True)
    return None if found is None else found.decode().strip()


def _group(file: InputFile) -> str:
    """The repository's name: of its origin, or else of its folder."""
    arguments = "config", "--local", "--get", "remote.origin.url"
    origin = output(file, *arguments, maybe=True) or b""
    address = origin.decode("utf-8", "replace").strip().removesuffix("/")
    parts = re.split("[/:]", address.removesuffix(".git"))
    if len(parts) > 2 and all(parts[-2:]):
        return as_utf8("/".join(parts[-2:]))
    name = file.name.removesuffix(".git").rstrip("/")
    return repository(f"{name}/", anywhere=True) or name


def _newest(file: InputFile, head: str, below: _Below) -> Iterator[_Version]:
    arguments = "ls-tree", "-r", "-z", "--full-tree", head, *below
    for entry in _parts(output(file, *arguments)):
        about, _, path = entry.partition("\t")
        mode, _, blob = about.split(" ")
        if mode in _FILES and is_document(path):
            yield _Version(path, mode, blob)


def _history(file: InputFile, head: str, below: _Below) -> Iterator[_Version]:
    """Every version that a commit made, parents before children.

    A merge counts against its first parent, and a version that is the last one of its
    path already is left out: a merge repeats what its branches made.
    """
    order = "--reverse", "--topo-order", "--full-history"
    commits = output(file, "rev-list", *order, head, *below)
    options = "--root", "-r", "-m", "-z", "--no-renames", "--diff-merges=first-parent"
    changes = output(
        file, "diff-tree", "--stdin", *options, *below, stdin=commits or b""
    )
    commit, last, parts = "", dict[str, str](), _parts(changes)
    for part in parts:
        if not part.startswith(":"):
            commit = part.strip()
            continue
        _, mode, _, blob, _ = part.split(" ")
        path = next(parts)
        if mode in _FILES and is_document(path) and last.get(path) != blob:
            yield _Version(path, mode, blob, commit)
        last[path] = blob


def _parts(data: bytes | None) -> Iterator[str]:
    """The texts that end with NUL."""
    return (
        part.decode("utf-8", "surrogateescape")
        for part in (data or b"").split(b"\0")
        if part
    )


def _text(
    file: InputFile, version: _Version, requests: IO[bytes], answers: IO[bytes]
) -> tuple[bytes, RejectedError | None]:
    if version.mode == _LINK:
        return b"", RejectedError("unsafe_member", "a link")
    try:
        requests.write(f"{version.blob}\n".encode())
        requests.flush()
    except BrokenPipeError:
        raise _cut_off(file, version) from None
    _, *about = answers.readline().split()
    if len(about) != 2:
        if about == [b"missing"]:
            message = f"the repository lacks its object {version.blob}"
            return b"", RejectedError("bad_record", message)
        raise _cut_off(file, version)
    size = int(about[1])
    beginning = answers.read(min(size, MAX_DOCUMENT_BYTES + 1))
    text, problem = read_bounded(BytesIO(beginning), size)
    left = size + 1 - len(text)  # and the end of the line
    while left:
        skipped = len(answers.read(min(left, _BLOCK_BYTES)))
        if not skipped:
            raise _cut_off(file, version)
        left -= skipped
    return text, problem


def _cut_off(file: InputFile, version: _Version) -> SourceError:
    return SourceError(
        f"{file.where}: git cannot read object {version.blob} of {version.path!r}",
        "check the repository with git fsck, or clone it again",
    )
