"""What masks need to know of a whole vocabulary."""

import re
from collections import defaultdict
from collections.abc import Mapping

from ..symbols import STRUCTURE, Control

__all__ = ["ANY", "end_a_text_twice", "most_tags", "repeat_what_they_end"]

ANY = "\ue000"
"""Stands for any text: none has this symbol."""

_BYTES = re.compile("[\ue280-\ue2ff]")
_TEXTS = re.compile(f"[^{STRUCTURE}]*{Control.END}")


def end_a_text_twice(vocabulary: Mapping[int, str]) -> list[int]:
    """Tokens that end the same text twice, which may be one key twice."""
    end, found = str(Control.END), []
    for number, symbols in vocabulary.items():
        if symbols.count(end) > 1:
            texts = _TEXTS.findall(symbols)
            if len(set(texts)) < len(texts):
                found.append(number)
    return found


def repeat_what_they_end(vocabulary: Mapping[int, str]) -> Mapping[str, list[int]]:
    """Tokens that end a text and then begin and end the same one, which may be a key.

    They are listed by the part of that text that comes before the token; those that
    spell characters in bytes are listed under ANY.
    """
    end, found = str(Control.END), defaultdict[str, list[int]](list)
    for number, symbols in vocabulary.items():
        if symbols.count(end) < 2:
            continue
        first, *others = _TEXTS.findall(symbols)
        if _BYTES.search(symbols):
            found[ANY].append(number)
        elif symbols.startswith(first):
            for beginning in {
                t.removesuffix(first) for t in others if t.endswith(first)
            }:
                found[beginning].append(number)
    return found


def most_tags(vocabulary: Mapping[int, str]) -> int:
    """The most containers that one token opens by their tags."""
    one, other = str(Control.OBJECT), str(Control.ARRAY)
    counts = (
        symbols.count(one) + symbols.count(other)
        for symbols in vocabulary.values()
        if one in symbols or other in symbols
    )
    return max(counts, default=0)
