"""Read texts from the files that rows name.

Datasets are published as a table that says everything about a file but its text, and a
folder with the files, named by a hash.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from ...data.documents.rejects import Reason, RejectedError
from ...data.errors import SourceError
from ...data.files import naming, open_regular, special_file
from .input_file import DOCUMENT_SUFFIXES, read_bounded
from .records import Record, as_utf8

__all__ = ["TextFiles"]

_SUFFIXES = ("", *DOCUMENT_SUFFIXES)  # that a name may lack
_MAX_SHOWN = 100  # characters of a name in a message


class TextFiles:
    """A folder with texts."""

    def __init__(self, folder: Path) -> None:
        """Check the folder.

        Raises:
            SourceError: it is none.
        """
        if not folder.is_dir():
            found = "found a file" if folder.exists() else "not found"
            raise SourceError(
                f"--texts {folder}: {found}, expected a folder",
                "give the folder with the files that the text column names",
            )
        self._home = os.path.realpath(folder)
        self._folder = lru_cache(os.path.realpath)

    def read(self, records: Iterable[Record]) -> Iterator[Record]:
        """Replace the text of each record, a name, by that of the file."""
        for record in records:
            yield record if record.problem else self._read(record)

    def _read(self, record: Record) -> Record:
        name = os.fsdecode(record.text)
        shown = as_utf8(name[:_MAX_SHOWN])
        if not name or "\0" in name:
            return _refused(record, "bad_record", f"{shown!r} is no name of a file")
        path = os.path.join(self._home, name)
        home = self._folder(os.path.dirname(path))
        inside = os.path.join(self._home, "")
        if not os.path.join(home, "").startswith(inside) or ".." in name.split("/"):
            message = f"{shown!r} lies outside the folder of texts"
            return _refused(record, "unsafe_member", message)
        for suffix in _SUFFIXES:
            if os.path.islink(path + suffix):
                message = f"{shown!r} is a link in the folder of texts"
                return _refused(record, "unsafe_member", message)
            if os.path.isfile(path + suffix):
                return _with_text(record, path + suffix)
        what = special_file(path) or "not found"
        message = f"{shown!r}: {what} in the folder of texts"
        return _refused(record, "bad_record", message)

    def fingerprint(self, sha256: Callable[[Path], str]) -> list[tuple[str, str]]:
        """(path below the folder, hex sha256) of every regular file in it, by path."""
        found = []
        for home, folders, names in os.walk(self._home):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(home, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    below = as_utf8(os.path.relpath(path, self._home))
                    found.append((below, sha256(Path(path))))
        return found


def _with_text(record: Record, path: str) -> Record:
    with naming(Path(path)), open_regular(path) as file:
        text, problem = read_bounded(file, os.fstat(file.fileno()).st_size)
    return replace(record, text=text, problem=problem)


def _refused(record: Record, reason: Reason, message: str) -> Record:
    return replace(record, problem=RejectedError(reason, message))
