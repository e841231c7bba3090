"""Texts of YAML scalars, and what plain ones mean under the core schema of YAML 1.2.

`on`, `yes` and `10:30` are strings, `3.10` is the number 3.1.  The only line
break is U+000A: U+0085, U+2028 and U+2029 are characters like others.
"""

import math
import re
import sys
from functools import lru_cache

from .json_text import Json
from .rejects import RejectedError

__all__ = [
    "block_lines",
    "block_text",
    "bounded_integer",
    "core_scalar",
    "double_quoted_text",
    "finite_float",
    "fold",
    "single_quoted_text",
    "tagged_scalar",
]

TAG = "tag:yaml.org,2002:"

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

# -- values ----------------------------------------------------------------------------


def core_scalar(text: str) -> Json:
    """The value of a plain scalar under the YAML 1.2 core schema.

    Source: YAML 1.2.2, section 10.3.2, "Tag Resolution".
    """
    if text in _SPECIAL:
        return _SPECIAL[text]
    if text[0] in _NUMBER_START:
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
    """A float that JSON can hold."""
    number = float(text)
    if not math.isfinite(number):
        raise RejectedError("bad_number", f"{_short(text)} is not finite")
    return number


def bounded_integer(text: str, base: int = 10) -> int:
    """An integer of as many decimal digits as Python reads and writes."""
    try:
        value = int(text, base)
        str(value)
    except ValueError as error:
        problem = f"an integer of {len(text):,} digits"
        raise RejectedError("bad_number", problem) from error
    return value


def tagged_scalar(text: str, tag: str) -> Json:
    """The value of a scalar with a tag, resolved to its full name."""
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

_FOLDS = re.compile(r"[ \t]++(?:\n[ \t\n]*+)?+|\n[ \t\n]*+")
_FOLDS_AND_ESCAPES = re.compile(
    rf"{_FOLDS.pattern}"
    r"|\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(\n[ \t\n]*+)|(.))"
)
_ESCAPES = {
    **{"0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v"},
    **{"f": "\f", "r": "\r", "e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\"},
    **{"N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029"},
}
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def fold(breaks: str) -> str:
    """What a run of white space with line breaks in it becomes between two words."""
    count = breaks.count("\n")
    return "\n" * (count - 1) or " "


def single_quoted_text(raw: str) -> str:
    """The text between single quotes."""
    if "\n" in raw:
        raw = _FOLDS.sub(_folded, raw)
    return raw.replace("''", "'")


def double_quoted_text(raw: str) -> str:
    """The text between double quotes.

    Surrogates that are escaped one after the other are one character, as in JSON.

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
    if kind == 4:  # an escaped line break: only those that follow it count
        return "\n" * (match[4].count("\n") - 1)
    if match[5] not in _ESCAPES:
        raise ValueError(f"found the unknown escape \\{match[5]}")
    return _ESCAPES[match[5]]


def _joined(match: re.Match[str]) -> str:
    return match[0].encode("utf-16", "surrogatepass").decode("utf-16")


# -- block scalars ---------------------------------------------------------------------

# A line that is not indented further, what it is folded with, and the line behind that.
_BLOCK_FOLD = re.compile(r"^([^ \t\n][^\n]*+)\n(\n*+)(?=[^ \t\n])", re.MULTILINE)


@lru_cache(maxsize=64)
def block_lines(indent: int) -> re.Pattern[str]:
    """Finds the lines of a block scalar whose content has so many spaces before it."""
    end = "" if indent else r"(?!(?:---|\.\.\.)[ \t\n])"
    return re.compile(rf"(?:{end}(?: {{{indent}}}[^\n]*+| *+)\n)*+")


@lru_cache(maxsize=64)
def _indentation(indent: int) -> re.Pattern[str]:
    return re.compile(rf"^ {{1,{indent}}}", re.MULTILINE)


def block_text(lines: str, indent: int, *, folded: bool, chomp: str) -> str:
    """The text of a block scalar's lines, without their indentation.

    Args:
        lines: whole lines.
        indent: spaces before the content.
        folded: whether line breaks become spaces.
        chomp: "+" keeps all line breaks at the end, "-" none, "" one.
    """
    text = _indentation(indent).sub("", lines) if indent else lines
    body = text.rstrip("\n")
    end = text[len(body) :]
    if folded:
        body = _BLOCK_FOLD.sub(lambda match: match[1] + (match[2] or " "), body)
    if chomp == "+":
        return body + end
    return body if chomp == "-" or not body else body + "\n"
