r"""Sets of strings: JSON Schema patterns and word lists as automata.

`interegular` does the set algebra; the tokenizer itself only sees the finished tables.
Patterns are read as ECMA-262 regular expressions, which JSON Schema prescribes: they
match anywhere unless anchored, `.` leaves out four line terminators, `\d` is [0-9].
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from interegular import parse_pattern
from interegular.fsm import FSM, anything_else

from ..data.grammar import DEAD, Automaton

__all__ = [
    "ANYTHING",
    "NOTHING",
    "Strings",
    "ecma_pattern",
    "few_words",
    "label_automaton",
    "of_length",
    "regions",
]

_MAX_WORDS = 256
_ANY_CHARACTER = r"(.|\n)"  # interegular's own `.` leaves out \n alone
_ECMA_ESCAPES = {
    ".": "[^\n\r\u2028\u2029]",
    r"\d": "[0-9]",
    r"\D": "[^0-9]",
    r"\w": "[A-Za-z0-9_]",
    r"\W": "[^A-Za-z0-9_]",
    r"\/": "/",
}
_PATTERN_PIECE = re.compile(r"\[(?:\\.|[^\]\\])*\]|\\.|.", re.DOTALL)


@cache
def _fsm(pattern: str) -> FSM:
    return parse_pattern(pattern).to_fsm().reduce()


@cache
def ecma_pattern(pattern: str) -> FSM:
    """The strings in which an ECMA-262 pattern matches.

    Raises:
        ValueError: an anchor or a construct that the translation does not know.
    """
    pieces = _PATTERN_PIECE.findall(pattern)
    starts = bool(pieces) and pieces[0] == "^"
    ends = len(pieces) > 1 and pieces[-1] == "$"
    body = pieces[starts : len(pieces) - ends]
    if "^" in body or "$" in body or ((starts or ends) and _has_bare_bar(body)):
        raise ValueError(f"pattern {pattern!r}: an anchor inside the pattern")
    inner = "".join(_ECMA_ESCAPES.get(piece, piece) for piece in body)
    prefix = "" if starts else f"{_ANY_CHARACTER}*"
    suffix = "" if ends else f"{_ANY_CHARACTER}*"
    try:
        return _fsm(f"{prefix}({inner}){suffix}")
    except Exception as error:  # interegular raises several unrelated classes
        raise ValueError(f"pattern {pattern!r}: {error}") from error


def of_length(least: int, most: int | None) -> FSM:
    """The strings of `least` to `most` characters, ends included."""
    return _fsm(f"{_ANY_CHARACTER}{{{least},{'' if most is None else most}}}")


def _has_bare_bar(pieces: Sequence[str]) -> bool:
    """Whether `|` stands outside all parentheses, where an anchor binds one side."""
    depth = 0
    for piece in pieces:
        depth += (piece == "(") - (piece == ")")
        if piece == "|" and depth == 0:
            return True
    return False


def _words_fsm(words: Iterable[str]) -> FSM:
    return _fsm("|".join(re.escape(word) for word in sorted(words)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Strings:
    """A set of strings: some words, and a language that has none of them."""

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
        """Strings in both sets; what is a word in one stays a word."""
        words = {w for w in self.words if w in other}
        words |= {w for w in other.words if w in self}
        language = None
        if self.language is not None and other.language is not None:
            language = self.language & other.language
        return _strings(words, language)

    def __or__(self, other: "Strings") -> "Strings":
        """Strings in either set."""
        language = self.language
        if other.language is not None:
            language = other.language if language is None else language | other.language
        return _strings(self.words | other.words, language)

    def __sub__(self, other: "Strings") -> "Strings":
        """Strings of this set that the other does not have."""
        language = self.language
        if language is not None and other.language is not None:
            language = language - other.language
        if language is not None and other.words:
            language = language - _words_fsm(other.words)
        return _strings({w for w in self.words if w not in other}, language)


def _strings(words: Iterable[str], language: FSM | None) -> Strings:
    words = frozenset(words)
    if language is not None:
        language = language.reduce()
        if language.empty():
            language = None
    return Strings(words=words, language=language)


ANYTHING = Strings(language=_fsm(f"{_ANY_CHARACTER}*"))
_ONE_LINE = Strings(language=_fsm("[^\n\r]*"))
NOTHING = Strings()


def few_words(language: FSM) -> set[str]:
    """The strings of a language that has at most _MAX_WORDS; none if it has more."""
    try:
        count = language.cardinality()
    except OverflowError:  # infinite
        return set()
    if count > _MAX_WORDS:
        return set()
    strings = [tuple(string) for string in language.strings()]
    # `anything_else` stands for all characters that the pattern does not name.
    if any(anything_else in string for string in strings):
        return set()
    return {"".join(string) for string in strings}


def regions(
    patterns: dict[str, FSM], known: set[str]
) -> Iterator[tuple[frozenset[str], FSM]]:
    """Free keys by the set of patterns that they match; regions without a key are out.

    Keys in `known` are one symbol each and never free.  A key of several lines is left
    out, which narrows the schema: people do not write them, and models should not.
    """
    for size in range(len(patterns) + 1):
        for hit in itertools.combinations(sorted(patterns), size):
            strings = _ONE_LINE - Strings(words=frozenset(known))
            for pattern, language in patterns.items():
                matching = Strings(language=language)
                strings = strings & matching if pattern in hit else strings - matching
            if strings.language is not None:
                yield frozenset(hit), strings.language


def label_automaton(languages: Sequence[FSM]) -> Automaton:
    """One automaton that says which of some disjoint languages a text is in.

    Args:
        languages: at least one, not empty, none of them with a string in common.

    Returns:
        The product automaton; label i means languages[i].
    """
    characters = sorted(
        {c for fsm in languages for c in fsm.alphabet if c is not anything_else}
    )
    start = tuple(fsm.initial for fsm in languages)
    numbers: dict[tuple[int | None, ...], int] = {start: 0}
    rows: list[list[int]] = []
    queue = [start]
    for states in queue:  # grows while it is read
        row = []
        for character in [anything_else, *characters]:
            target = tuple(
                _next(fsm, state, character)
                for fsm, state in zip(languages, states, strict=True)
            )
            if all(state is None for state in target):
                row.append(DEAD)
                continue
            if target not in numbers:
                numbers[target] = len(queue)
                queue.append(target)
            row.append(numbers[target])
        rows.append(row)
    labels = tuple(_label(languages, states) for states in queue)
    return _with_classes(characters, rows, labels)


def _next(fsm: FSM, state: int | None, character: object) -> int | None:
    """The next live state, or None."""
    if state is None:
        return None
    symbol = fsm.alphabet[character if character in fsm.alphabet else anything_else]
    target = fsm.map.get(state, {}).get(symbol)
    return target if target is not None and fsm.islive(target) else None


def _label(languages: Sequence[FSM], states: tuple[int | None, ...]) -> int:
    for number, (fsm, state) in enumerate(zip(languages, states, strict=True)):
        if state in fsm.finals:
            return number
    return DEAD


def _with_classes(
    characters: list[str], rows: list[list[int]], labels: tuple[int, ...]
) -> Automaton:
    """Characters that every state treats alike share a column."""
    columns = {tuple(row[0] for row in rows): 0}
    classes = {}
    for index, character in enumerate(characters, start=1):
        column = columns.setdefault(tuple(row[index] for row in rows), len(columns))
        if column:
            classes[character] = column
    return Automaton(
        classes=classes, table=tuple(zip(*columns, strict=True)), labels=labels
    )
