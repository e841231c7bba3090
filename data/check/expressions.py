"""Read expressions as GitHub does, for what is wrong with them.

Precedence decides what an expression means, never whether it is one, so all operators
between two operands are read alike.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ..rules.contexts import EVERYWHERE, FUNCTIONS, MANY

__all__ = ["Allowed", "ExpressionError", "allowed", "check_expression", "read_template"]

MAX_LENGTH = 21_000
"""GitHub's bound on the characters of an expression."""

MAX_DEPTH = 50
"""GitHub's bound on what is nested in an expression."""

_OPEN, _CLOSE = "${{", "}}"
_LANGUAGE = "GitHub's expression language"
_END = r"(?=[\s()\[\],.!<>=&|]|\Z)"
_TOKEN = re.compile(
    rf"""[ \t\r\n]*(?:
    (?P<operator>&&|\|\||==|!=|<=|>=|<|>)
    |(?P<mark>[!()\[\],*])
    |(?P<text>'(?:[^']|'')*')
    |(?P<number>(?:[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|Infinity)
        |0x[0-9a-fA-F]+|0o[0-7]+){_END})
    |(?P<dot>\.)
    |(?P<word>[A-Za-z_][A-Za-z0-9_-]*{_END})
    |(?P<end>\Z)
    )""",
    re.VERBOSE,
)
_LITERALS = frozenset({"true", "false", "null", "NaN", "Infinity"})


class ExpressionError(Exception):
    """What is wrong with an expression."""

    def __init__(self, found: str, expected: str, part: str = "") -> None:
        """Store both, and the part of the text at which it stands."""
        super().__init__(f"{found}; {expected}")
        self.found, self.expected, self.part = found, expected, part


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the expressions of a place may use."""

    contexts: frozenset[str]
    functions: dict[str, tuple[int, int]]
    """Lower-case name to the fewest and most arguments."""


@lru_cache(maxsize=256)
def allowed(names: frozenset[str]) -> Allowed:
    """Split the contexts of GitHub's schema from functions such as `always(0,0)`."""
    functions = {n: (FUNCTIONS[n].least, FUNCTIONS[n].most) for n in EVERYWHERE}
    for name in names:
        function, call, rest = name.partition("(")
        if call:
            least, most = rest.rstrip(")").split(",")
            bound = MANY if most == "MAX" else int(most)
            functions[function.lower()] = int(least), bound
    contexts = frozenset(name for name in names if "(" not in name)
    return Allowed(contexts, functions)


def read_template(text: str, allowed: Allowed) -> str | None:
    """The text that a template without contexts stands for; None for an expression.

    `${{ 'a' }}` stands for `a`.

    Raises:
        ExpressionError: an expression that GitHub refuses.
    """
    literal: str | None = None
    for part in _parts(text):
        inner = part[len(_OPEN) : -len(_CLOSE)].strip()
        if not inner:
            raise ExpressionError("an empty expression", _LANGUAGE, part)
        try:
            check_expression(inner, allowed)
        except ExpressionError as error:
            raise ExpressionError(error.found, error.expected, part) from error
        if part == text and re.fullmatch(r"'(?:[^']|'')*'", inner):
            literal = inner[1:-1].replace("''", "'")
    return literal


def _parts(text: str) -> Iterator[str]:
    """The expressions of a text with their braces."""
    begin = text.find(_OPEN)
    while begin >= 0:
        is_text = False
        for end in range(begin + len(_OPEN), len(text)):
            if text[end] == "'":
                is_text = not is_text
            elif not is_text and text[end] == "}" and text[end - 1] == "}":
                break
        else:
            rest = text[begin:].partition("\n")[0]
            raise ExpressionError("an expression that never closes", "${{ … }}", rest)
        yield text[begin : end + 1]
        begin = text.find(_OPEN, end + 1)


def check_expression(text: str, allowed: Allowed) -> None:
    """Check an expression without its braces; an empty one is fine.

    Raises:
        ExpressionError: GitHub refuses it.
    """
    if len(text) > MAX_LENGTH:
        found = f"an expression of {len(text):,} characters"
        raise ExpressionError(found, f"at most {MAX_LENGTH:,}")
    parser = _Parser(_tokens(text), allowed)
    if parser.kind == "end":
        return
    parser.expression(0)
    if parser.kind != "end":
        raise parser.unexpected()


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while not found or found[-1][0] != "end":
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _unexpected(text[at:].strip(" \t\r\n"))
        kind, token = match.lastgroup, match[match.lastgroup]
        after_dot = bool(found) and found[-1][0] == "dot"
        if kind == "word" and token in _LITERALS and not after_dot:
            kind = "literal"
        # A number may begin with a dot, but not after what has properties.
        if kind == "number" and token[0] == "." and _has_properties(found):
            raise _unexpected(token)
        found.append((kind, token))
        at = match.end()
    return found


def _has_properties(tokens: list[tuple[str, str]]) -> bool:
    return bool(tokens) and (
        tokens[-1][0] == "word" or tokens[-1][1] in ("]", ")", "*")
    )


def _unexpected(token: str) -> ExpressionError:
    found = f"{token[:40]!r} in an expression"
    return ExpressionError(found, _LANGUAGE)


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], allowed: Allowed) -> None:
        self.tokens, self.allowed, self.at = tokens, allowed, 0

    @property
    def kind(self) -> str:
        return self.tokens[self.at][0]

    @property
    def token(self) -> str:
        return self.tokens[self.at][1]

    def unexpected(self) -> ExpressionError:
        if self.kind == "end":
            return ExpressionError("an expression that ends too early", _LANGUAGE)
        return _unexpected(self.token)

    def take(self, token: str) -> bool:
        """Read a mark if it is the next token."""
        if self.kind == "mark" and self.token == token:
            self.at += 1
            return True
        return False

    def need(self, token: str) -> None:
        if not self.take(token):
            raise self.unexpected()

    def expression(self, depth: int) -> None:
        if depth >= MAX_DEPTH:
            found = "an expression nested too deep"
            raise ExpressionError(found, f"at most {MAX_DEPTH} levels")
        self.operand(depth)
        while self.kind == "operator":
            self.at += 1
            self.operand(depth)

    def operand(self, depth: int) -> None:
        while self.take("!"):
            pass
        if self.kind in ("literal", "text", "number"):
            self.at += 1
            return
        if self.take("("):
            self.expression(depth + 1)
            self.need(")")
        elif self.kind == "word":
            self.name(depth)
        else:
            raise self.unexpected()
        self.properties(depth)

    def properties(self, depth: int) -> None:
        while True:
            if self.take("["):
                if not self.take("*"):
                    self.expression(depth + 1)
                self.need("]")
            elif self.kind == "dot":
                self.at += 1
                if self.kind == "word":
                    self.at += 1
                else:
                    self.need("*")
            else:
                return

    def name(self, depth: int) -> None:
        """A context, or a function and its arguments."""
        name = self.token
        self.at += 1
        if not self.take("("):
            if name.lower() not in self.allowed.contexts:
                known = _listed(self.allowed.contexts)
                raise ExpressionError(f"context {name!r} in an expression", known)
            return
        count = 0
        while not self.take(")"):
            self.expression(depth + 1)
            count += 1
            if not (self.kind == "mark" and self.token == ")"):
                self.need(",")
        self.call(name, count)

    def call(self, name: str, count: int) -> None:
        bounds = self.allowed.functions.get(name.lower())
        if bounds is None:
            known = _listed(self.allowed.functions)
            raise ExpressionError(f"function {name!r} in an expression", known)
        least, most = bounds
        function = FUNCTIONS.get(name.lower())
        is_odd = function is not None and function.is_odd
        if not least <= count <= most or (is_odd and count % 2 == 0):
            wanted = f"{least}" if least == most else f"{least} to {most}"
            odd = ", an odd number" if is_odd else ""
            raise ExpressionError(f"{name} with {count} arguments", f"{wanted}{odd}")


def _listed(names: frozenset[str] | dict[str, tuple[int, int]]) -> str:
    return "one of " + ", ".join(sorted(names)) if names else "none here"
