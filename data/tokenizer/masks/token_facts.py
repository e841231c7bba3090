"""What masks need to know of a whole vocabulary."""

import re
from collections import defaultdict
from collections.abc import Mapping

from ..dfa import Automaton
from ..symbols import STRUCTURE, Control

__all__ = ["TokenFacts"]

_ANY = "\ue000"  # stands for any text: none has this symbol

_BYTES = re.compile("[\ue280-\ue2ff]")
_RUNS = re.compile(f"[^{STRUCTURE}]+")
_TEXTS = re.compile(f"[^{STRUCTURE}]*{Control.END}")


class TokenFacts:
    """Tokens that need a second look, and bounds on all."""

    def __init__(self, vocabulary: Mapping[int, str]) -> None:
        """Look at every token once."""
        self.most_tags = _most_tags(vocabulary)
        self.end_a_text_twice = _end_a_text_twice(vocabulary)
        self._begin_again = _begin_again(vocabulary)
        self.begin_with_text = _begin_with_text(vocabulary)
        self.with_bytes = [
            n for n, symbols in vocabulary.items() if _BYTES.search(symbols)
        ]
        self._repeating = _repeat_what_they_end(vocabulary)
        self._longest = _longest_text(vocabulary)
        self._alike: dict[int, tuple[int, ...]] = {}

    def repeating(self, text: str) -> list[int]:
        """Tokens that may end the free key that `text` begins, and another like it."""
        return [*self._repeating.get(text, ()), *self._repeating.get(_ANY, ())]

    def begin_again(self, shortest: int) -> list[int]:
        """Tokens in which so many symbols of a text come after the END of another."""
        return [n for n, most in self._begin_again.items() if most >= shortest]

    def first_alike(self, number: int, automaton: Automaton, state: int) -> int:
        """A state of an automaton that no token can tell from another."""
        if len(automaton.labels) <= self._longest:
            return state
        alike = self._alike.get(number)
        if alike is None:
            alike = self._alike[number] = automaton.alike(self._longest)
        return alike[state]


def _begin_again(vocabulary: Mapping[int, str]) -> dict[int, int]:
    """Tokens in which a text comes after the END of another, and its most symbols."""
    found = {}
    for number, symbols in vocabulary.items():
        _, _, rest = symbols.partition(Control.END)
        if texts := _RUNS.findall(rest):
            found[number] = max(map(len, texts))
    return found


def _begin_with_text(vocabulary: Mapping[int, str]) -> list[int]:
    """Tokens whose first symbol may be part of a key, or its END."""
    begin = re.compile(f"{Control.END}|[^{STRUCTURE}]")
    return [number for number, symbols in vocabulary.items() if begin.match(symbols)]


def _end_a_text_twice(vocabulary: Mapping[int, str]) -> list[int]:
    """Tokens that end the same text twice, which may be one key twice."""
    end, found = str(Control.END), []
    for number, symbols in vocabulary.items():
        if symbols.count(end) > 1:
            texts = _TEXTS.findall(symbols)
            if len(set(texts)) < len(texts):
                found.append(number)
    return found


def _repeat_what_they_end(vocabulary: Mapping[int, str]) -> Mapping[str, list[int]]:
    """Tokens that end a text and then begin and end the same one, which may be a key.

    They are listed by the part of that text that comes before the token; those that
    spell characters in bytes are listed under _ANY.
    """
    end, found = str(Control.END), defaultdict[str, list[int]](list)
    for number, symbols in vocabulary.items():
        if symbols.count(end) < 2:
            continue
        first, *others = _TEXTS.findall(symbols)
        if _BYTES.search(symbols):
            found[_ANY].append(number)
        elif symbols.startswith(first):
            for beginning in {
                t.removesuffix(first) for t in others if t.endswith(first)
            }:
                found[beginning].append(number)
    return found


def _longest_text(vocabulary: Mapping[int, str]) -> int:
    """The most symbols of a token that are part of one text."""
    texts = (t for symbols in vocabulary.values() for t in _RUNS.findall(symbols))
    return max(map(len, texts), default=0)


def _most_tags(vocabulary: Mapping[int, str]) -> int:
    """The most containers that one token opens by their tags."""
    one, other = str(Control.OBJECT), str(Control.ARRAY)
    counts = (
        symbols.count(one) + symbols.count(other)
        for symbols in vocabulary.values()
        if one in symbols or other in symbols
    )
    return max(counts, default=0)
