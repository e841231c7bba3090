"""The beginning of a document as the beginning of its JSON text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...documents.json_text import quote

__all__ = ["OpenContainer", "Prefix", "open_text"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefix:
    """How far some symbols get."""

    text: str
    """JSON text so far; a longer prefix continues it."""
    open: str
    """What is not closed yet, outermost first: `{` and `[`."""
    complete: bool
    """Whether the document is closed."""


class OpenContainer(Protocol):
    """An array or object that is being read."""

    container: Any
    """list or dict so far."""
    key: str | None
    """Whose value is wanted, in an object."""


def open_text(
    text: str,
    frames: Sequence[OpenContainer],
    partial: str | None,
    indent: int | None,
) -> str:
    """JSON text without the closers of what is open, and with what is being read.

    Args:
        text: of the value so far, as if it were complete.
        frames: what is open, outermost first.
        partial: the text that is being read, if any.
        indent: spaces per level of `text`; None for minified.
    """
    for frame in frames:  # the root is closed last
        text = text[:-1]
        if frame.container and indent is not None:
            text = text[: text.rindex("\n")]
    key = frames[-1].key if frames else None
    if frames and (key is not None or partial is not None):
        text += "," if frames[-1].container else ""
        if indent is not None:
            text += "\n" + " " * indent * len(frames)
    if key is not None:
        text += quote(key) + (":" if indent is None else ": ")
    return text if partial is None else text + quote(partial)[:-1]
