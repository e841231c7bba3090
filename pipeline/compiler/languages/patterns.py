r"""Compile ECMA-262 regular expressions, the dialect of JSON Schema, to automata.

They match anywhere unless anchored; `.` excludes four line terminators; `\d` and `\w`
are ASCII only, `\s` is not.  A pattern is parsed piece by piece and rewritten for
`interegular`, each character as a class of its own, so that nothing is read in Python's
dialect; unsupported pieces are refused.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from operator import or_

from interegular.fsm import FSM

from .automata import ANY_CHARACTER, fsm

__all__ = ["ecma_pattern"]

_MAX_COUNT = 1_000
_MAX_CLASS = 4_096

_PIECE = re.compile(
    r"""  (?P<set>    \[ (?: \\. | [^\]\\] )* \] )
        | (?P<escape> \\ (?: x[0-9A-Fa-f]{2} | u[0-9A-Fa-f]{4} | . ) )
        | (?P<open>   \( (?: \?: )? )
        | (?P<count>  (?: [*+?] | \{ [0-9]+ (?: , [0-9]* )? \} ) \?? )
        | (?P<plain>  . )""",
    re.DOTALL | re.VERBOSE,
)
_IN_SET = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|.)|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Characters:
    """A set of characters, or its complement."""

    members: frozenset[str]
    negated: bool = False

    def __invert__(self) -> "_Characters":
        return _Characters(self.members, not self.negated)

    def __or__(self, other: "_Characters") -> "_Characters":
        if not self.negated and not other.negated:
            return _Characters(self.members | other.members)
        return ~(~self & ~other)

    def __and__(self, other: "_Characters") -> "_Characters":
        if not self.negated:
            inside = {c for c in self.members if (c in other.members) != other.negated}
            return _Characters(frozenset(inside))
        return other & self if not other.negated else ~(~self | ~other)

    def __str__(self) -> str:
        """The set in the dialect of `interegular`."""
        special = "\\]^-"
        members = (f"\\{c}" if c in special else c for c in sorted(self.members))
        return f"[{'^' if self.negated else ''}{''.join(members)}]"


def _members(text: str) -> _Characters:
    return _Characters(frozenset(text))


_DIGITS = _members("0123456789")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORD = _DIGITS | _members(_LETTERS + _LETTERS.upper() + "_")
_SPACE = _members(
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_DOT = ~_members("\n\r\u2028\u2029")
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_CLASSES |= {name.upper(): ~characters for name, characters in _CLASSES.items()}
_CLASSES |= {name: _members(c) for name, c in zip("tnvfr", "\t\n\v\f\r", strict=True)}


@cache
def ecma_pattern(pattern: str) -> FSM:
    """The strings in which an ECMA-262 pattern matches.

    Raises:
        ValueError: the pattern has an anchor inside, or an unsupported construct.
    """
    anywhere = f"{ANY_CHARACTER}*"
    pieces = [(match.lastgroup or "", match[0]) for match in _PIECE.finditer(pattern)]
    try:
        alternatives = []
        for body in _alternatives(pieces):
            starts, ends = body[:1] == [("plain", "^")], body[-1:] == [("plain", "$")]
            inner = "".join(_translated(body[starts : len(body) - ends]))
            prefix, suffix = "" if starts else anywhere, "" if ends else anywhere
            alternatives.append(f"{prefix}({inner}){suffix}")
        return fsm("|".join(alternatives))
    except Exception as error:  # interegular raises several unrelated classes
        raise ValueError(f"pattern {pattern!r}: {error}") from error


_Pieces = list[tuple[str, str]]


def _alternatives(pieces: _Pieces) -> Iterator[_Pieces]:
    """Split pieces at the bars outside of parentheses."""
    depth, begin = 0, 0
    for index, piece in enumerate(pieces):
        depth += (piece[0] == "open") - (piece == ("plain", ")"))
        if piece == ("plain", "|") and depth == 0:
            yield pieces[begin:index]
            begin = index + 1
    yield pieces[begin:]


def _translated(pieces: Sequence[tuple[str, str]]) -> Iterator[str]:
    repeatable = False
    for kind, text in pieces:
        if kind == "count" and not repeatable:
            raise ValueError(f"nothing that {text} could repeat")
        match kind, text:
            case "set", _:
                yield str(_set(text))
            case "escape", _:
                yield str(_escape(text))
            case "open", _:
                yield "("
            case "count", _:
                yield _count(text)
            case "plain", "^" | "$":
                raise ValueError("an anchor inside the pattern")
            case "plain", "|" | ")":
                yield text
            case "plain", ".":
                yield str(_DOT)
            case "plain", "[" | "{" | "\\":
                raise ValueError(f"a single {text}")
            case _:
                yield str(_members(text))
        repeatable = kind in ("set", "escape") or (kind == "plain" and text != "|")


def _count(text: str) -> str:
    """A quantifier, without its laziness, which does not change what matches."""
    if any(int(number) > _MAX_COUNT for number in re.findall("[0-9]+", text)):
        raise ValueError(f"more than {_MAX_COUNT:,} repetitions")
    return text if len(text) == 1 else text.removesuffix("?")


def _escape(text: str) -> _Characters:
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


def _set(text: str) -> _Characters:
    """The characters of a set in brackets."""
    negated = text.startswith("[^")
    items = _IN_SET.findall(text[1 + negated : -1])
    found, index = [_Characters(frozenset())], 0
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


def _in_set(item: str) -> _Characters:
    return _escape(item) if len(item) > 1 else _members(item)


def _range(first: str, last: str) -> _Characters:
    low, high = _in_set(first), _in_set(last)
    if any(side.negated or len(side.members) != 1 for side in (low, high)):
        raise ValueError(f"the range {first}-{last} has no single ends")
    start, stop = ord(*low.members), ord(*high.members) + 1
    if not 0 < stop - start <= _MAX_CLASS:
        raise ValueError(f"the range {first}-{last} is empty or too long")
    return _members("".join(map(chr, range(start, stop))))
