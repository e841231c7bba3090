"""Find where documents break the schema: an encoding has an escape at each place."""

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from .symbols import ESCAPES, Control, spell
from .tokenizer import Tokenizer

__all__ = ["most_common", "violations"]

_ESCAPE = re.compile("[" + "".join(ESCAPES) + "]")
_KINDS: dict[str, str] = {
    Control.OBJECT: "an object",
    Control.ARRAY: "an array",
    Control.TRUE: "a boolean",
    Control.FALSE: "a boolean",
    Control.NULL: "null",
    Control.NUMBER: "a number",
}


def violations(tokenizer: Tokenizer, ids: NDArray[np.uint16]) -> set[str]:
    """The violations of a document, such as `jobs.*.strategy: lacks a required key`.

    In the path, `*` is a key that the schema does not name and `[]` is an item, so a
    problem has the same text in all documents.
    """
    symbols = "".join(map(tokenizer.vocabulary.__getitem__, ids.tolist()))
    reader, read, found = tokenizer.codec.reader(), 0, set()
    for escape in _ESCAPE.finditer(symbols):
        reader.feed(symbols[read : escape.end()])
        read = escape.end()
        path = reader.schema_path
        if symbols[read] == Control.CLOSE_ARRAY:
            path = path[:-1] if path[-1] == "[]" else path  # the array, not an item
        where = ".".join(path).replace(".[]", "[]") or "the document"
        found.add(f"{where}: {_problem(symbols, escape.start(), tokenizer)}")
    return found


def _problem(symbols: str, at: int, tokenizer: Tokenizer) -> str:
    """Describe the problem that the escape at `at` marks, by the symbols behind it."""
    escape, following, words = symbols[at], symbols[at + 1], tokenizer.codec.words
    if escape == Control.ESCAPE_KEY:
        if following == Control.CLOSE_OBJECT:
            return "lacks a required key"
        if following in words:
            return f"{words[following]!r} is not allowed here"
        key = spell(symbols[at + 1 : symbols.index(Control.END, at)], errors="replace")
        return f"unknown key {key[:40]!r}"
    if following == Control.CLOSE_ARRAY:
        return "too few or too many items"
    return f"{_KINDS.get(following, 'this text')} is not allowed here"


def most_common(counts: Counter[str], most: int) -> list[tuple[str, int]]:
    """The commonest violations with their counts; ties in alphabetical order."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
