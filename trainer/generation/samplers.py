"""Write documents token by token, under the grammar's masks or freely.

A writer holds the state of one document and the tokens for the model to read.  A forced
token, the only admissible one, costs neither a draw nor a forward pass: the model reads
it together with the next drawn token.

A constrained document always closes within its token budget: a token that would leave
too little room is not taken, and the document is closed the shortest way instead.
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
    cut        its budget ran out, so it was closed the shortest way
    open       free only: its budget ran out
    broken     free only: no document continues with its last token
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A document written by a model."""

    number: int
    tokens: tuple[int, ...]
    """Including those of the prompt."""
    value: Json
    """The document; None if it is open or broken."""
    ending: Ending
    log_prob: float
    """Log-probability of the drawn tokens in nats, each given those before it, at
    temperature 1 and among the admissible tokens."""

    @property
    def is_whole(self) -> bool:
        """Whether it is a complete document."""
        return self.ending in ("finished", "cut")


class Writer(Protocol):
    """A document in progress."""

    tokens: list[int]
    """So far."""

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""

    def take(self, logits: NDArray[np.float32]) -> None:
        """Draw the next token from its (V,) logits."""

    def sample(self) -> Sample:
        """The result; an unfinished document ends as if its budget ran out now."""


class ConstrainedWriter:
    """Writes under the grammar's masks, so that every result is a document."""

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
            prompt: its beginning, which can be closed within the budget.
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
        """Draw a token, and append the forced ones after it."""
        number = uniform(self._sampling.seed, self._number, len(self.tokens))
        token, log_prob = draw(logits, self._state.allowed(), number, self._sampling)
        if self._add(token):
            self._log_prob += log_prob
        self._take_forced()

    def _take_forced(self) -> None:
        while not self.is_done and (token := self._state.forced()) is not None:
            self._add(token)

    def _add(self, token: int) -> bool:
        """Append a token, or close the document if there is no room for it."""
        following = self._state.advance(token)
        if not following.fits(self._budget - len(self.tokens) - 1):
            self.tokens += self._state.shortest_completion()
            self._is_cut = True
            return False
        self.tokens.append(token)
        self._state = following
        return True

    def sample(self) -> Sample:
        """The document; an open one is closed the shortest way."""
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
        """Whether the document is closed, broken, or out of budget."""
        return (
            self._is_broken
            or self._decoder.is_complete
            or len(self.tokens) >= self._budget
        )

    def take(self, logits: NDArray[np.float32]) -> None:
        """Draw a token from the whole vocabulary."""
        number = uniform(self._sampling.seed, self._number, len(self.tokens))
        token, log_prob = draw(logits, None, number, self._sampling)
        self.tokens.append(token)
        self._log_prob += log_prob
        try:
            self._decoder.feed([token])
        except DecodeError:
            self._is_broken = True

    def sample(self) -> Sample:
        """The result, a document only if the model closed it."""
        is_whole = not self._is_broken and self._decoder.is_complete
        ending: Ending = "finished" if is_whole else "open"
        return Sample(
            number=self._number,
            tokens=tuple(self.tokens),
            value=self._decoder.value() if is_whole else None,
            ending="broken" if self._is_broken else ending,
            log_prob=self._log_prob,
        )
