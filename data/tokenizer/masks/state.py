"""One document while it is written, token by token."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .engine import MaskEngine
from .frames import Stack

__all__ = ["State"]


@dataclass(frozen=True, slots=True)
class State:
    """The position of a document in the grammar.  Immutable."""

    _engine: MaskEngine
    _stack: Stack

    @property
    def is_complete(self) -> bool:
        """Whether the document is closed; then no token may follow."""
        return self._stack.is_complete

    def allowed(self) -> NDArray[np.bool_]:
        """bool[8192], read-only: True for each id that keeps the document valid."""
        return self._engine.masks.allowed(self._stack)

    def forced(self) -> int | None:
        """The only id that may follow; None if there are several, or none."""
        allowed = np.flatnonzero(self.allowed())
        return int(allowed[0]) if len(allowed) == 1 else None

    def advance(self, token: int) -> "State":
        """The state after a token.

        Raises:
            ValueError: the token is not allowed here.
        """
        symbols = self._engine.vocabulary.get(token)
        if symbols is None:
            raise ValueError(f"token {token} is reserved or no id")
        return self.read(symbols)

    def read(self, symbols: str) -> "State":
        """The state after some base symbols.

        Raises:
            ValueError: they are not allowed here.
        """
        stack = self._engine.pushdown.walk(self._stack, symbols)
        if stack is None:
            raise ValueError(f"{symbols!r} is not allowed here")
        return State(self._engine, stack)

    def follow(self, symbols: str) -> "State":
        """The same as `read`."""
        return self.read(symbols)

    def fits(self, num_tokens: int) -> bool:
        """Whether `num_tokens` more tokens suffice to close the document."""
        symbols = self._engine.completer.closing(self._stack)
        # A token is one symbol or more, so most states need no cutting into tokens.
        return (
            len(symbols) <= num_tokens or len(self.shortest_completion()) <= num_tokens
        )

    def shortest_completion(self) -> tuple[int, ...]:
        """Ids of the shortest symbols that close the document from here."""
        symbols = self._engine.completer.closing(self._stack)
        return self._engine.segmenter().segment(symbols) if symbols else ()
