r"""Compile ECMA-262 regular expressions, the dialect of JSON Schema, to automata.

They match anywhere unless anchored; `.` excludes four line terminators; `\d` and `\w`
are ASCII only, `\s` is not.  A pattern is read piece by piece, and unsupported pieces
are refused.  Look-aheads are read right after a leading `^`, where they restrict the
whole text.
"""

import re
from collections.abc import Iterator
from functools import cache, partial, reduce
from operator import or_

from interegular.fsm import FSM

from .algebra import product
from .nfa import (
    Alternatives,
    Anchor,
    Characters,
    Expression,
    Repeated,
    Sequence,
    automaton,
)

__all__ = ["ecma_pattern"]

_MAX_COUNT = 1_000
_OPENING = ("open", "ahead", "behind")
_MAX_CLASS = 4_096

_PIECE = re.compile(
    r"""  (?P<set>    \[ (?: \\. | [^\]\\] )* \] )
        | (?P<escape> \\ (?: x[0-9A-Fa-f]{2} | u[0-9A-Fa-f]{4} | . ) )
        | (?P<ahead>  \( \? [=!] )
        | (?P<behind> \( \? <[=!] )
        | (?P<odd>    \( \? (?! : | <[A-Za-z_$] ) )
        | (?P<open>   \( (?: \?: | \?<[A-Za-z_$][\w$]*> )? )
        | (?P<count>  (?: [*+?] | \{ [0-9]+ (?: , [0-9]* )? \} ) \?? )
        | (?P<plain>  . )""",
    re.DOTALL | re.VERBOSE,
)
_IN_SET = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|.)|.", re.DOTALL)


def _members(text: str) -> Characters:
    return Characters(frozenset(text))


_DIGITS = _members("0123456789")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORD = _DIGITS | _members(_LETTERS + _LETTERS.upper() + "_")
_SPACE = _members(
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_ANYWHERE = Repeated(~_members(""), 0, None)
_DOT = ~_members("\n\r\u2028\u2029")
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_CLASSES |= {name.upper(): ~characters for name, characters in _CLASSES.items()}
_CLASSES |= {name: _members(c) for name, c in zip("tnvfr", "\t\n\v\f\r", strict=True)}


@cache
def ecma_pattern(pattern: str) -> FSM:
    """The strings in which an ECMA-262 pattern matches.

    Raises:
        ValueError: the pattern has an unsupported construct.
    """
    pieces = [(match.lastgroup or "", match[0]) for match in _PIECE.finditer(pattern)]
    try:
        plain, languages = list[Expression](), list[FSM]()
        for body in _alternatives(pieces):
            aheads, body = _look_aheads(body)
            if aheads:
                languages.append(_restricted(automaton(_anywhere(body)), aheads))
            else:
                plain.append(_anywhere(body))
        if plain:
            languages.append(automaton(Alternatives(tuple(plain))))
        return reduce(partial(product, test=or_), languages)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"pattern {pattern!r}: {error}") from error


_Pieces = list[tuple[str, str]]
_START, _END = ("plain", "^"), ("plain", "$")


def _anywhere(body: _Pieces) -> Expression:
    """The texts in which a pattern matches."""
    starts, ends = body[:1] == [_START], body[-1:] == [_END]
    inner = _Parser(body[starts : len(body) - ends]).expression()
    around = [() if starts else (_ANYWHERE,), () if ends else (_ANYWHERE,)]
    return Sequence((*around[0], inner, *around[1]))


def _look_aheads(body: _Pieces) -> tuple[list[tuple[str, _Pieces]], _Pieces]:
    """Take the look-aheads after a leading `^`: their kinds and pieces, and the rest.

    The rest keeps the `^`.
    """
    found = []
    while body[:1] == [_START] and body[1:2] and body[1][0] == "ahead":
        end = _closing(body, 1)
        found.append((body[1][1], body[2:end]))
        body = [_START, *body[end + 1 :]]
        if body[1:2] and body[1][0] == "count":
            raise ValueError("a look-ahead that repeats")
    return found, body


def _closing(body: _Pieces, opening: int) -> int:
    """The place of the parenthesis that closes another."""
    depth = 0
    for at in range(opening, len(body)):
        depth += (body[at][0] in _OPENING) - (body[at] == ("plain", ")"))
        if depth == 0:
            return at
    raise ValueError("a parenthesis that does not close")


def _restricted(language: FSM, aheads: list[tuple[str, _Pieces]]) -> FSM:
    """The texts that have, or do not have, some beginnings."""
    for kind, pieces in aheads:
        begins = automaton(Sequence((_Parser(pieces).expression(), _ANYWHERE)))
        wanted = kind.endswith("=")
        language = product(language, begins, lambda has, ahead: has and ahead == wanted)  # noqa: B023
    return language


def _alternatives(pieces: _Pieces) -> Iterator[_Pieces]:
    """Split pieces at the bars outside of parentheses."""
    depth, begin = 0, 0
    for index, piece in enumerate(pieces):
        depth += (piece[0] in _OPENING) - (piece == ("plain", ")"))
        if piece == ("plain", "|") and depth == 0:
            yield pieces[begin:index]
            begin = index + 1
    yield pieces[begin:]


class _Parser:
    """Reads the pieces of a pattern."""

    def __init__(self, pieces: _Pieces) -> None:
        self._pieces = pieces
        self._at = 0

    def expression(self) -> Expression:
        """Read all pieces."""
        found = self._alternatives()
        if self._at < len(self._pieces):
            raise ValueError("a single )")
        return found

    def _peek(self) -> tuple[str, str]:
        return self._pieces[self._at] if self._at < len(self._pieces) else ("", "")

    def _alternatives(self) -> Expression:
        found = [self._sequence()]
        while self._peek() == ("plain", "|"):
            self._at += 1
            found.append(self._sequence())
        return Alternatives(tuple(found))

    def _sequence(self) -> Expression:
        parts = []
        while self._peek() not in (("", ""), ("plain", "|"), ("plain", ")")):
            part = self._atom()
            if self._peek()[0] == "count":
                if isinstance(part, Anchor):
                    raise ValueError("an anchor that repeats")
                part = _repeated(part, self._peek()[1])
                self._at += 1
            parts.append(part)
        return Sequence(tuple(parts))

    def _atom(self) -> Expression:
        kind, text = self._peek()
        self._at += 1
        match kind, text:
            case "set", _:
                return _set(text)
            case "escape", _:
                return _escape(text)
            case "open", _:
                found = self._alternatives()
                if self._peek() != ("plain", ")"):
                    raise ValueError("a parenthesis that does not close")
                self._at += 1
                return found
            case "count", _:
                raise ValueError(f"nothing that {text} could repeat")
            case "ahead", _:
                raise ValueError("a look-ahead that does not follow a leading ^")
            case "behind", _:
                raise ValueError("a look-behind")
            case "odd", _:
                raise ValueError("a group that begins with (? is unsupported")
            case "plain", "^":
                return Anchor.START
            case "plain", "$":
                return Anchor.END
            case "plain", ".":
                return _DOT
            case "plain", "[" | "{" | "\\":
                raise ValueError(f"a single {text}")
        return _members(text)


def _repeated(part: Expression, text: str) -> Repeated:
    """A quantifier; its laziness does not change what matches."""
    numbers = [int(number) for number in re.findall("[0-9]+", text)]
    if any(number > _MAX_COUNT for number in numbers):
        raise ValueError(f"more than {_MAX_COUNT:,} repetitions")
    if not numbers:
        return Repeated(part, int(text[0] == "+"), 1 if text[0] == "?" else None)
    most = None if re.search(",}", text) else numbers[-1]
    if most is not None and most < numbers[0]:
        raise ValueError(f"the numbers of {text} are out of order")
    return Repeated(part, numbers[0], most)


def _escape(text: str) -> Characters:
    r"""The characters of an escape such as `\d`, in brackets or not."""
    name = text[1]
    if len(text) > 2:
        character = chr(int(text[2:], 16))
        if "\ud800" <= character <= "\udfff":
            raise ValueError(f"half a character: {text}")
        return _members(character)
    if name in _CLASSES:
        return _CLASSES[name]
    if name.isalnum():
        raise ValueError(f"the escape {text} is unsupported")
    return _members(name)


def _set(text: str) -> Characters:
    """The characters of a set in brackets."""
    negated = text.startswith("[^")
    items = _IN_SET.findall(text[1 + negated : -1])
    found, index = [Characters(frozenset())], 0
    while index < len(items):
        if items[index + 1 : index + 2] == ["-"] and index + 2 < len(items):
            found.append(_range(items[index], items[index + 2]))
            index += 3
        else:
            found.append(_in_set(items[index]))
            index += 1
    union = reduce(or_, found)
    if len(union.members) > _MAX_CLASS:
        raise ValueError(f"a set of more than {_MAX_CLASS:,} characters")
    return ~union if negated else union


def _in_set(item: str) -> Characters:
    return _escape(item) if len(item) > 1 else _members(item)


def _range(first: str, last: str) -> Characters:
    low, high = _in_set(first), _in_set(last)
    if any(side.negated or len(side.members) != 1 for side in (low, high)):
        raise ValueError(f"the range {first}-{last} has no single ends")
    start, stop = ord(*low.members), ord(*high.members) + 1
    if not 0 < stop - start <= _MAX_CLASS:
        raise ValueError(f"the range {first}-{last} is empty or too long")
    return _members("".join(map(chr, range(start, stop))))
