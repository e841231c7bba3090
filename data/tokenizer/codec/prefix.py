"""The beginning of a document as the beginning of its JSON text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...documents.json_text import quote
from ..symbols import drop_partial_character
from .exact import OpenFrame, spelled

__all__ = ["Prefix", "open_text", "steps", "whole_characters"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefix:
    """The beginning of a document."""

    text: str
    """JSON text so far; a longer prefix continues it."""
    open: str
    """Open containers, outermost first: `{` and `[`."""
    complete: bool
    """Whether the document is closed."""


def steps(frames: Sequence[OpenFrame]) -> Iterator[tuple[int, str | int]]:
    """Node of each open container, and key or index of the value being read in it."""
    for frame in frames[:-1]:  # whose last value is the next frame
        if frame.place is None:
            yield frame.number, len(frame.container) - 1
        else:
            yield frame.number, next(reversed(frame.container))
    if frames:
        frame = frames[-1]
        if frame.place is None:
            yield frame.number, len(frame.container)
        elif frame.key is not None:
            yield frame.number, frame.key


def whole_characters(symbols: str) -> str:
    """The text of some text symbols, less the bytes of an incomplete last character.

    Raises:
        MalformedError: the bytes before are not UTF-8.
    """
    return spelled(drop_partial_character(symbols), errors="surrogatepass")


def open_text(
    text: str,
    frames: Sequence[OpenFrame],
    partial: str | None,
    indent: int | None,
) -> str:
    """JSON text without the closers of open containers, up to the unfinished text.

    Args:
        text: of the value so far, as if it were complete.
        frames: open containers, outermost first.
        partial: the unfinished text, if any.
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
