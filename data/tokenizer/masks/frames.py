"""Frames of the pushdown automaton, and stacks of them."""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..grammar import Alive

__all__ = ["Array", "Frame", "Key", "Object", "Stack", "Tag", "Text", "Value"]


class Value(NamedTuple):
    """A value comes next."""

    node: int
    in_array: bool


class Object(NamedTuple):
    """Between two pairs of an object."""

    node: int
    alive: Alive
    seen: frozenset[str]


class Tag(NamedTuple):
    """Before the value of a tag, which decides between the branches."""

    node: int
    alive: Alive
    seen: frozenset[str]
    key: str


class Array(NamedTuple):
    """Between two items of an array."""

    node: int
    items: int  # so far, capped where min_items and max_items no longer care


class Text(NamedTuple):
    """Inside a string or a number."""

    automaton: int
    state: int
    pending: bytes  # bytes of an incomplete character


class Key(NamedTuple):
    """Inside a free key."""

    node: int
    alive: Alive
    seen: frozenset[str]
    state: int
    pending: bytes
    text: str  # so far, to detect a duplicate


Frame: TypeAlias = Value | Object | Tag | Array | Text | Key


class Stack:
    """A frame on top of its parent; the empty stack has neither.  Immutable."""

    __slots__ = ("allowed", "closing", "depth", "frame", "parent")

    def __init__(self, frame: Frame | None, parent: "Stack | None") -> None:
        """Only `Pushdown.push` makes stacks: it keeps equal ones the same object."""
        self.frame = frame
        self.parent = parent
        is_container = isinstance(frame, Object | Tag | Array | Key)
        self.depth: int = (parent.depth if parent else 0) + is_container
        # Memos of `Masks` and `Completer`.
        self.allowed: NDArray[np.bool_] | None = None
        self.closing: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the document is closed."""
        return self.frame is None
