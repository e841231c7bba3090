"""One document while it is written under GitHub's rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...kinds import Rules
from ..codec import Codec
from ..masks import MaskEngine
from ..masks.frames import Stack
from ..masks.writable import writable
from ..segmenter import Segmenter
from .closing import StrictCompleter, closing
from .masks import StrictMasks
from .narrow import narrow
from .prompts import follow
from .scope import START, Scope, Scopes

__all__ = ["Rules", "StrictEngine", "StrictState"]


class StrictEngine:
    """The parts that all states of a tokenizer share."""

    def __init__(
        self,
        codec: Codec,
        vocabulary: Mapping[int, str],
        segmenter: Callable[[], Segmenter],
    ) -> None:
        """Take the parts of a tokenizer; arguments as for `MaskEngine`."""
        narrowed = narrow(writable(codec.grammar))
        self.narrowed = narrowed
        self.engine = MaskEngine(codec, vocabulary, segmenter, grammar=narrowed.grammar)
        self.scopes = Scopes(narrowed, self.engine.pushdown)

    @cached_property
    def masks(self) -> StrictMasks:
        """The ids that may follow, by position."""
        return StrictMasks(self.scopes, self.engine.masks, self.engine.masks.vocabulary)

    @cached_property
    def completer(self) -> StrictCompleter:
        """The grammar's part of completions."""
        return StrictCompleter(self.scopes)

    def start(self) -> "StrictState":
        """The state before the first token of a document."""
        return StrictState(self, self.engine.pushdown.start, START)


@dataclass(frozen=True, slots=True)
class StrictState:
    """The position of a document in the grammar and the rules.  Immutable.

    Methods are those of `State`.
    """

    _engine: StrictEngine
    _stack: Stack
    _scope: Scope

    @property
    def is_complete(self) -> bool:
        """Whether the document is closed; then no token may follow."""
        return self._stack.is_complete

    def allowed(self) -> NDArray[np.bool_]:
        """bool[8192], read-only: True for each id that keeps the document valid."""
        return self._engine.masks.allowed(self._stack, self._scope)

    def forced(self) -> int | None:
        """The only id that may follow; None if there are several, or none."""
        allowed = np.flatnonzero(self.allowed())
        return int(allowed[0]) if len(allowed) == 1 else None

    def advance(self, token: int) -> "StrictState":
        """The state after a token.

        Raises:
            ValueError: the token is not allowed here.
        """
        symbols = self._engine.engine.vocabulary.get(token)
        if symbols is None:
            raise ValueError(f"token {token} is reserved or no id")
        return self.read(symbols)

    def read(self, symbols: str) -> "StrictState":
        """The state after some base symbols.

        Raises:
            ValueError: they are not allowed here.
        """
        found = self._engine.scopes.walk((self._stack, self._scope), symbols)
        if found is None:
            raise ValueError(f"{symbols!r} is not allowed here")
        return StrictState(self._engine, *found)

    def follow(self, symbols: str) -> "StrictState":
        """The state after the beginning of a document that people wrote.

        Its texts may be in other forms than those that are generated.

        Raises:
            ValueError: it has keys or values that are never generated.
        """
        found = follow(self._engine.scopes, (self._stack, self._scope), symbols)
        if found is None:
            raise ValueError(f"{symbols!r} is never generated")
        return StrictState(self._engine, *found)

    def fits(self, num_tokens: int) -> bool:
        """Whether `num_tokens` more tokens suffice to close the document."""
        symbols = self._closing()
        # A token is one symbol or more, so most states need no cutting into tokens.
        return (
            len(symbols) <= num_tokens or len(self.shortest_completion()) <= num_tokens
        )

    def shortest_completion(self) -> tuple[int, ...]:
        """Ids of a short way to close the document from here."""
        symbols = self._closing()
        return self._engine.engine.segmenter().segment(symbols) if symbols else ()

    def _closing(self) -> str:
        return closing(
            self._engine.scopes, self._engine.completer, self._stack, self._scope
        )
