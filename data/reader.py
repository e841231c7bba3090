"""Base symbols to JSON text: the reading half of the codec.

The reader turns symbols into JSON text as they come, so a prefix of a document gives a
prefix of its text; that is what shows the content of a window.  It accepts exactly what
the writer and the masks accept, in one pass with an explicit stack: no input makes it
recurse, backtrack or allocate more than its own length allows.
"""

import re
from dataclasses import dataclass, field

from .grammar import Alive, Grammar, Node
from .json_text import quote
from .symbols import STRUCTURE, Control, spell

__all__ = ["MAX_DEPTH", "MalformedError", "Prefix", "read"]

MAX_DEPTH = 128
"""Deepest nesting of arrays and objects; the root is at depth 1."""

_MAX_NUMBER_CHARACTERS = 4300  # Python reads no longer integer
_TEXT = re.compile(f"[^{STRUCTURE}]*")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
# The first bytes of a character whose last ones are not there yet.
_PARTIAL_UTF8 = re.compile(
    r"(?:[\ue2c2-\ue2df]|[\ue2e0-\ue2ef][\ue280-\ue2bf]?"
    r"|[\ue2f0-\ue2f4][\ue280-\ue2bf]{0,2})\Z"
)
_CONSTANTS = {
    Control.TRUE: "true",
    Control.FALSE: "false",
    Control.NULL: "null",
}


class MalformedError(ValueError):
    """Symbols that no value encodes to.

    Attributes:
        position: index of the offending symbol.
    """

    def __init__(self, problem: str, position: int) -> None:
        """Keep the position apart, for it is translated to that of a token."""
        super().__init__(problem)
        self.position = position


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefix:
    """How far some symbols get."""

    text: str
    """JSON text so far; a longer prefix continues it."""
    open: str
    """What is not closed yet, outermost first: `{` and `[`."""
    complete: bool
    """Whether the document is closed."""


def read(
    symbols: str, grammar: Grammar, words: dict[str, str], *, indent: int | None
) -> Prefix:
    """Read a document or a prefix of one.

    Args:
        symbols: base symbols.
        grammar: what is allowed where.
        words: literal symbol to key or enum value.
        indent: spaces per level for readable text; None for minified.

    Raises:
        MalformedError: no document begins with `symbols`, or they go on after its end.
    """
    reader = _Reader(symbols, grammar, words, indent)
    while reader.advance():
        pass
    complete = reader.started and not reader.stack and reader.wanted is None
    if complete and reader.at < len(symbols):
        raise MalformedError("the document is already closed", reader.at)
    return Prefix(
        text="".join(reader.out),
        open="".join("{" if frame.is_object else "[" for frame in reader.stack),
        complete=complete,
    )


@dataclass(slots=True)
class _Frame:
    """An open array or object."""

    number: int
    is_object: bool
    alive: Alive = ()
    seen: set[str] = field(default_factory=set)
    count: int = 0


@dataclass(slots=True)
class _Wanted:
    """A value that must come next."""

    number: int
    in_array: bool = False
    escaped: bool = False


class _Reader:
    def __init__(
        self, symbols: str, grammar: Grammar, words: dict[str, str], indent: int | None
    ) -> None:
        self.symbols, self.grammar, self.words = symbols, grammar, words
        self.indent = indent
        self.at = 0
        self.out: list[str] = []
        self.stack: list[_Frame] = []
        self.wanted: _Wanted | None = _Wanted(grammar.root)
        self.started = False

    def advance(self) -> bool:
        """Read one value, key, opener or closer; False where the symbols end."""
        if self.at >= len(self.symbols):
            return False
        if self.wanted is not None:
            return self._value(self.wanted)
        if not self.stack:
            return False
        frame = self.stack[-1]
        return self._pair(frame) if frame.is_object else self._item(frame)

    def _fail(self, problem: str) -> MalformedError:
        return MalformedError(problem, self.at)

    def _peek(self) -> str:
        """The symbol after the current one, empty at the end."""
        return self.symbols[self.at + 1 : self.at + 2]

    # -- values ------------------------------------------------------------------------

    def _value(self, wanted: _Wanted) -> bool:
        node = self.grammar.nodes[wanted.number]
        symbol = self.symbols[self.at]
        bare_array = node.only_array and not wanted.in_array
        if symbol == Control.ESCAPE_ARRAY and bare_array:
            if not self._peek():
                return False
            if self._peek() != Control.CLOSE_ARRAY:
                return self._escape()
        if symbol == Control.ESCAPE and not bare_array:
            return self._escape()
        if bare_array or node.only_object:
            return self._open(wanted.number, is_object=node.only_object)
        return self._tagged(symbol, node, wanted)

    def _escape(self) -> bool:
        self.at += 1
        self.wanted = _Wanted(self.grammar.any, escaped=True)
        return True

    def _tagged(self, symbol: str, node: Node, wanted: _Wanted) -> bool:
        """A value whose first symbol says its type."""
        if symbol in (Control.OBJECT, Control.ARRAY):
            is_object = symbol == Control.OBJECT
            if not (node.branches if is_object else node.items >= 0):
                raise self._fail("no such container is allowed here")
            self.at += 1
            return self._open(wanted.number, is_object=is_object)
        if symbol in _CONSTANTS:
            constant = _CONSTANTS[Control(symbol)]
            if not getattr(node, constant):
                raise self._fail(f"{constant} is not allowed here")
            return self._scalar(constant)
        if symbol in self.words:
            if self.words[symbol] not in node.literals:
                raise self._fail(f"{self.words[symbol]!r} is not allowed here")
            return self._scalar(quote(self.words[symbol]))
        if symbol == Control.NUMBER:
            self.at += 1
            return self._number(node, escaped=wanted.escaped)
        if node.text < 0:
            raise self._fail("no text is allowed here")
        text = self._text(node.text, escaped=wanted.escaped)
        if text is not None:
            self.out.append(quote(text))
            self._done()
        return text is not None

    def _scalar(self, text: str) -> bool:
        self.at += 1
        self.out.append(text)
        self._done()
        return True

    def _done(self) -> None:
        self.wanted = None
        self.started = True

    def _number(self, node: Node, *, escaped: bool) -> bool:
        if node.number < 0:
            raise self._fail("no number is allowed here")
        start = self.at
        self.at = self._text_end()
        text = self.symbols[start : self.at]
        if self.at == len(self.symbols):
            self.out.append(text)
            return False
        if escaped:
            fits = _is_number(text)
        else:
            fits = self.grammar.automata[node.number].label(text) >= 0
        if not fits:
            raise self._fail("no number of this grammar")
        return self._scalar(text)

    def _text_end(self) -> int:
        """Where the run of text symbols ends; the symbol there must be END."""
        match = _TEXT.match(self.symbols, self.at)
        end = match.end() if match else self.at
        if end < len(self.symbols) and self.symbols[end] != Control.END:
            self.at = end
            raise self._fail("text must go on or end here")
        return end

    def _text(self, automaton: int, *, escaped: bool) -> str | None:
        """Read text and END; at the end of the symbols write what there is of it."""
        start = self.at
        self.at = self._text_end()
        symbols = self.symbols[start : self.at]
        is_whole = self.at < len(self.symbols)
        if not is_whole:
            symbols = _PARTIAL_UTF8.sub("", symbols)
        errors = "surrogatepass" if escaped else "strict"
        try:
            text = spell(symbols, errors=errors)
        except UnicodeDecodeError as error:
            raise self._fail(f"text is not UTF-8 ({error.reason})") from error
        if not is_whole:
            self.out.append(quote(text)[:-1])
            return None
        if not escaped and self.grammar.automata[automaton].label(text) < 0:
            raise self._fail("no text of this grammar")
        self.at += 1
        return text

    # -- containers --------------------------------------------------------------------

    def _open(self, number: int, *, is_object: bool) -> bool:
        if len(self.stack) == MAX_DEPTH:
            raise self._fail(f"nested deeper than {MAX_DEPTH}")
        alive = self.grammar.all_branches(number) if is_object else ()
        self.stack.append(_Frame(number, is_object, alive))
        self.out.append("{" if is_object else "[")
        self._done()
        return True

    def _close(self, frame: _Frame) -> bool:
        self.stack.pop()
        if frame.count:
            self._newline()
        self.out.append("}" if frame.is_object else "]")
        self.at += 1
        return True

    def _newline(self) -> None:
        if self.indent is not None:
            self.out.append("\n" + " " * (self.indent * len(self.stack)))

    def _begin_member(self, frame: _Frame) -> None:
        if frame.count:
            self.out.append(",")
        self._newline()
        frame.count += 1

    def _item(self, frame: _Frame) -> bool:
        node = self.grammar.nodes[frame.number]
        symbol = self.symbols[self.at]
        escaped = symbol == Control.ESCAPE_ARRAY
        if escaped:
            if not self._peek():
                return False
            self.at += 1
            symbol = self.symbols[self.at]
            if symbol != Control.CLOSE_ARRAY:
                raise self._fail("an escaped array must close here")
        if symbol == Control.CLOSE_ARRAY:
            too_many = node.max_items is not None and frame.count > node.max_items
            if not escaped and (frame.count < node.min_items or too_many):
                raise self._fail(f"an array may not end after {frame.count} items")
            return self._close(frame)
        self._begin_member(frame)
        self.wanted = _Wanted(node.items, in_array=True)
        return True

    def _pair(self, frame: _Frame) -> bool:
        symbol = self.symbols[self.at]
        escaped = symbol == Control.ESCAPE_KEY
        if escaped:
            if not self._peek():
                return False
            self.at += 1
            symbol = self.symbols[self.at]
        if symbol == Control.CLOSE_OBJECT:
            closes = self.grammar.may_close(frame.number, frame.alive, frame.seen)
            if not escaped and not closes:
                raise self._fail("an object may not end before its required keys")
            return self._close(frame)
        if symbol in self.words:
            return self._known_key(frame, self.words[symbol], escaped=escaped)
        return self._free_key(frame, escaped=escaped)

    def _known_key(self, frame: _Frame, key: str, *, escaped: bool) -> bool:
        child, alive = self.grammar.enter(frame.number, frame.alive, key, frame.count)
        if escaped:
            child, alive = self.grammar.escaped_child(frame.number, key), frame.alive
        if child < 0 or key in frame.seen:
            raise self._fail(f"the key {key!r} is not allowed here")
        self.at += 1
        self._begin_member(frame)
        self._key(frame, key, child, alive)
        return True

    def _free_key(self, frame: _Frame, *, escaped: bool) -> bool:
        keys = self.grammar.nodes[frame.number].keys
        if keys < 0 and not escaped:
            raise self._fail("no free key is allowed here")
        self._begin_member(frame)
        key = self._text(keys, escaped=escaped)
        if key is None:
            return False
        if escaped:
            child, alive = self.grammar.any, frame.alive
        else:
            child, alive = self.grammar.enter(
                frame.number,
                frame.alive,
                self.grammar.automata[keys].label(key),
                frame.count - 1,
            )
        if child < 0 or key in frame.seen:
            self.at -= 1
            raise self._fail(f"the key {key!r} is not allowed here")
        self._key(frame, key, child, alive)
        return True

    def _key(self, frame: _Frame, key: str, child: int, alive: Alive) -> None:
        frame.seen.add(key)
        frame.alive = alive
        self.out.append(f"{quote(key)}:" if self.indent is None else f"{quote(key)}: ")
        self.wanted = _Wanted(child)


def _is_number(text: str) -> bool:
    """Whether Python reads a JSON number from `text`, and a finite one."""
    match = _NUMBER.fullmatch(text)
    if match is None or len(text.removeprefix("-")) > _MAX_NUMBER_CHARACTERS:
        return False
    is_float = match[2] or match[3]
    return not is_float or abs(float(text)) < float("inf")
