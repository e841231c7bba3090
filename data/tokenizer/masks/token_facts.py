"""What masks need to know of a whole vocabulary."""

import re
from collections.abc import Mapping

from ..symbols import STRUCTURE, Control

__all__ = ["end_a_text_twice", "most_tags"]

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


def most_tags(vocabulary: Mapping[int, str]) -> int:
    """The most containers that one token opens by their tags."""
    one, other = str(Control.OBJECT), str(Control.ARRAY)
    counts = (
        symbols.count(one) + symbols.count(other)
        for symbols in vocabulary.values()
        if one in symbols or other in symbols
    )
    return max(counts, default=0)
