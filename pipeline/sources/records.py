"""What every source gives: records, made from files, members or fields of a row."""

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from ...data.rejects import RejectedError
from .conditions import Condition

__all__ = [
    "DEFAULT_GROUP",
    "DEFAULT_TEXT",
    "FILE",
    "TIME",
    "Columns",
    "Record",
    "as_utf8",
    "group_name",
    "repository",
    "version",
]

DEFAULT_TEXT, DEFAULT_GROUP = "text", "repo"
FILE, TIME = "path", "time"


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Which rows count and what their fields mean.

    None takes `text` and `repo` where there are fields of these names.
    """

    text: str | None = None
    group: str | None = None
    where: tuple[Condition, ...] = ()
    """What holds for every row that is read; the others are no inputs."""


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


def group_name(value: object) -> str | None:
    """A group's name as text; None where there is none."""
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def version(file: object, time: object) -> tuple[str | None, float]:
    """Which file a row is a version of, and when it was made, as far as it says so."""
    if isinstance(time, str):
        with suppress(ValueError):
            time = datetime.fromisoformat(time)
    if isinstance(time, datetime):
        # Times that do not say where they are from are compared as they stand.
        time = time.replace(tzinfo=time.tzinfo or UTC).timestamp()
    seconds = time if isinstance(time, int | float) and math.isfinite(time) else 0
    return file if isinstance(file, str) else None, seconds


def as_utf8(text: str) -> str:
    """`text` without what UTF-8 cannot hold, such as bytes of an odd file name."""
    return re.sub("[\ud800-\udfff]+", "\ufffd", text)
