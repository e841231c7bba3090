"""Documents that are being written, one token after the other.

A writer holds what is known of one document and says what the model must read next.
A token that is the only admissible one costs no draw and no call of the model: it is
read together with the next that is drawn.

The budget of a constrained document is never exceeded, and never spent on something
that is left open: a token after which the document could not be closed in time is not
taken, and the document is closed the shortest way then.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ...data.documents.json_text import Json
from ...data.errors import DecodeError
from ...data.tokenizer import Prompt, Tokenizer
from .sampling import Sampling, draw, uniform

__all__ = ["ConstrainedWriter", "Ending", "FreeWriter", "Sample", "Writer"]

Ending = Literal["finished", "cut", "open", "broken"]
"""How a document ended.

    finished   the model closed it
    cut        its budget was used up, so it was closed the shortest way
    open       free only: its budget was used up
    broken     free only: no document goes on with its last token
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One document that a model wrote."""

    number: int
    tokens: tuple[int, ...]
    """The prompt's included."""
    value: Json
    """The document; None if it is open or broken."""
    ending: Ending
    log_prob: float
    """Of the tokens that were drawn, given those before them, in nats: the logarithm of
    their probability at temperature 1, among the admissible ones."""

    @property
    def is_whole(self) -> bool:
        """Whether there is a document."""
        return self.ending in ("finished", "cut")


class Writer(Protocol):
    """A document that is being written."""

    tokens: list[int]
    """So far."""

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""

    def take(self, logits: NDArray[np.float32]) -> None:
        """Draw a token; logits are (V,) of the one after `tokens`."""

    def sample(self) -> Sample:
        """What was written; what has not ended is as if its budget was used up now."""


class ConstrainedWriter:
    """Writes under the grammar's masks, so that every end is that of a document."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        prompt: Prompt,
        number: int,
        *,
        sampling: Sampling,
        budget: int,
    ) -> None:
        """Begin a document.

        Args:
            tokenizer: of the model.
            prompt: how it begins; it can be closed within the budget.
            number: of the sample.
            sampling: how tokens are drawn.
            budget: most tokens.
        """
        self.tokens = list(prompt.ids)
        self._tokenizer, self._state = tokenizer, prompt.state
        self._number, self._sampling, self._budget = number, sampling, budget
        self._is_cut = False
        self._log_prob = 0.0
        self._take_forced()

    @property
    def is_done(self) -> bool:
        """Whether the document is closed."""
        return self._is_cut or self._state.is_complete

    def take(self, logits: NDArray[np.float32]) -> None:
        """Draw a token, and add those that must follow it."""
        luck = uniform(self._sampling.seed, self._number, len(self.tokens))
        token, log_prob = draw(logits, self._state.allowed(), luck, self._sampling)
        if self._add(token):
            self._log_prob += log_prob
        self._take_forced()

    def _take_forced(self) -> None:
        while not self.is_done and (token := self._state.forced()) is not None:
            self._add(token)

    def _add(self, token: int) -> bool:
        """Add a token, or close the document if there is no room for it."""
        following = self._state.advance(token)
        if not following.fits(self._budget - len(self.tokens) - 1):
            self.tokens += self._state.shortest_completion()
            self._is_cut = True
            return False
        self.tokens.append(token)
        self._state = following
        return True

    def sample(self) -> Sample:
        """The document; one that is still open is closed the shortest way."""
        end = () if self.is_done else self._state.shortest_completion()
        tokens = (*self.tokens, *end)
        return Sample(
            number=self._number,
            tokens=tokens,
            value=self._tokenizer.decode(tokens),
            ending="finished" if self._state.is_complete else "cut",
            log_prob=self._log_prob,
        )


class FreeWriter:
    """Writes without masks, which shows what the model itself has learnt."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        prompt: Prompt,
        number: int,
        *,
        sampling: Sampling,
        budget: int,
    ) -> None:
        """Begin a document; arguments as for `ConstrainedWriter`."""
        self.tokens = list(prompt.ids)
        self._decoder = tokenizer.decoder()
        self._decoder.feed(self.tokens)
        self._number, self._sampling, self._budget = number, sampling, budget
        self._is_broken = False
        self._log_prob = 0.0

    @property
    def is_done(self) -> bool:
        """Whether the document is closed, broken or as long as it may get."""
        return (
            self._is_broken
            or self._decoder.is_complete
            or len(self.tokens) >= self._budget
        )

    def take(self, logits: NDArray[np.float32]) -> None:
        """Draw a token among all."""
        luck = uniform(self._sampling.seed, self._number, len(self.tokens))
        token, log_prob = draw(logits, None, luck, self._sampling)
        self.tokens.append(token)
        self._log_prob += log_prob
        try:
            self._decoder.feed([token])
        except DecodeError:
            self._is_broken = True

    def sample(self) -> Sample:
        """What was written."""
        is_whole = not self._is_broken and self._decoder.is_complete
        ending: Ending = "finished" if is_whole else "open"
        return Sample(
            number=self._number,
            tokens=tuple(self.tokens),
            value=self._decoder.value() if is_whole else None,
            ending="broken" if self._is_broken else ending,
            log_prob=self._log_prob,
        )
