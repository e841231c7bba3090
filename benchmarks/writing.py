"""Let a small model write documents, freely or under an engine's masks.

Both arms draw in the same way, and a document ends in the same way: when its root is
closed, without an end token.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import jsonschema_rs
import torch
from engines import Cursor, TctCursor
from schema import SCHEMA
from schemes import OnText, Scheme
from torch import Tensor

from tct.data.documents.json_text import Json
from tct.data.errors import DecodeError
from tct.data.tokenizer import Tokenizer
from tct.trainer.generation.forward import Reader
from tct.trainer.model import GPT

JUDGE = jsonschema_rs.Draft7Validator(SCHEMA)
STAGES = ("whole JSON", "on schema", "on schema, closed")
"""The last counts those too that the model did not finish and an engine could close."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How tokens are drawn."""

    temperature: float
    top_p: float

    def __str__(self) -> str:
        """For a table."""
        return f"T {self.temperature:g}, top-p {self.top_p:g}"


class Text(Protocol):
    """Reads tokens as they are written, and knows when a document is complete."""

    def feed(self, token: int) -> bool:
        """Read a token; return whether the document may continue."""

    def value(self) -> Json:
        """The document; ValueError where there is none."""


class TctText:
    """Ends when the root is closed, or at a token that no document continues with."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Begin a document."""
        self.decoder = tokenizer.decoder()

    def feed(self, token: int) -> bool:
        """Read a token; return whether the document may continue."""
        try:
            self.decoder.feed([token])
        except DecodeError:
            return False
        return not self.decoder.is_complete

    def value(self) -> Json:
        """The document."""
        try:
            return self.decoder.value()
        except DecodeError as error:
            raise ValueError(str(error)) from error


class JsonText:
    """Ends as soon as the text is a whole JSON object."""

    def __init__(self, scheme: OnText) -> None:
        """Begin a document."""
        self.scheme, self.ids = scheme, list[int]()
        self.text = ""

    def feed(self, token: int) -> bool:
        """Read a token; return whether the document may continue."""
        self.ids.append(token)
        if "}" not in self.scheme.to_text([token]):
            return True
        self.text = self.scheme.to_text(self.ids)
        with suppress(ValueError):
            self.value()
            return False
        return True

    def value(self) -> Json:
        """The document."""
        value: Json = json.loads(self.text)
        return value


class Document:
    """One that is being written."""

    def __init__(self, scheme: Scheme, cursor: Cursor | None, seed: int) -> None:
        """Begin; a cursor says what may follow, and None allows everything."""
        self.tokens = list[int]()
        self.is_finished = False
        """Whether the model closed it, or broke it."""
        self._text: Text = (
            JsonText(scheme) if isinstance(scheme, OnText) else TctText(scheme)
        )
        self._cursor = cursor
        self._generator = torch.Generator().manual_seed(seed)

    def take(self, logits: Tensor, drawing: Drawing) -> None:
        """Draw a token from (8192,) logits, which may be changed."""
        if self._cursor is not None:
            self._cursor.fill()
            self._cursor.apply(logits)
        token = draw(logits, drawing, self._generator)
        self.tokens.append(token)
        self.is_finished = not self._text.feed(token)
        if self._cursor is not None and not self._cursor.advance(token):
            raise RuntimeError(f"token {token} of the mask was refused")

    def value(self) -> Json:
        """The document, closed by the engine if it can; None if there is none."""
        if not self.is_finished and isinstance(self._cursor, TctCursor):
            for token in self._cursor.state.shortest_completion():
                self._text.feed(token)
        with suppress(ValueError):
            return self._text.value()
        return None


def draw(logits: Tensor, drawing: Drawing, generator: torch.Generator) -> int:
    weights, ids = torch.softmax(logits / drawing.temperature, 0).sort(descending=True)
    inside = weights.cumsum(0) - weights < drawing.top_p
    weights = torch.where(inside, weights, 0.0)
    return int(ids[torch.multinomial(weights, 1, generator=generator)])


def write(model: GPT, documents: Sequence[Document], drawing: Drawing) -> None:
    """Let a model write documents side by side, to their end or that of the context."""
    reader = Reader(model, len(documents))
    first = reader.begin([])
    for row, document in enumerate(documents):
        reader.restart(row)
        document.take(torch.from_numpy(first.copy()), drawing)
    for _ in range(model.config.context - 1):
        rows = [row for row, one in enumerate(documents) if not one.is_finished]
        found = reader.read({row: documents[row].tokens for row in rows})
        for row, logits in zip(rows, found, strict=True):
            documents[row].take(torch.from_numpy(logits), drawing)


def funnel(
    model: GPT,
    scheme: Scheme,
    start: Callable[[], Cursor] | None,
    drawing: Drawing,
    *,
    samples: int,
    seed: int,
) -> list[float]:
    """Shares of all samples that pass each of STAGES.

    Args:
        model: in eval mode.
        scheme: of its tokens.
        start: begins the cursor whose masks apply; None for no masks.
        drawing: how tokens are drawn.
        samples: how many.
        seed: of what is drawn.
    """
    documents = [
        Document(scheme, start() if start else None, (seed << 20) + number)
        for number in range(samples)
    ]
    write(model, documents, drawing)
    counts = [0] * len(STAGES)
    for document in documents:
        value = document.value()
        whole = document.is_finished and value is not None
        is_valid = JUDGE.is_valid(value)
        passed = whole, whole and is_valid, is_valid
        counts = [n + bool(ok) for n, ok in zip(counts, passed, strict=True)]
    return [count / samples for count in counts]
