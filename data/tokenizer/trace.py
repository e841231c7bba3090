"""One document token by token, for people."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..documents.json_text import Json, quote
from . import State, Tokenizer
from .symbols import REFERENCES, STRUCTURE, Control, reference_number, spell

__all__ = ["Step", "readable", "walk_through"]

_RUNS = re.compile(f"[^{STRUCTURE}]+|[{STRUCTURE}]")
_PLAIN_KEY = re.compile(r"[\w-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A token of a document."""

    position: int
    id: int
    symbols: str
    """What it stands for, see `readable`."""
    path: str
    """Where the document is once it is read, such as `jobs.test.steps[0].run`."""
    num_allowed: int | None
    """How many tokens were allowed here; None from the first escape on."""
    allowed: tuple[str, ...]
    """What these begin with: keys, values, `text`, …"""


def walk_through(tokenizer: Tokenizer, value: Json) -> Iterator[Step]:
    """The tokens of a document, one by one."""
    decoder = tokenizer.decoder()
    state: State | None = tokenizer.start()
    for position, number in enumerate(tokenizer.encode(value).tolist()):
        decoder.feed([number])
        allowed = None if state is None else state.allowed()
        if state is not None and allowed is not None and allowed[number]:
            state = state.advance(number)
        else:
            state = allowed = None
        yield Step(
            position=position,
            id=number,
            symbols=readable(tokenizer, tokenizer.vocabulary[number]),
            path=_path(decoder.path),
            num_allowed=None if allowed is None else int(allowed.sum()),
            allowed=() if allowed is None else _beginnings(tokenizer, allowed),
        )


def readable(tokenizer: Tokenizer, symbols: str) -> str:
    """Symbols as words: `"text"`, keys and values by name, controls in capitals.

    A reference to the text before last is `^1`.
    """
    return " ".join(_name(tokenizer, run[0]) for run in _RUNS.finditer(symbols))


def _name(tokenizer: Tokenizer, run: str) -> str:
    words = tokenizer.codec.words
    if run in words:
        return words[run]
    if run in REFERENCES:
        return f"^{reference_number(run)}"
    if re.match(f"[{STRUCTURE}]", run):
        return Control(run).name
    return quote(spell(run, errors="replace"))


def _beginnings(tokenizer: Tokenizer, allowed: np.ndarray) -> tuple[str, ...]:
    firsts = {tokenizer.vocabulary[i][0] for i in np.flatnonzero(allowed).tolist()}
    names = {
        "a reference" if symbol in REFERENCES else _name(tokenizer, symbol)
        for symbol in firsts
        if re.match(f"[{STRUCTURE}]", symbol)
    }
    has_text = any(not re.match(f"[{STRUCTURE}]", symbol) for symbol in firsts)
    return (*(["text"] if has_text else []), *sorted(names))


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
