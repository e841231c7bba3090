"""Let a small model write documents, freely or under an engine's masks.

Both arms draw in the same way, and a document ends in the same way: with the close of
its root, which is no token of its own.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import jsonschema_rs
import torch
from engines import Cursor, TctCursor
from schema import SCHEMA
from schemes import OnText, Scheme

from tct.data.errors import DecodeError
from tct.data.json_text import Json
from tct.data.tokenizer import VOCAB_SIZE, Tokenizer
from tct.trainer.model import GPT, KVCache

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


class Reader(Protocol):
    """Reads tokens as they are written, and knows when a document is whole."""

    def feed(self, token: int) -> bool:
        """Read a token; whether the document may go on."""

    def value(self) -> Json:
        """The document; ValueError where there is none."""


class TctReader:
    """Ends with the close of the root, or with a token with which none goes on."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Begin a document."""
        self.decoder = tokenizer.decoder()

    def feed(self, token: int) -> bool:
        """Read a token; whether the document may go on."""
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


class TextReader:
    """Ends as soon as the text is a whole JSON object."""

    def __init__(self, scheme: OnText) -> None:
        """Begin a document."""
        self.scheme, self.ids = scheme, list[int]()
        self.text = ""

    def feed(self, token: int) -> bool:
        """Read a token; whether the document may go on."""
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


def reader_of(scheme: Scheme) -> Reader:
    return TextReader(scheme) if isinstance(scheme, OnText) else TctReader(scheme)


@torch.inference_mode()
def write(
    model: GPT, scheme: Scheme, cursor: Cursor | None, drawing: Drawing, seed: int
) -> tuple[bool, Json]:
    """One document: whether the model finished it, and its value, None if it has none.

    One that is not finished within the context is closed by an engine that can.

    Args:
        model: in eval mode, on the CPU.
        scheme: of its tokens.
        cursor: whose masks are kept; None for none.
        drawing: how tokens are drawn.
        seed: of what is drawn.
    """
    reader, cache = reader_of(scheme), KVCache(model.config, 1)
    generator = torch.Generator().manual_seed(seed)
    token, goes_on = 0, True  # the position token of a document's beginning
    while goes_on and cache.length < model.config.context:
        logits = model(torch.tensor([[token]]), cache)[0, -1, :VOCAB_SIZE].contiguous()
        if cursor is not None:
            cursor.fill()
            cursor.apply(logits)
            if not torch.isfinite(logits).any():
                break  # only the end is allowed
        token = draw(logits, drawing, generator)
        goes_on = reader.feed(token)
        if cursor is not None and not cursor.advance(token):
            break
    if goes_on and isinstance(cursor, TctCursor):
        for token in cursor.state.shortest_completion():
            reader.feed(token)
    try:
        return not goes_on, reader.value()
    except ValueError:
        return False, None


def draw(logits: torch.Tensor, drawing: Drawing, generator: torch.Generator) -> int:
    weights, ids = torch.softmax(logits / drawing.temperature, 0).sort(descending=True)
    inside = weights.cumsum(0) - weights < drawing.top_p
    weights = torch.where(inside, weights, 0.0)
    return int(ids[torch.multinomial(weights, 1, generator=generator)])


def funnel(
    model: GPT,
    scheme: Scheme,
    start: Callable[[], Cursor] | None,
    drawing: Drawing,
    *,
    samples: int,
    seed: int,
) -> list[float]:
    """Shares of all samples that pass each of STAGES."""
    counts = [0] * len(STAGES)
    for number in range(samples):
        cursor = None if start is None else start()
        finished, value = write(model, scheme, cursor, drawing, (seed << 20) + number)
        is_valid = JUDGE.is_valid(value)
        passed = finished, finished and is_valid, is_valid
        counts = [n + bool(ok) for n, ok in zip(counts, passed, strict=True)]
    return [count / samples for count in counts]
