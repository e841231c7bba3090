"""Where tokens lead inside one frame."""

from typing import NamedTuple

from .trie import Cursor, Ids

__all__ = ["Findings", "Inside"]


class Inside(NamedTuple):
    """The courses of tokens from a cursor inside a frame."""

    ids: Ids
    """Tokens that end inside the frame, or with it."""
    after: Cursor
    """Cursor of the others when they close the frame."""
    keys: tuple[Cursor, ...]
    """Cursors at which a free key of this very object may begin."""


class Findings:
    """An `Inside` in the making."""

    def __init__(self) -> None:
        self.ids: list[Ids] = []
        self.after: set[int] = set()
        self.keys: list[Cursor] = []

    def add_end(self, cursor: Cursor) -> None:
        """Close the frame at `cursor`."""
        self.ids.append(cursor.ends)
        self.after |= cursor.nodes

    def add(self, inside: Inside) -> None:
        """Continue as another frame does."""
        self.ids.append(inside.ids)
        self.after |= inside.after.nodes
        self.keys += inside.keys
