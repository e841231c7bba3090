"""What every source gives: records, made from files, members or fields of a row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...data.documents.rejects import RejectedError
from ...data.errors import SourceError
from .where import Condition, check_utf8

__all__ = [
    "DEFAULT_GROUP",
    "DEFAULT_TEXT",
    "FILE",
    "TIME",
    "Columns",
    "Record",
    "as_utf8",
    "listed",
    "repository",
    "unfit_value",
]

DEFAULT_TEXT, DEFAULT_GROUP = "text", "repo"
FILE, TIME = "path", "time"
_MAX_NAMES, _MAX_NAME = 20, 100  # in a message


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Which rows count and what their fields mean.

    None takes `text` and `repo` where there are fields of these names.
    """

    text: str | None = None
    group: str | None = None
    where: tuple[Condition, ...] = ()
    """What holds for every row that is read; the others are no inputs."""

    def __post_init__(self) -> None:
        """Refuse names that no column has, and that cannot be written down."""
        check_utf8(self.text or "", "--text-column")
        check_utf8(self.group or "", "--group-column")


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One input: the text of a file, a row or a member of an archive."""

    path: str
    """Path below the source folder, `file#row` (rows from 0) or `file#member`."""
    text: bytes
    """All of it, or the first MAX_DOCUMENT_BYTES + 1 bytes of what is too large."""
    group: str | None
    """Repository, where it is known."""
    file: str | None = None
    """Path of the file that a row is a version of, where the row has a `path`."""
    time: float = 0
    """When the version was made, where the row has a `time`: newer is greater."""
    problem: RejectedError | None = None
    """Why there is no text to parse, if there is none."""


def repository(path: str, *, anywhere: bool = False) -> str | None:
    """`owner/name` from a path such as `owner__name/ci.yml`.

    Args:
        path: with `/` between folders.
        anywhere: take the outermost folder of such a name; otherwise the first folder
            has it, or none.
    """
    folders = path.split("/")[:-1]
    for folder in folders if anywhere else folders[:1]:
        owner, _, name = folder.partition("__")
        if owner and name:
            return f"{owner}/{name}"
    return None


def listed(names: Sequence[str]) -> str:
    """The names of columns, as messages list them: not thousands."""
    more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
    return f"{[name[:_MAX_NAME] for name in names[:_MAX_NAMES]]}{more}"


def unfit_value(
    where: str, condition: Condition, kind: object, expected: str
) -> SourceError:
    """What is said of a condition whose value is of another kind than its column."""
    return SourceError(
        f"{where}: --where {condition}: column {condition.column!r} holds {kind}, "
        f"expected {expected}",
        "compare it with a value of its type",
    )


def as_utf8(text: str) -> str:
    """`text` without what UTF-8 cannot hold, such as bytes of an odd file name."""
    return re.sub("[\ud800-\udfff]+", "\ufffd", text)
