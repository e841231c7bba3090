"""Where a document stands, for whoever writes one token by token."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .pushdown import State as GrammarState

if TYPE_CHECKING:
    from ..tokenizer import Tokenizer

__all__ = ["State"]


@dataclass(frozen=True, slots=True)
class State:
    """Where a document stands, and which tokens may follow.  Immutable."""

    tokenizer: "Tokenizer"
    _state: GrammarState

    @property
    def is_complete(self) -> bool:
        """Whether the document is closed; then no token may follow."""
        return self._state.is_complete

    def allowed(self) -> NDArray[np.bool_]:
        """bool[8192], read-only: True for each id that keeps the document valid."""
        return self.tokenizer._masks.allowed(self._state)

    def forced(self) -> int | None:
        """The only id that may follow, or None where there is a choice or an end."""
        allowed = np.flatnonzero(self.allowed())
        return int(allowed[0]) if len(allowed) == 1 else None

    def advance(self, token: int) -> "State":
        """The state after a token.

        Raises:
            ValueError: the token is not allowed here.
        """
        symbols = self.tokenizer.vocabulary.get(token)
        if symbols is None:
            raise ValueError(f"token {token} is reserved or no id")
        return self.read(symbols)

    def read(self, symbols: str) -> "State":
        """The state after some base symbols.

        Raises:
            ValueError: they are not allowed here.
        """
        state = self.tokenizer._machine.walk(self._state, symbols)
        if state is None:
            raise ValueError(f"{symbols!r} is not allowed here")
        return State(self.tokenizer, state)

    def fits(self, num_tokens: int) -> bool:
        """Whether so many more tokens are enough to close the document."""
        symbols = self.tokenizer._completer.closing(self._state)
        # A token is one symbol or more, so most states need no cutting into tokens.
        return (
            len(symbols) <= num_tokens or len(self.shortest_completion()) <= num_tokens
        )

    def shortest_completion(self) -> tuple[int, ...]:
        """Ids that close the document from here, as few as the grammar needs."""
        symbols = self.tokenizer._completer.closing(self._state)
        return self.tokenizer.segmenter.segment(symbols) if symbols else ()
