"""Sets of strings: word lists, and regular languages as automata.

`interegular` does the set algebra.  The tokenizer only sees the finished tables.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

from interegular import parse_pattern
from interegular.fsm import FSM, anything_else

from ....data.tokenizer.dfa import DEAD, Automaton
from .algebra import chain, minimal, nothing, product, trie

__all__ = [
    "ANYTHING",
    "ANY_CHARACTER",
    "NOTHING",
    "Strings",
    "few_words",
    "fsm",
    "label_automaton",
    "of_length",
    "regions",
]

ANY_CHARACTER = r"(.|\n)"  # interegular's own `.` leaves out \n alone

_States: TypeAlias = tuple[tuple[int, int], ...]
_MAX_WORDS = 256
_MAX_LENGTH = 10_000  # an automaton needs a state per character to count them
_MAX_REGIONS = 64


@cache
def fsm(pattern: str) -> FSM:
    """The minimal automaton of a regular expression in interegular's dialect."""
    return minimal(parse_pattern(pattern).to_fsm())


def of_length(least: int, most: int | None) -> FSM:
    """The strings of `least` to `most` characters, both inclusive.

    Raises:
        ValueError: a limit above _MAX_LENGTH.
    """
    if max(least, most or 0) > _MAX_LENGTH:
        raise ValueError(f"lengths of more than {_MAX_LENGTH:,} are unsupported")
    if most is not None and most < least:
        return nothing()
    return chain(least, most)


@dataclass(frozen=True, kw_only=True, slots=True)
class Strings:
    """A set of strings: words, which become symbols, and a language without them."""

    words: frozenset[str] = frozenset()
    language: FSM | None = None

    def __contains__(self, text: str) -> bool:
        """Whether the set has `text`."""
        return text in self.words or (
            self.language is not None and self.language.accepts(text)
        )

    def __bool__(self) -> bool:
        """Whether the set has any string."""
        return bool(self.words) or self.language is not None

    def __and__(self, other: "Strings") -> "Strings":
        """Strings in both sets; a word of either stays a word."""
        words = {w for w in self.words if w in other}
        words |= {w for w in other.words if w in self}
        language = None
        if self.language is not None and other.language is not None:
            language = product(self.language, other.language, lambda a, b: a and b)
        return _strings(words, language)

    def __or__(self, other: "Strings") -> "Strings":
        """Strings in either set."""
        language = self.language
        if other.language is not None:
            language = (
                other.language
                if language is None
                else product(language, other.language, lambda a, b: a or b)
            )
        return _strings(self.words | other.words, language)

    def __sub__(self, other: "Strings") -> "Strings":
        """Strings in this set but not in the other."""
        language = self.language
        if language is not None and other.language is not None:
            language = product(language, other.language, lambda a, b: a and not b)
        if language is not None and other.words:
            language = product(language, trie(other.words), lambda a, b: a and not b)
        return _strings({w for w in self.words if w not in other}, language)

    def spell(self, words: frozenset[str]) -> "Strings":
        """The same set, in which some words belong to the language."""
        spelled = self.words & words
        if not spelled:
            return self
        others = replace(self, words=self.words - spelled)
        return others | Strings(language=trie(spelled))


def _strings(words: Iterable[str], language: FSM | None) -> Strings:
    if language is not None and not language.finals:
        language = None
    return Strings(words=frozenset(words), language=language)


ANYTHING = Strings(language=fsm(f"{ANY_CHARACTER}*"))
_ONE_LINE = Strings(language=fsm("[^\n\r]*"))
NOTHING = Strings()


def few_words(language: FSM) -> set[str]:
    """The strings of a minimal language, if it has at most _MAX_WORDS; else none."""
    found = set[str]()
    level = [("", language.initial)]
    # Every beginning leads to a word of its own, and long ones to infinitely many.
    for _ in range(len(language.states) + 1):
        found |= {text for text, state in level if state in language.finals}
        following = []
        for text, state in level:
            for symbol, target in language.map.get(state, {}).items():
                characters = language.alphabet.by_transition[symbol]
                # It stands for all characters that the pattern does not name.
                if anything_else in characters:
                    return set()
                following += [(text + character, target) for character in characters]
        if len(found) > _MAX_WORDS or len(following) > _MAX_WORDS:
            return set()
        level = following
    return set() if level else found


def regions(
    patterns: dict[str, FSM], known: set[str]
) -> Iterator[tuple[frozenset[str], FSM]]:
    """Partition free keys by the set of patterns that they match.

    Keys in `known` are a symbol each and never free.  Keys with line breaks are left
    out, which narrows the schema: people do not write them, and models should not.

    Yields:
        The patterns and the language of each region that is not empty.

    Raises:
        ValueError: the patterns overlap in more than _MAX_REGIONS ways.
    """
    found = {frozenset[str](): _ONE_LINE - Strings(words=frozenset(known))}
    for pattern, language in patterns.items():
        matching = Strings(language=language)
        split = {hit: strings - matching for hit, strings in found.items()}
        split |= {hit | {pattern}: strings & matching for hit, strings in found.items()}
        found = {hit: strings for hit, strings in split.items() if strings}
        if len(found) > _MAX_REGIONS:
            raise ValueError(f"patterns overlap in more than {_MAX_REGIONS} ways")
    for hit in sorted(found, key=lambda hit: (len(hit), sorted(hit))):
        language = found[hit].language
        if language is not None:
            yield hit, language


def label_automaton(languages: Sequence[FSM]) -> Automaton:
    """Build one automaton that tells which of several disjoint languages has a text.

    Args:
        languages: at least one; none is empty, and no two have a string in common.

    Returns:
        The product automaton; label i means languages[i].
    """
    characters = sorted(
        {c for fsm in languages for c in fsm.alphabet if c is not anything_else}
    )
    # The states of the languages that still have a text; most have none after a while.
    start = tuple((number, fsm.initial) for number, fsm in enumerate(languages))
    numbers: dict[_States, int] = {start: 0}
    rows: list[list[int]] = []
    queue = [start]
    for states in queue:  # grows while it is read
        row = []
        for character in [anything_else, *characters]:
            target = tuple(
                (number, found)
                for number, state in states
                if (found := _next(languages[number], state, character)) is not None
            )
            if not target:
                row.append(DEAD)
                continue
            if target not in numbers:
                numbers[target] = len(queue)
                queue.append(target)
            row.append(numbers[target])
        rows.append(row)
    labels = tuple(_label(languages, states) for states in queue)
    return _with_classes(characters, rows, labels)


def _next(fsm: FSM, state: int, character: object) -> int | None:
    """The next state of a minimal automaton; None if it has none."""
    symbol = fsm.alphabet[character if character in fsm.alphabet else anything_else]
    target: int | None = fsm.map.get(state, {}).get(symbol)
    return target


def _label(languages: Sequence[FSM], states: _States) -> int:
    for number, state in states:
        if state in languages[number].finals:
            return number
    return DEAD


def _with_classes(
    characters: list[str], rows: list[list[int]], labels: tuple[int, ...]
) -> Automaton:
    """Let characters that every state treats alike share a column of the table."""
    columns = {tuple(row[0] for row in rows): 0}
    classes = {}
    for index, character in enumerate(characters, start=1):
        column = columns.setdefault(tuple(row[index] for row in rows), len(columns))
        if column:
            classes[character] = column
    return Automaton(
        classes=classes, table=tuple(zip(*columns, strict=True)), labels=labels
    )
