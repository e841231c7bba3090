"""Base symbols to JSON values: the reading half of the codec.

A `Reader` takes symbols as they come and builds the value that they stand for, so the
beginning of a document is the beginning of a value.  It accepts whatever the writer and
the masks accept, in one pass with an explicit stack: no input makes it recurse,
backtrack or take more memory than its own length allows.
"""

import re
from dataclasses import dataclass
from typing import Any

from .grammar import DEAD, MAX_DEPTH, Alive, Grammar
from .json_text import Json, dump, quote
from .references import History
from .symbols import (
    REFERENCES,
    STRUCTURE,
    Control,
    drop_partial_character,
    spell,
)

__all__ = ["MalformedError", "Prefix", "Reader", "ReaderTables"]

_MAX_NUMBER_CHARACTERS = 4300  # Python reads no longer integer
_STRUCTURE = re.compile(f"([{STRUCTURE}])")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_CONSTANTS: dict[str, Json] = {
    Control.TRUE: True,
    Control.FALSE: False,
    Control.NULL: None,
}
_NOTHING = -1  # no value is wanted


class MalformedError(ValueError):
    """Symbols that no value encodes to.

    Attributes:
        position: index of the offending symbol.
    """

    def __init__(self, problem: str, position: int = 0) -> None:
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


class ReaderTables:
    """What reading looks up for each node; made once for a grammar."""

    def __init__(self, grammar: Grammar, words: dict[str, str]) -> None:
        """Tabulate.

        Args:
            grammar: what is allowed where.
            words: literal symbol to key or enum value.
        """
        self.grammar = grammar
        self.words = words
        self.constants: list[dict[str, Json]] = []
        """By node: symbols that are a whole value."""
        self.opener: list[str] = []
        """By node: the tag that its values do without, or empty."""
        symbols = {word: symbol for symbol, word in words.items()}
        for node in grammar.nodes:
            allowed = {Control.TRUE: node.true, Control.FALSE: node.false}
            allowed[Control.NULL] = node.null
            constants = {s: v for s, v in _CONSTANTS.items() if allowed[Control(s)]}
            constants |= {symbols[word]: word for word in node.literals}
            self.constants.append(constants)
            bare_array = Control.ARRAY if node.only_array else ""
            self.opener.append(Control.OBJECT if node.only_object else bare_array)


@dataclass(slots=True)
class _Frame:
    """An open array or object."""

    number: int
    container: Any  # list or dict, by `is_object`
    is_object: bool
    alive: Alive
    step: str | int  # key or index in the frame below
    key: str | None = None  # whose value is wanted


class Reader:
    """Reads one document, symbol by symbol."""

    def __init__(self, tables: ReaderTables) -> None:
        """Begin a document."""
        self._tables = tables
        self._grammar = tables.grammar
        self._frames: list[_Frame] = []
        self._wanted = tables.grammar.root  # node of the value that must come next
        self._escape = ""  # what the next symbols are read under
        self._is_number = False
        self._tail: list[str] = []  # text whose end has not come
        self._history = History(tables.grammar)
        self._size = 0
        self.value: Json = None
        """The document so far."""

    @property
    def is_complete(self) -> bool:
        """Whether the document is closed."""
        return self._wanted == _NOTHING and not self._frames

    @property
    def open(self) -> str:
        """What is not closed yet, outermost first: `{` and `[`."""
        return "".join("{" if frame.is_object else "[" for frame in self._frames)

    @property
    def path(self) -> tuple[str | int, ...]:
        """Keys and indices of what is read now, from the root."""
        steps = [frame.step for frame in self._frames[1:]]
        if self._frames:
            frame = self._frames[-1]
            if not frame.is_object:
                steps.append(len(frame.container))
            elif frame.key is not None:
                steps.append(frame.key)
        return tuple(steps)

    def feed(self, symbols: str) -> None:
        """Read on.

        Raises:
            MalformedError: no document goes on like this.  Its position counts from the
                beginning of the document; the reader is of no use afterwards.
        """
        *pairs, tail = _STRUCTURE.split(symbols)  # text, structure, text, structure, …
        size = self._size
        if pairs and self._tail:
            pairs[0] = "".join((*self._tail, pairs[0]))
            size -= sum(map(len, self._tail))
            self._tail.clear()
        rest = iter(pairs)
        try:
            for text, symbol in zip(rest, rest, strict=True):
                self._read(text, symbol)
        except MalformedError as error:
            seen = pairs[: len(pairs) - len(list(rest))]
            at = size + sum(map(len, seen)) - 1 - error.position
            raise MalformedError(str(error), at) from None
        if tail:
            try:
                self._expect_text()
            except MalformedError as error:
                at = self._size + len(symbols) - len(tail)
                raise MalformedError(str(error), at) from None
            self._tail.append(tail)
        self._size += len(symbols)

    # `_read` and what it calls take a run of text and the structure symbol after it.
    # Their errors are at that symbol, or `position` symbols before it.

    def _read(self, text: str, symbol: str) -> None:
        wanted = self._wanted
        if wanted != _NOTHING:
            opener = self._tables.opener[wanted]
            if opener:
                self._bare_container(wanted, opener, text, symbol)
            else:
                self._value(wanted, text, symbol)
            return
        if not self._frames:
            raise MalformedError("the document is already closed", len(text))
        frame = self._frames[-1]
        if frame.is_object:
            self._pair(frame, text, symbol)
        elif text or not self._close_array(frame, symbol):
            wanted = self._wanted = self._grammar.nodes[frame.number].items
            if self._tables.opener[wanted] == Control.OBJECT:
                self._bare_container(wanted, Control.OBJECT, text, symbol)
            else:  # an array in an array has its tag
                self._value(wanted, text, symbol)

    # -- values ------------------------------------------------------------------------

    def _value(self, wanted: int, text: str, symbol: str) -> None:
        """Read a value that begins with its tag or text."""
        constants = self._tables.constants[wanted]
        if symbol == Control.END:
            if self._is_number:
                self._add(self._number(wanted, text))
            else:
                self._add(self._text(wanted, text))
        elif text or self._is_number:
            raise MalformedError("text must go on or end here")
        elif symbol in constants:
            self._add(constants[symbol])
        elif symbol in (Control.OBJECT, Control.ARRAY):
            self._open(wanted, is_object=symbol == Control.OBJECT)
        elif symbol == Control.NUMBER and self._grammar.nodes[wanted].number >= 0:
            self._is_number = True
        elif symbol == Control.ESCAPE:
            self._begin_escaped()
        elif symbol in REFERENCES and self._grammar.nodes[wanted].text >= 0:
            self._add(self._history.resolve(wanted, symbol))
        else:
            raise MalformedError(f"{self._describe(symbol)} is not allowed here")

    def _add(self, value: Json) -> None:
        """Put a value where it is wanted."""
        if self._frames:
            frame = self._frames[-1]
            if frame.is_object:
                frame.container[frame.key] = value
                frame.key = None
            else:
                frame.container.append(value)
        else:
            self.value = value
        self._wanted, self._escape, self._is_number = _NOTHING, "", False

    def _begin_escaped(self) -> None:
        self._wanted, self._escape = self._grammar.any, Control.ESCAPE

    def _text(self, wanted: int, symbols: str) -> str:
        automaton = self._grammar.nodes[wanted].text
        if automaton < 0:
            raise MalformedError("no text is allowed here", len(symbols))
        if self._escape:
            return _spell(symbols, errors="surrogatepass")
        text = _spell(symbols)
        if self._grammar.automata[automaton].label(text) < 0:
            raise MalformedError("no text of this grammar")
        self._history.add(wanted, text)
        return text

    def _number(self, wanted: int, text: str) -> int | float:
        automaton = self._grammar.automata[self._grammar.nodes[wanted].number]
        fits = _is_number(text) if self._escape else automaton.label(text) >= 0
        if not fits:
            raise MalformedError("no number of this grammar")
        return float(text) if set(text) & set(".eE") else int(text)

    # -- containers --------------------------------------------------------------------

    def _bare_container(self, wanted: int, opener: str, text: str, symbol: str) -> None:
        """Open a container without a tag, unless an escape stands in its place."""
        is_object = opener == Control.OBJECT
        closes = not text and symbol == Control.CLOSE_ARRAY
        if self._escape and not closes:
            self._begin_escaped()
            self._read(text, symbol)
        elif not text and symbol == Control.ESCAPE_ARRAY and not is_object:
            self._escape = symbol  # of the value, or of the close of an empty array
        elif not text and symbol == Control.ESCAPE and is_object:
            self._begin_escaped()
        else:
            escape = self._escape
            self._open(wanted, is_object=is_object)
            self._escape = escape
            self._read(text, symbol)

    def _open(self, number: int, *, is_object: bool) -> None:
        node = self._grammar.nodes[number]
        if not (node.branches if is_object else node.items >= 0):
            kind = "object" if is_object else "array"
            raise MalformedError(f"no {kind} is allowed here")
        if len(self._frames) == MAX_DEPTH:
            raise MalformedError(f"nested deeper than {MAX_DEPTH}")
        container: Json = {} if is_object else []
        alive = self._grammar.all_branches(number) if is_object else ()
        step: str | int = 0
        if self._frames:
            parent = self._frames[-1]
            step = len(parent.container) if parent.key is None else parent.key
        self._add(container)
        self._frames.append(_Frame(number, container, is_object, alive, step))

    def _close_array(self, frame: _Frame, symbol: str) -> bool:
        """Read the close of an array or the escape before it."""
        if symbol == Control.CLOSE_ARRAY:
            node, count = self._grammar.nodes[frame.number], len(frame.container)
            too_many = node.max_items is not None and count > node.max_items
            if not self._escape and (count < node.min_items or too_many):
                raise MalformedError(f"an array may not end after {count} items")
            self._frames.pop()
            self._escape = ""
            return True
        if self._escape:
            raise MalformedError("an escaped array must close here")
        if symbol == Control.ESCAPE_ARRAY:
            self._escape = symbol
            return True
        return False

    def _pair(self, frame: _Frame, text: str, symbol: str) -> None:
        """Read a key, the close of an object, or the escape before either."""
        if symbol == Control.END:
            key = _spell(text, errors="surrogatepass" if self._escape else "strict")
            self._free_key(frame, key)
        elif text:
            raise MalformedError("text must go on or end here")
        elif symbol in self._tables.words:
            self._known_key(frame, self._tables.words[symbol])
        elif symbol == Control.CLOSE_OBJECT:
            number, alive, seen = frame.number, frame.alive, frame.container.keys()
            if not self._escape and not self._grammar.may_close(number, alive, seen):
                raise MalformedError("an object may not end before its required keys")
            self._frames.pop()
            self._escape = ""
        elif symbol == Control.ESCAPE_KEY and not self._escape:
            self._escape = symbol
        else:
            raise MalformedError(f"{self._describe(symbol)} is not allowed here")

    def _known_key(self, frame: _Frame, key: str) -> None:
        if self._escape:
            child, alive = self._grammar.escaped_child(frame.number, key), frame.alive
        else:
            child, alive = self._grammar.enter(
                frame.number, frame.alive, key, len(frame.container)
            )
        self._begin_pair(frame, key, child, alive)

    def _free_key(self, frame: _Frame, key: str) -> None:
        child, alive = self._grammar.any, frame.alive
        if not self._escape:
            keys = self._grammar.nodes[frame.number].keys
            label = DEAD if keys < 0 else self._grammar.automata[keys].label(key)
            child = DEAD
            if label >= 0:
                child, alive = self._grammar.enter(
                    frame.number, frame.alive, label, len(frame.container)
                )
        self._begin_pair(frame, key, child, alive)

    def _begin_pair(self, frame: _Frame, key: str, child: int, alive: Alive) -> None:
        if child < 0 or key in frame.container:
            raise MalformedError(f"the key {key!r} is not allowed here")
        frame.key, frame.alive = key, alive
        self._wanted, self._escape = child, ""

    # -- the beginning of a document as text -------------------------------------------

    def _expect_text(self) -> None:
        """Raise unless text may stand here; opens the container that it is in."""
        wanted = self._wanted
        if wanted != _NOTHING and self._tables.opener[wanted]:
            if self._escape:
                self._begin_escaped()
            else:
                is_object = self._tables.opener[wanted] == Control.OBJECT
                self._open(wanted, is_object=is_object)
            wanted = self._wanted
        if wanted == _NOTHING and self._frames:
            frame = self._frames[-1]
            node = self._grammar.nodes[frame.number]
            if frame.is_object:
                if node.keys < 0 and not self._escape:
                    raise MalformedError("no free key is allowed here")
                return
            if self._escape:
                raise MalformedError("an escaped array must close here")
            wanted = self._wanted = node.items
            if self._tables.opener[wanted] == Control.OBJECT:
                self._expect_text()
                return
        allowed = wanted != _NOTHING and (
            self._is_number or self._grammar.nodes[wanted].text >= 0
        )
        if not allowed:
            raise MalformedError("no text is allowed here")

    def prefix(self, *, indent: int | None = None) -> Prefix:
        """How far the document is.

        Args:
            indent: spaces per level for readable JSON text; None for minified.

        Raises:
            MalformedError: the text that is being read is not UTF-8.
        """
        return Prefix(
            text=self._json_text(indent), open=self.open, complete=self.is_complete
        )

    def _json_text(self, indent: int | None) -> str:
        if not self._frames:
            text = dump(self.value, indent=indent) if self.is_complete else ""
            return text + self._partial_text()
        text = dump(self.value, indent=indent)
        for frame in self._frames:  # the root is closed last
            text = text[:-1]
            if frame.container and indent is not None:
                text = text[: text.rindex("\n")]
        frame = self._frames[-1]
        if frame.key is None and not self._tail:
            return text
        text += "," if frame.container else ""
        if indent is not None:
            text += "\n" + " " * indent * len(self._frames)
        if frame.key is not None:
            text += quote(frame.key) + (":" if indent is None else ": ")
        return text + self._partial_text()

    def _partial_text(self) -> str:
        if self._is_number or not self._tail:
            return ""
        symbols = drop_partial_character("".join(self._tail))
        return quote(_spell(symbols, errors="surrogatepass"))[:-1]

    def _describe(self, symbol: str) -> str:
        """A structure symbol as an error names it."""
        if symbol in self._tables.words:
            return repr(self._tables.words[symbol])
        return "a reference" if symbol in REFERENCES else Control(symbol).name


def _spell(symbols: str, *, errors: str = "strict") -> str:
    try:
        return spell(symbols, errors=errors)
    except UnicodeDecodeError as error:
        raise MalformedError(f"text is not UTF-8 ({error.reason})") from error


def _is_number(text: str) -> bool:
    """Whether Python reads a JSON number from `text`, and a finite one."""
    match = _NUMBER.fullmatch(text)
    if match is None or len(text.removeprefix("-")) > _MAX_NUMBER_CHARACTERS:
        return False
    is_float = match[2] or match[3]
    return not is_float or abs(float(text)) < float("inf")
