"""Base symbols to JSON values: the reading half of the codec.

A `Reader` takes symbols as they come and builds the value that they stand for, so the
beginning of a document is the beginning of a value.  It accepts whatever the writer and
the masks accept, in one pass with an explicit stack: no input makes it recurse,
backtrack or take more memory than its own length allows.
"""

import re
from collections.abc import Iterator
from typing import Any

from ...documents.json_text import Json, dump
from ..grammar import MAX_DEPTH
from ..symbols import REFERENCES, STRUCTURE, Control, drop_partial_character, spell
from .lookup import Place, Tables
from .prefix import Prefix, open_text
from .references import MIN_TEXT, History

__all__ = ["MalformedError", "Reader"]

_MAX_NUMBER_CHARACTERS = 4300  # Python reads no longer integer
_PIECE = re.compile(f"[^{STRUCTURE}]*[{STRUCTURE}]")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_ARRAY_ENDS = (str(Control.CLOSE_ARRAY), str(Control.ESCAPE_ARRAY))
_OBJECT, _CLOSE_OBJECT = str(Control.OBJECT), str(Control.CLOSE_OBJECT)
_ESCAPE, _END = str(Control.ESCAPE), str(Control.END)
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


class _Frame:
    """An open array or object."""

    __slots__ = ("container", "key", "number", "place")

    def __init__(self, number: int, place: Place | None, container: Any) -> None:
        self.number = number
        self.place = place  # of an object
        self.container = container
        self.key: str | None = None  # whose value is wanted


class Reader:
    """Reads one document, symbol by symbol."""

    def __init__(self, tables: Tables) -> None:
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
        return "".join("{" if frame.place else "[" for frame in self._frames)

    @property
    def path(self) -> tuple[str | int, ...]:
        """Keys and indices of what is read now, from the root."""
        return tuple(step for _, step in self._steps())

    @property
    def schema_path(self) -> tuple[str, ...]:
        """The same with `*` for a key that the schema does not name, `[]` for items."""
        known = self._grammar.known_keys
        return tuple(
            "[]" if isinstance(step, int) else step if step in known(node) else "*"
            for node, step in self._steps()
        )

    def _steps(self) -> Iterator[tuple[int, str | int]]:
        """Node of each open container, and key or index of what is read in it."""
        for frame in self._frames[:-1]:  # in which the last value is open
            if frame.place is None:
                yield frame.number, len(frame.container) - 1
            else:
                yield frame.number, next(reversed(frame.container))
        if self._frames:
            frame = self._frames[-1]
            if frame.place is None:
                yield frame.number, len(frame.container)
            elif frame.key is not None:
                yield frame.number, frame.key

    def feed(self, symbols: str) -> None:
        """Read on.

        Raises:
            MalformedError: no document goes on like this.  Its position counts from the
                beginning of the document; the reader is of no use afterwards.
        """
        # Runs of text, each with the structure symbol after it.  One more symbol makes
        # the last run end too, without which finding it would take quadratic time.
        pieces = _PIECE.findall(symbols + Control.END)
        tail = pieces.pop()[:-1]
        size = self._size
        if pieces and self._tail:
            pieces[0] = "".join((*self._tail, pieces[0]))
            size -= sum(map(len, self._tail))
            self._tail.clear()
        rest = iter(pieces)
        try:
            self._read_all(rest)
        except MalformedError as error:
            seen = pieces[: len(pieces) - len(list(rest))]
            at = size + sum(map(len, seen)) - 1 - error.position
            raise MalformedError(str(error), at) from None
        if tail:
            try:
                self._expect_text(tail)
            except MalformedError as error:
                at = self._size + len(symbols) - error.position
                raise MalformedError(str(error), at) from None
            self._tail.append(tail)
        self._size += len(symbols)

    def _read_all(self, pieces: Iterator[str]) -> None:
        """Read runs of text, each with the structure symbol after it.

        What was read before at a like place is looked up; `_read` does the rest.
        """
        tables, frames, remember = self._tables, self._frames, self._history.add
        values, opener, items = tables.values, tables.opener, tables.items
        for piece in pieces:
            if self._escape or self._is_number or not frames:
                self._read(piece[:-1], piece[-1])
                continue
            frame, wanted = frames[-1], self._wanted
            place = frame.place
            if wanted == _NOTHING and place is None and piece not in _ARRAY_ENDS:
                wanted = items[frame.number]
            if wanted != _NOTHING:
                if piece in values[wanted]:
                    value = values[wanted][piece]
                    if len(piece) > MIN_TEXT:
                        remember(wanted, value)
                    self._add(value)
                    continue
                if opener[wanted] == _OBJECT:
                    if piece != _ESCAPE:
                        frame = self._open(wanted, tables.start[wanted])
                        place = frame.place
                elif piece[-1] == _END and tables.has_text[wanted]:
                    self._add(self._text(wanted, piece[:-1]))
                    continue
                elif piece == _OBJECT and tables.has_object[wanted]:
                    self._open(wanted, tables.start[wanted])
                    continue
            if place is not None and self._wanted == _NOTHING:
                pair = place.by_symbols.get(piece)
                if pair is not None and pair[0] not in frame.container:
                    frame.key, self._wanted, frame.place = pair
                    continue
                if piece == _CLOSE_OBJECT and place.may_close(frame.container):
                    frames.pop()
                    continue
            self._read(piece[:-1], piece[-1])

    # `_read` and what it calls take a run of text and the structure symbol after it.
    # Their errors are at that symbol, or `position` symbols before it.

    def _read(self, text: str, symbol: str) -> None:
        if text:
            self._expect_text(text)
        wanted = self._wanted
        if wanted != _NOTHING:
            if self._tables.opener[wanted]:
                self._bare_container(wanted, symbol)
            else:
                self._value(wanted, text, symbol)
            return
        if not self._frames:
            raise MalformedError("the document is already closed")
        frame = self._frames[-1]
        if frame.place:
            self._pair(frame, frame.place, text, symbol)
        elif not self._close_array(frame, symbol):
            wanted = self._wanted = self._tables.items[frame.number]
            if self._tables.opener[wanted] == Control.OBJECT:
                self._bare_container(wanted, symbol)
            else:  # an array in an array has its tag
                self._value(wanted, text, symbol)

    # -- values ------------------------------------------------------------------------

    def _value(self, wanted: int, text: str, symbol: str) -> None:
        """Read a value that begins with its tag or text."""
        if symbol == Control.END:
            read = self._number if self._is_number else self._text
            self._add(read(wanted, text))
        elif text or self._is_number:
            raise MalformedError("text must go on or end here")
        elif symbol in self._tables.values[wanted]:
            self._add(self._tables.values[wanted][symbol])
        elif symbol == Control.OBJECT and self._grammar.nodes[wanted].branches:
            self._open(wanted, self._tables.start[wanted])
        elif symbol == Control.ARRAY and self._grammar.nodes[wanted].items >= 0:
            self._open(wanted, None)
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
            if frame.key is None:
                frame.container.append(value)
            else:
                frame.container[frame.key] = value
                frame.key = None
        else:
            self.value = value
        self._wanted, self._escape, self._is_number = _NOTHING, "", False

    def _begin_escaped(self) -> None:
        self._wanted, self._escape = self._grammar.any, Control.ESCAPE

    def _text(self, wanted: int, symbols: str) -> str:
        automaton = self._grammar.nodes[wanted].text
        if automaton < 0:
            raise MalformedError("no text is allowed here")
        if self._escape:
            return _spell(symbols, errors="surrogatepass")
        text = _spell(symbols)
        if self._grammar.automata[automaton].label(text) < 0:
            raise MalformedError("no text of this grammar")
        self._history.add(wanted, text)
        self._tables.learn(self._tables.values[wanted], symbols + Control.END, text)
        return text

    def _number(self, wanted: int, text: str) -> int | float:
        automaton = self._grammar.automata[self._grammar.nodes[wanted].number]
        fits = _is_number(text) if self._escape else automaton.label(text) >= 0
        if not fits:
            raise MalformedError("no number of this grammar")
        return float(text) if set(text) & set(".eE") else int(text)

    # -- containers --------------------------------------------------------------------

    def _bare_container(self, wanted: int, symbol: str) -> None:
        """Open a container without a tag, unless an escape stands in its place."""
        is_object = self._tables.opener[wanted] == Control.OBJECT
        if self._escape and symbol != Control.CLOSE_ARRAY:
            self._begin_escaped()
            self._read("", symbol)
        elif symbol == Control.ESCAPE_ARRAY and not is_object:
            self._escape = symbol  # of the value, or of the close of an empty array
        elif symbol == Control.ESCAPE and is_object:
            self._begin_escaped()
        else:
            escape = self._escape
            self._open(wanted, self._tables.start[wanted] if is_object else None)
            self._escape = escape
            self._read("", symbol)

    def _open(self, number: int, place: Place | None) -> _Frame:
        """Open an object, where there is a place, or an array."""
        if len(self._frames) == MAX_DEPTH:
            raise MalformedError(f"nested deeper than {MAX_DEPTH}")
        frame = _Frame(number, place, [] if place is None else {})
        self._add(frame.container)
        self._frames.append(frame)
        return frame

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

    def _pair(self, frame: _Frame, place: Place, text: str, symbol: str) -> None:
        """Read a key, the close of an object, or the escape before either."""
        if symbol == Control.END:
            self._key(frame, place, text, is_free=True)
        elif text:
            raise MalformedError("text must go on or end here")
        elif symbol in self._tables.words:
            self._key(frame, place, symbol, is_free=False)
        elif symbol == Control.CLOSE_OBJECT:
            if not self._escape and not place.may_close(frame.container):
                raise MalformedError("an object may not end before its required keys")
            self._frames.pop()
            self._escape = ""
        elif symbol == Control.ESCAPE_KEY and not self._escape:
            self._escape = symbol
        else:
            raise MalformedError(f"{self._describe(symbol)} is not allowed here")

    def _key(self, frame: _Frame, place: Place, symbols: str, *, is_free: bool) -> None:
        errors = "surrogatepass" if self._escape else "strict"
        key = _spell(symbols, errors=errors) if is_free else self._tables.words[symbols]
        count = len(frame.container)
        entered: tuple[int, Place] | None
        if self._escape:
            child = self._grammar.any
            if not is_free:
                child = self._grammar.escaped_child(place.number, key)
            entered = None if child < 0 else (child, place)
        else:
            entered = self._tables.enter(place, key, is_free=is_free, count=count)
        if entered is None or key in frame.container:
            raise MalformedError(f"the key {key!r} is not allowed here")
        if not self._escape:
            name = symbols + Control.END if is_free else symbols
            self._tables.learn_key(place, place.by_symbols, name, (key, *entered))
        frame.key = key
        self._wanted, frame.place = entered
        self._escape = ""

    # -- the beginning of a document as text -------------------------------------------

    def _expect_text(self, text: str) -> None:
        """Raise unless text may stand here; opens the container that it is in."""
        wanted = self._wanted
        if wanted != _NOTHING and self._tables.opener[wanted]:
            if self._escape:
                self._begin_escaped()
            else:
                is_object = self._tables.opener[wanted] == Control.OBJECT
                self._open(wanted, self._tables.start[wanted] if is_object else None)
            wanted = self._wanted
        if wanted == _NOTHING and self._frames:
            frame = self._frames[-1]
            if frame.place:
                if self._grammar.nodes[frame.number].keys < 0 and not self._escape:
                    raise MalformedError("no free key is allowed here", len(text))
                return
            if self._escape:
                raise MalformedError("an escaped array must close here", len(text))
            wanted = self._wanted = self._tables.items[frame.number]
            if self._tables.opener[wanted] == Control.OBJECT:
                self._expect_text(text)
                return
        if wanted == _NOTHING:
            raise MalformedError("the document is already closed", len(text))
        if not self._is_number and self._grammar.nodes[wanted].text < 0:
            raise MalformedError("no text is allowed here", len(text))

    def prefix(self, *, indent: int | None = None) -> Prefix:
        """How far the document is.

        Args:
            indent: spaces per level for readable JSON text; None for minified.

        Raises:
            MalformedError: the text that is being read is not UTF-8.
        """
        has_value = bool(self._frames) or self.is_complete
        text = dump(self.value, indent=indent) if has_value else ""
        return Prefix(
            text=open_text(text, self._frames, self._text_so_far(), indent),
            open=self.open,
            complete=self.is_complete,
        )

    def _text_so_far(self) -> str | None:
        """The text that is being read, as far as its characters are whole."""
        if self._is_number or not self._tail:
            return None
        symbols = drop_partial_character("".join(self._tail))
        return _spell(symbols, errors="surrogatepass")

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
