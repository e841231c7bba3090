"""YAML scalars: patterns that find them, their text, and the value of plain ones.

Plain scalars are resolved by the core schema of YAML 1.2: `on`, `yes` and `10:30` are
strings, `3.10` is the number 3.1.  The only line break is U+000A; U+0085, U+2028 and
U+2029 are ordinary characters.

Quantifiers are possessive (`*+`, `++`, `?+`) in all patterns of the reader: they never
give back a character, so a match takes time linear in the text that it passes.
"""

import math
import re
import sys
from functools import lru_cache

from .json_text import Json
from .rejects import RejectedError

__all__ = [
    "PLAIN",
    "PLAIN_FLOW",
    "PLAIN_MORE",
    "PLAIN_MORE_FLOW",
    "TAG",
    "block_lines",
    "block_text",
    "bounded_integer",
    "core_scalar",
    "double_quoted_text",
    "finite_float",
    "fold",
    "single_quoted_text",
    "tab_line",
    "tagged_scalar",
]

TAG = "tag:yaml.org,2002:"
"""Prefix of the tags of YAML itself, which `!!` stands for."""

# -- plain text ------------------------------------------------------------------------


def _plain(end: str, *, more: bool = False) -> str:
    """A pattern for the plain text of one line.

    A colon ends the text only before white space (or one of `end`), a `#` only behind
    white space: `a:b#c` is plain text, `a: b` is a key and `a #b` has a comment.  The
    match may end in white space, which is not part of the text.

    Args:
        end: characters that end the text, escaped for a set: those of flow collections.
        more: match a continuation line, which may begin with an indicator such as `-`.
    """
    first = rf"[^ \t\n\-?:,\[\]{{}}#&*!|>'\"%@`]|[-?:](?![ \t\n{end}])"
    if more:
        first = rf"[^ \t\n:#{end}]|:(?![ \t\n{end}])"
    rest = rf"[^\n:#{end}]*+"
    return rf"(?:{first}){rest}(?:(?::(?![ \t\n{end}])|(?<![ \t])#){rest})*+"


PLAIN = _plain("")
PLAIN_FLOW = _plain(r",\[\]{}")
PLAIN_MORE = re.compile(_plain("", more=True))
PLAIN_MORE_FLOW = re.compile(_plain(r",\[\]{}", more=True))


@lru_cache(maxsize=64)
def tab_line(parent: int) -> re.Pattern[str]:
    """A pattern for a blank line that has a tab where plain text needs a space."""
    return re.compile(rf"\n {{0,{parent}}}\t")


# -- values ----------------------------------------------------------------------------

_SPECIAL: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMBER_START = frozenset("+-.0123456789")


def core_scalar(text: str) -> Json:
    """The value of a plain scalar under the YAML 1.2 core schema.

    Source: YAML 1.2.2, section 10.3.2, "Tag Resolution".
    """
    if text in _SPECIAL:
        return _SPECIAL[text]
    if text[0] in _NUMBER_START:  # most strings fail this, and need no pattern
        if _INTEGER.fullmatch(text):
            return bounded_integer(text)
        if _FLOAT.fullmatch(text):
            return finite_float(text)
        if _OCTAL.fullmatch(text):
            return bounded_integer(text[2:], 8)
        if _HEXADECIMAL.fullmatch(text):
            return bounded_integer(text[2:], 16)
        if _NOT_FINITE.fullmatch(text):
            raise RejectedError("bad_number", f"{text} is not a JSON number")
    return text


def finite_float(text: str) -> float:
    """Read a float that JSON can hold; infinity, as of 1e999, is a reject."""
    number = float(text)
    if not math.isfinite(number):
        raise RejectedError("bad_number", f"{_short(text)} is not finite")
    return number


def bounded_integer(text: str, base: int = 10) -> int:
    """Read an integer; one with more decimal digits than Python writes is a reject."""
    try:
        value = int(text, base)
        str(value)  # hexadecimal digits are read without that limit
    except ValueError as error:
        problem = f"an integer of {len(text):,} digits"
        raise RejectedError("bad_number", problem) from error
    return value


def tagged_scalar(text: str, tag: str) -> Json:
    """The value of a scalar with a tag, such as `tag:yaml.org,2002:int`."""
    if tag in ("!", f"{TAG}str"):
        return text
    types: dict[str, tuple[type, ...]] = {
        "null": (type(None),),
        "bool": (bool,),
        "int": (int,),
        "float": (int, float),
    }
    name = tag.removeprefix(TAG)
    if name not in types or name == tag:
        raise RejectedError("unknown_tag", _short(tag))
    value = core_scalar(text)
    if type(value) not in types[name]:
        raise RejectedError("unknown_tag", f"{_short(text)!r} is no {name}")
    return value


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}…"


# -- quoted ----------------------------------------------------------------------------

# A run of white space; `_folded` changes those that hold a line break.
_FOLDS = re.compile(r"[ \t]++(?:\n[ \t\n]*+)?+|\n[ \t\n]*+")
# The same, or an escape: \xXX (1), \uXXXX (2), \UXXXXXXXX (3), an escaped line break
# with the white space behind it (4), or any other character (5).
_FOLDS_AND_ESCAPES = re.compile(
    rf"{_FOLDS.pattern}"
    r"|\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(\n[ \t\n]*+)|(.))"
)
_ESCAPES = {
    **{"0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v"},
    **{"f": "\f", "r": "\r", "e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\"},
    **{"N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029"},
}
# A surrogate pair, as `\ud83d\ude80` leaves it: it stands for one character.
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def fold(breaks: str) -> str:
    """Fold white space with n line breaks to n - 1 of them, or to a space if n is 1."""
    count = breaks.count("\n")
    return "\n" * (count - 1) or " "


def single_quoted_text(raw: str) -> str:
    """The text of a single-quoted scalar, given what is between its quotes."""
    if "\n" in raw:
        raw = _FOLDS.sub(_folded, raw)
    return raw.replace("''", "'")


def double_quoted_text(raw: str) -> str:
    """The text of a double-quoted scalar, given what is between its quotes.

    Two escaped surrogates that form a pair become one character, as in JSON.

    Raises:
        ValueError: an escape that YAML does not have.
    """
    if "\\" not in raw:
        return _FOLDS.sub(_folded, raw) if "\n" in raw else raw
    text = _FOLDS_AND_ESCAPES.sub(_unescaped, raw)
    return _PAIR.sub(_joined, text)


def _folded(match: re.Match[str]) -> str:
    return fold(match[0]) if "\n" in match[0] else match[0]


def _unescaped(match: re.Match[str]) -> str:
    kind = match.lastindex
    if kind is None:
        return _folded(match)
    if kind <= 3:
        code = int(match[kind], 16)
        if code > sys.maxunicode:
            raise ValueError(f"found no character \\U{match[kind]}")
        return chr(code)
    if kind == 4:  # the escaped line break vanishes, those behind it are kept
        return "\n" * (match[4].count("\n") - 1)
    if match[5] not in _ESCAPES:
        raise ValueError(f"found the unknown escape \\{match[5]}")
    return _ESCAPES[match[5]]


def _joined(match: re.Match[str]) -> str:
    return match[0].encode("utf-16", "surrogatepass").decode("utf-16")


# -- block scalars ---------------------------------------------------------------------

# In a folded scalar: a line that is not indented further (1), then a line break, then
# more line breaks (2), before another such line.  The first break is dropped; if it is
# the only one, it becomes a space.
_BLOCK_FOLD = re.compile(r"^([^ \t\n][^\n]*+)\n(\n*+)(?=[^ \t\n])", re.MULTILINE)


@lru_cache(maxsize=64)
def block_lines(indent: int) -> re.Pattern[str]:
    """A pattern for the lines of a block scalar whose content is indented this much.

    Those are the lines that begin with these spaces, and lines of spaces alone.
    """
    # Content at the margin ends at a document mark.
    end = "" if indent else r"(?!(?:---|\.\.\.)[ \t\n])"
    return re.compile(rf"(?:{end}(?: {{{indent}}}[^\n]*+| *+)\n)*+")


@lru_cache(maxsize=64)
def _indentation(indent: int) -> re.Pattern[str]:
    """A pattern for up to this many spaces at the beginning of a line."""
    return re.compile(rf"^ {{1,{indent}}}", re.MULTILINE)


def block_text(lines: str, indent: int, *, folded: bool, chomp: str) -> str:
    """The text of a block scalar.

    Args:
        lines: its lines, each with its line break.
        indent: spaces before the content.
        folded: whether line breaks become spaces (`>`) or are kept (`|`).
        chomp: which line breaks at the end to keep: "+" all, "-" none, "" one.
    """
    text = _indentation(indent).sub("", lines) if indent else lines
    body = text.rstrip("\n")
    end = text[len(body) :]
    if folded:
        body = _BLOCK_FOLD.sub(lambda match: match[1] + (match[2] or " "), body)
    if chomp == "+":
        return body + end
    return body if chomp == "-" or not body else body + "\n"
