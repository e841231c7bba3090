"""A document token by token, as words for people."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..documents.json_text import quote
from .codec.decoder import Decoder
from .masks.state import State
from .symbols import REFERENCES, STRUCTURE, Control, reference_number, spell

__all__ = ["Names", "TracedToken", "trace"]

_RUNS = re.compile(f"[^{STRUCTURE}]+|[{STRUCTURE}]")
_STRUCTURE = re.compile(f"[{STRUCTURE}]")
_PLAIN_KEY = re.compile(r"[\w-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedToken:
    """A token of a document."""

    position: int
    id: int
    text: str
    """Its text and structure in words, see `Tokenizer.describe`."""
    path: str
    """The position in the document after it, such as `jobs.test.steps[0].run`."""
    num_allowed: int | None
    """How many tokens were allowed here; None from the first escape on."""
    allowed: tuple[str, ...]
    """How these begin: keys, values, `text`, …"""


class Names:
    """Names the tokens of a vocabulary."""

    def __init__(self, vocabulary: Mapping[int, str], words: Mapping[str, str]) -> None:
        """Take what names come from.

        Args:
            vocabulary: id to symbols.
            words: literal symbol to key or enum value.
        """
        self._vocabulary = vocabulary
        self._words = words

    def of(self, token: int) -> str:
        """The name of a token.

        Raises:
            KeyError: the id is reserved or no id.
        """
        runs = _RUNS.finditer(self._vocabulary[token])
        return " ".join(self._name(run[0]) for run in runs)

    def beginnings(self, allowed: NDArray[np.bool_]) -> tuple[str, ...]:
        """How the allowed tokens begin: `text` first, then structure by name."""
        ids = np.flatnonzero(allowed).tolist()
        firsts = {self._vocabulary[number][0] for number in ids}
        structure = {symbol for symbol in firsts if _STRUCTURE.match(symbol)}
        names = {
            "a reference" if symbol in REFERENCES else self._name(symbol)
            for symbol in structure
        }
        return (*(["text"] if firsts - structure else []), *sorted(names))

    def _name(self, run: str) -> str:
        if run in self._words:
            return self._words[run]
        if run in REFERENCES:
            return f"^{reference_number(run)}"
        if _STRUCTURE.match(run):
            return Control(run).name
        return quote(spell(run, errors="replace"))


def trace(
    ids: Iterable[int], names: Names, decoder: Decoder, start: State
) -> Iterator[TracedToken]:
    """Follow a document; see `Tokenizer.trace`."""
    state: State | None = start
    for position, number in enumerate(ids):
        decoder.feed([number])
        allowed = None if state is None else state.allowed()
        if state is not None and allowed is not None and allowed[number]:
            state = state.advance(number)
        else:
            state = allowed = None
        yield TracedToken(
            position=position,
            id=number,
            text=names.of(number),
            path=_path(decoder.path),
            num_allowed=None if allowed is None else int(allowed.sum()),
            allowed=() if allowed is None else names.beginnings(allowed),
        )


def _path(steps: tuple[str | int, ...]) -> str:
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}"
        else:
            text += f"[{quote(step)}]"
    return text.removeprefix(".")
