"""Find where documents break the schema: an encoding has an escape at each place."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..symbols import ESCAPES, Control, spell
from ..tokenizer import Tokenizer

__all__ = ["Violation", "find_violations", "most_common", "violations"]

_ESCAPE = re.compile("[" + "".join(ESCAPES) + "]")
_KINDS: dict[str, str] = {
    Control.OBJECT: "an object",
    Control.ARRAY: "an array",
    Control.TRUE: "a boolean",
    Control.FALSE: "a boolean",
    Control.NULL: "null",
    Control.NUMBER: "a number",
}


class Violation(NamedTuple):
    """A place where a document breaks the schema."""

    path: tuple[str | int, ...]
    """Keys and indices of the value that breaks it."""
    place: str
    """The same with `*` for a key that the schema does not name, and `[]` for items."""
    problem: str
    key: str | None
    """The key that is not allowed in that value, if that is the problem."""


def violations(tokenizer: Tokenizer, ids: NDArray[np.uint16]) -> set[str]:
    """The violations of a document, such as `jobs.*.strategy: lacks a required key`.

    A problem has the same text in all documents.
    """
    return {f"{v.place}: {v.problem}" for v in find_violations(tokenizer, ids)}


def find_violations(
    tokenizer: Tokenizer, ids: NDArray[np.uint16]
) -> Iterator[Violation]:
    """The violations of a document in their order."""
    symbols = "".join(map(tokenizer.vocabulary.__getitem__, ids.tolist()))
    reader, read = tokenizer.codec.reader(), 0
    for escape in _ESCAPE.finditer(symbols):
        reader.feed(symbols[read : escape.end()])
        read = escape.end()
        path, steps = reader.path, reader.schema_path
        if symbols[read] == Control.CLOSE_ARRAY and steps and steps[-1] == "[]":
            path, steps = path[:-1], steps[:-1]  # the array, not an item
        place = ".".join(steps).replace(".[]", "[]") or "the document"
        yield Violation(path, place, *_problem(symbols, escape.start(), tokenizer))


def _problem(symbols: str, at: int, tokenizer: Tokenizer) -> tuple[str, str | None]:
    """The problem that the escape at `at` marks, by the symbols behind it; its key."""
    escape, following, words = symbols[at], symbols[at + 1], tokenizer.codec.words
    if escape == Control.ESCAPE_KEY:
        if following == Control.CLOSE_OBJECT:
            return "lacks a required key", None
        if following in words:
            return f"{words[following]!r} is not allowed here", words[following]
        key = spell(symbols[at + 1 : symbols.index(Control.END, at)], errors="replace")
        return f"unknown key {key[:40]!r}", key
    if following == Control.CLOSE_ARRAY:
        return "too few or too many items", None
    return f"{_KINDS.get(following, 'this text')} is not allowed here", None


def most_common(counts: Counter[str], most: int) -> list[tuple[str, int]]:
    """The commonest violations with their counts; ties in alphabetical order."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
