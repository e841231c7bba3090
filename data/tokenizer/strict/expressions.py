"""Expressions while they are written, character by character.

A state is where an expression stands: what was opened, what is wanted next, how far the
word or operator goes.  Every state can be completed, so no mask is ever empty.  The
language is narrower than GitHub's: parentheses nest three deep, an expression has at
most eight operands, names must be declared, and functions get what they can read.
"""

from typing import Literal, NamedTuple, TypeAlias

from .words import ARGUMENTS, Site, Word

__all__ = ["CLOSED", "Expression", "Expressions"]

Kind: TypeAlias = Literal["template", "wrapped", "bare"]
"""In a text; the whole condition, in ${{ }}; the whole condition without that."""

Phase: TypeAlias = Literal[
    "open", "operand", "word", "text", "quote", "number", "after", "operator", "close"
]

_MAX_DEPTH = 3
_MAX_OPERANDS = 8
_LITERALS = frozenset({"scalar", "string", "literal", "label"})
_NUMBERS = frozenset({"scalar", "number"})
_GROUPS = frozenset({"scalar", "condition"})
_TEXT = frozenset(map(chr, range(0x20, 0x7F))) - frozenset("'{}$")
_PATTERN = "{0}"
_DIGITS = frozenset("0123456789")
_OPERATORS = {"=": "=", "!": "=", "&": "&", "|": "|"}


class Expression(NamedTuple):
    """A state."""

    kind: Kind
    site: Site
    phase: Phase
    wanted: str
    """Of the operand: see `words.GIVES`."""
    opened: tuple[tuple[str, int, str], ...] = ()
    """Function, or "" for a parenthesis; arguments before this one; what was wanted."""
    word: Word | None = None
    part: str = ""
    """Of an operator, or of `{0}` in the first argument of `format`."""
    is_spaced: bool = False
    """Whether the last character was a space: there is one at most."""
    left: int = _MAX_OPERANDS
    """Operands that may follow."""


Step: TypeAlias = Expression | Literal["closed"] | None
CLOSED: Literal["closed"] = "closed"
"""After the last brace of a template."""


class Expressions:
    """Steps and completions of expressions."""

    def __init__(self) -> None:
        self._steps: dict[tuple[Expression, str], Step] = {}
        self._closings: dict[Expression, str] = {}

    def step(self, state: Expression, character: str) -> Step:
        """The state after a character; None if it is not allowed."""
        key = state, character
        try:
            return self._steps[key]
        except KeyError:
            if len(self._steps) >= 1 << 18:
                self._steps.clear()
            found = self._steps[key] = _step(state, character)
            return found

    def closing(self, state: Expression) -> str:
        """A short text that completes the expression, braces included."""
        found = self._closings.get(state)
        if found is None:
            if len(self._closings) >= 1 << 16:
                self._closings.clear()
            found = self._closings[state] = self._closing(state)
        return found

    def _closing(self, state: Expression) -> str:
        text = ""
        current: Step = state
        while isinstance(current, Expression):
            if may_end(current):
                return text
            more = _shortest(current)
            for character in more:
                assert isinstance(current, Expression), (state, text, more)
                current = self.step(current, character)
            assert current is not None, (state, text, more)
            text += more
        return text


def may_end(state: Expression) -> bool:
    """Whether the text may end here: a condition is complete."""
    if state.kind == "bare":
        return not state.opened and _is_whole(state)
    return state.kind == "wrapped" and state.phase == "close" and state.part == "}}"


def _is_whole(state: Expression) -> bool:
    """Whether the operand is complete."""
    match state.phase:
        case "word":
            return state.word is not None and state.word.ends
        case "after" | "quote" | "number":
            return True
    return False


def _step(state: Expression, c: str) -> Step:
    match state.phase:
        case "open":
            return _in_open(state, c)
        case "operand":
            return _in_operand(state, c)
        case "word":
            return _in_word(state, c)
        case "text":
            return _in_text(state, c)
        case "quote":
            if c == "'" and state.wanted != "pattern":
                return state._replace(phase="text")
        case "number":
            if c in _DIGITS and len(state.part) < 4 and state.part != "0":
                return state._replace(part=state.part + c)
        case "operator":
            expected = _OPERATORS[state.part]
            return _operand(state, "scalar") if c == expected else None
        case "close":
            if state.part == "}}" or c != "}":
                return None
            return CLOSED if state.kind == "template" else state._replace(part="}}")
    return _in_after(state, c)


def _operand(state: Expression, wanted: str) -> Expression:
    """Expect an operand."""
    return state._replace(
        phase="operand", wanted=wanted, word=None, part="", is_spaced=False
    )


def _in_open(state: Expression, c: str) -> Step:
    """A condition begins: bare, or with ${{."""
    if state.part:
        if c != "${{"[len(state.part)]:
            return None
        part = state.part + c
        if part == "${{":
            return _operand(state._replace(kind="wrapped"), "condition")
        return state._replace(part=part)
    if c == "$":
        return state._replace(part="$")
    if c == " ":
        return None
    return _in_operand(_operand(state._replace(kind="bare"), "condition"), c)


def _in_operand(state: Expression, c: str) -> Step:
    wanted = state.wanted
    if c == " ":
        return None if state.is_spaced else state._replace(is_spaced=True)
    if c == "!" and wanted in ("scalar", "condition", "boolean") and state.part != "!":
        return state._replace(part="!", is_spaced=False)
    if c == "(" and wanted in _GROUPS and len(state.opened) < _MAX_DEPTH:
        opened = (*state.opened, ("", 0, wanted))
        return _operand(state._replace(opened=opened), wanted)
    state = state._replace(is_spaced=False, left=state.left - 1)
    if c == "'" and (wanted in _LITERALS or wanted == "pattern"):
        return state._replace(phase="text", part="")
    if c in _DIGITS and wanted in _NUMBERS:
        return state._replace(phase="number", part=c)
    return _in_word(
        state._replace(phase="word", part="", word=_words(state, wanted)),
        c,
    )


def _in_word(state: Expression, c: str) -> Step:
    word = state.word
    assert word is not None
    found = word.step(c)
    if found is None:
        return _in_after(state, c) if word.ends else None
    if found.calls is None:
        return state._replace(word=found)
    if len(state.opened) >= _MAX_DEPTH:
        return None
    name = found.calls
    opened = (*state.opened, (name, 0, state.wanted))
    state = state._replace(opened=opened, word=None)
    wanted, _ = ARGUMENTS[name]
    if not wanted:
        return state._replace(phase="after", part="()", wanted="nothing")
    if not _has_operand(state, wanted[0]):
        return None
    return _operand(state, wanted[0])


def _words(state: Expression, wanted: str) -> Word:
    return state.site.words(wanted, calls=len(state.opened) < _MAX_DEPTH)


def _has_operand(state: Expression, wanted: str) -> bool:
    """Whether anything gives what is wanted."""
    if wanted in _LITERALS or wanted == "pattern":
        return True
    return bool(_words(state, wanted).next)


def _in_text(state: Expression, c: str) -> Expression | None:
    if state.wanted == "pattern":
        if state.part and state.part != _PATTERN:
            is_next = c == _PATTERN[len(state.part)]
            return state._replace(part=state.part + c) if is_next else None
        if c == "{":
            return None if state.part else state._replace(part=c)
        if c == "'" and not state.part:
            return None
    if c == "'":
        return state._replace(phase="quote")
    return state if c in _TEXT else None


def _in_after(state: Expression, c: str) -> Step:
    """After an operand."""
    state = state._replace(
        phase="after", word=None, part="" if state.wanted != "nothing" else "()"
    )
    if c == " ":
        return (
            None
            if state.is_spaced or state.wanted == "nothing"
            else state._replace(is_spaced=True)
        )
    state = state._replace(is_spaced=False)
    if not state.opened:
        if c == "}" and state.kind != "bare":
            return state._replace(phase="close", part="}")
        return _in_operator(state, c)
    name, count, wanted = state.opened[-1]
    if name == "":
        if c == ")":
            return state._replace(opened=state.opened[:-1], wanted=wanted)
        return _in_operator(state, c)
    arguments, least = ARGUMENTS[name]
    count += bool(arguments)
    if c == ")" and count >= least:
        return state._replace(opened=state.opened[:-1], wanted=wanted, part="")
    if c == "," and count < len(arguments):
        opened = (*state.opened[:-1], (name, count, wanted))
        return _operand(state._replace(opened=opened), arguments[count])
    return None


def _in_operator(state: Expression, c: str) -> Expression | None:
    if c not in _OPERATORS or state.left <= 0 or state.wanted not in _GROUPS:
        return None
    return state._replace(phase="operator", part=c)


def _shortest(state: Expression) -> str:
    """The next characters of a short way to the end."""
    match state.phase:
        case "open" if state.part:
            return "${{"[len(state.part) :]
        case "open" | "operand":
            return _default(state, state.wanted)
        case "text":
            rest = _PATTERN[len(state.part) :] if state.wanted == "pattern" else ""
            return rest + "'"
        case "operator":
            return _OPERATORS[state.part]
        case "word" if state.word is not None and not state.word.ends:
            return state.word.best or ""
        case "close":
            return "}"
    if not state.opened:
        return "}"
    name, count, _ = state.opened[-1]
    if name and count + 1 < ARGUMENTS[name][1]:
        return ","
    return ")"


def _default(state: Expression, wanted: str) -> str:
    """A short operand."""
    if wanted == "pattern":
        return "'{0}'"
    if wanted == "scalar":
        return "1"
    if wanted in _LITERALS:
        return "'x'"
    return _words(state, wanted).best or ""
