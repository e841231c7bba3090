"""Records: the inputs that every source yields, and the columns they are made of."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...data.documents.rejects import RejectedError
from ...data.errors import SourceError
from ...data.kinds import WORKFLOW, Kind
from ...data.tokenizer.grammar import Grammar
from .where import Condition, check_utf8

__all__ = [
    "DEFAULT_GROUP",
    "DEFAULT_TEXT",
    "FILE",
    "MISSING",
    "TIME",
    "Columns",
    "Record",
    "as_utf8",
    "cell_at",
    "listed",
    "repository",
    "texts_at",
    "unfit_value",
]

DEFAULT_TEXT, DEFAULT_GROUP = "text", "repo"
FILE, TIME = "path", "time"
MISSING = object()
"""In the place of a field that is not there."""
_MAX_NAMES, _MAX_NAME = 20, 100  # in a message


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """The columns of rows, and which rows count.

    None takes `text` and `repo`, if there are fields of these names.
    """

    text: str | None = None
    group: str | None = None
    where: tuple[Condition, ...] = ()
    """Rows for which one of these does not hold are skipped."""
    texts: Path | None = None
    """Folder with the files that the text column names; None if it holds texts."""

    row_keys: frozenset[str] = WORKFLOW.row_keys
    """Keys of which a line has one if it is a document itself."""
    folder: str | None = WORKFLOW.folder
    """Folder of a git repository that holds documents; None for the whole."""

    def __post_init__(self) -> None:
        """Refuse names that are not UTF-8: no column has them."""
        check_utf8(self.text or "", "--text-column")
        check_utf8(self.group or "", "--group-column")

    def of(self, kind: Kind, grammar: Grammar) -> "Columns":
        """The same columns, where documents are of a kind."""
        keys = kind.row_keys or grammar.known_keys(grammar.root)
        return replace(self, row_keys=keys, folder=kind.folder)


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One input: the text of a file, a row or a member of an archive."""

    path: str
    """Path below the source folder, `file#row` (rows from 0) or `file#member`."""
    text: bytes
    """The whole text; if it is too large, its first MAX_DOCUMENT_BYTES + 1 bytes."""
    group: str | None
    """Repository, if known."""
    file: str | None = None
    """Path of the file that a row is a version of: its `path` column, if any."""
    time: float = 0
    """Age of that version, greater is newer: the row's `time` column, or 0."""
    problem: RejectedError | None = None
    """Why there is no text to parse; None if there is."""


def repository(path: str, *, anywhere: bool = False) -> str | None:
    """`owner/name` from a path such as `owner__name/ci.yml`.

    Args:
        path: with `/` between folders.
        anywhere: take the outermost folder with such a name; otherwise only look at
            the first folder.
    """
    folders = path.split("/")[:-1]
    for folder in folders if anywhere else folders[:1]:
        owner, _, name = folder.partition("__")
        if owner and name:
            return f"{owner}/{name}"
    return None


def listed(names: Sequence[str]) -> str:
    """Names of columns for a message; only the first of thousands."""
    more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
    return f"{[name[:_MAX_NAME] for name in names[:_MAX_NAMES]]}{more}"


def unfit_value(
    where: str, condition: Condition, kind: object, expected: str
) -> SourceError:
    """The error for a condition whose value does not fit the type of its column."""
    return SourceError(
        f"{where}: --where {condition}: column {condition.column!r} holds {kind}, "
        f"expected {expected}",
        "compare it with a value of its type",
    )


def as_utf8(text: str) -> str:
    """Replace lone surrogates, which Python makes of invalid bytes in file names."""
    return re.sub("[\ud800-\udfff]+", "\ufffd", text)


def cell_at(row: dict[str, Any], name: str) -> object:
    """The field of a line with this name, or else the one at this path, such as `a.b`.

    MISSING if there is neither.
    """
    if name in row:
        return row[name]
    value: object = row
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            return MISSING
        value = value[key]
    return value


def texts_at(row: dict[str, Any], name: str) -> object:
    """The text of a line, or a list of them: `a.b` of each element of a list `a`."""
    value = cell_at(row, name)
    first, dot, rest = name.partition(".")
    if value is not MISSING or not dot or not isinstance(row.get(first), list | dict):
        return value
    below = row[first]
    if isinstance(below, dict):
        return texts_at(below, rest)
    found = [texts_at(one, rest) for one in below if isinstance(one, dict)]
    return [text for text in found if text is not MISSING]
