"""The exact path of reading: every rule of the encoding, and its errors.

`ExactReader` reads one run of text and the structure symbol after it at a time, with an
explicit stack: no input makes it recurse without bound, backtrack or take more memory
than its own length allows.  `Reader` calls it for whatever its tables do not know.
"""

from typing import Any

from ...documents.json_text import Json, is_number
from ..grammar import MAX_DEPTH
from ..symbols import REFERENCES, Control, spell
from .lookup import Place, Tables
from .references import History

__all__ = ["NOTHING", "ExactReader", "MalformedError", "OpenFrame", "spelled"]

NOTHING = -1
"""In the place of a node: no value is expected."""


class MalformedError(ValueError):
    """Symbols that no value encodes to.

    Attributes:
        position: index of the offending symbol.
    """

    def __init__(self, problem: str, position: int = 0) -> None:
        """Keep the position apart: the decoder translates it to that of a token."""
        super().__init__(problem)
        self.position = position


class OpenFrame:
    """An open array or object."""

    __slots__ = ("container", "key", "number", "place")

    def __init__(self, number: int, place: Place | None, container: Any) -> None:
        self.number = number
        self.place = place  # of an object
        self.container = container
        self.key: str | None = None  # whose value is expected


class ExactReader:
    """Reads one document.

    Its methods take a run of text and the structure symbol after it.  Their errors are
    at that symbol, or `position` symbols before it.
    """

    def __init__(self, tables: Tables) -> None:
        """Begin a document."""
        self._tables = tables
        self._grammar = tables.grammar
        self._frames: list[OpenFrame] = []
        self._wanted = tables.grammar.root  # node of the next value
        self._escape = ""  # before the next symbols
        self._is_number = False
        self._history = History(tables.grammar)
        self.value: Json = None
        """The document so far."""

    def _read(self, text: str, symbol: str) -> None:
        if text:
            self._expect_text(text)
        wanted = self._wanted
        if wanted != NOTHING:
            if self._tables.opener[wanted]:
                self._bare_container(wanted, symbol)
            else:
                self._value(wanted, text, symbol)
            return
        if not self._frames:
            raise MalformedError("the document is already closed")
        frame = self._frames[-1]
        if frame.place:
            self._pair(frame, self._settled(frame, frame.place), text, symbol)
        elif not self._close_array(frame, symbol):
            wanted = self._wanted = self._tables.items[frame.number]
            if self._tables.opener[wanted] == Control.OBJECT:
                self._bare_container(wanted, symbol)
            else:  # an array in an array keeps its tag
                self._value(wanted, text, symbol)

    # -- values ------------------------------------------------------------------------

    def _value(self, wanted: int, text: str, symbol: str) -> None:
        """Read a value that begins with a type tag or with text."""
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
        """Put a value in its container, or at the root."""
        if self._frames:
            frame = self._frames[-1]
            if frame.key is None:
                frame.container.append(value)
            else:
                frame.container[frame.key] = value
                frame.key = None
        else:
            self.value = value
        self._wanted, self._escape, self._is_number = NOTHING, "", False

    def _begin_escaped(self) -> None:
        self._wanted, self._escape = self._grammar.any, Control.ESCAPE

    def _text(self, wanted: int, symbols: str) -> str:
        automaton = self._grammar.nodes[wanted].text
        if automaton < 0:
            raise MalformedError("no text is allowed here")
        if self._escape:
            return spelled(symbols, errors="surrogatepass")
        text = spelled(symbols)
        if self._grammar.automata[automaton].label(text) < 0:
            raise MalformedError("no text of this grammar")
        self._history.add(wanted, text)
        self._tables.learn(self._tables.values[wanted], symbols + Control.END, text)
        return text

    def _number(self, wanted: int, text: str) -> int | float:
        automaton = self._grammar.automata[self._grammar.nodes[wanted].number]
        fits = is_number(text) if self._escape else automaton.label(text) >= 0
        if not fits:
            raise MalformedError("no number of this grammar")
        return float(text) if set(text) & set(".eE") else int(text)

    # -- containers --------------------------------------------------------------------

    def _bare_container(self, wanted: int, symbol: str) -> None:
        """Open a container that has no type tag, or read the escape in its place."""
        is_object = self._tables.opener[wanted] == Control.OBJECT
        if self._escape and symbol != Control.CLOSE_ARRAY:
            self._begin_escaped()
            self._read("", symbol)
        elif symbol == Control.ESCAPE_ARRAY and not is_object:
            self._escape = (
                symbol  # before the value, or before the close of an empty array
            )
        elif symbol == Control.ESCAPE and is_object:
            self._begin_escaped()
        else:
            escape = self._escape
            self._open(wanted, self._tables.start[wanted] if is_object else None)
            self._escape = escape
            self._read("", symbol)

    def _open(self, number: int, place: Place | None) -> OpenFrame:
        """Open an object, given its first place, or an array."""
        if len(self._frames) == MAX_DEPTH:
            raise MalformedError(f"nested deeper than {MAX_DEPTH}")
        frame = OpenFrame(number, place, [] if place is None else {})
        self._add(frame.container)
        self._frames.append(frame)
        return frame

    def _close_array(self, frame: OpenFrame, symbol: str) -> bool:
        """Read the close of an array or its escape, if it is one; say whether."""
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

    def _pair(self, frame: OpenFrame, place: Place, text: str, symbol: str) -> None:
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
        elif (
            symbol == Control.NEXT_ALTERNATIVE
            and not self._escape
            and (following := self._tables.after_next(place))
        ):
            frame.place = following
        else:
            raise MalformedError(f"{self._describe(symbol)} is not allowed here")

    def _settled(self, frame: OpenFrame, place: Place) -> Place:
        """The place once the value of a tag before it has decided."""
        if place.tag:
            place, _ = self._tables.decided(place, frame.container[place.tag])
            frame.place = place
        return place

    def _key(
        self, frame: OpenFrame, place: Place, symbols: str, *, is_free: bool
    ) -> None:
        errors = "surrogatepass" if self._escape else "strict"
        key = (
            spelled(symbols, errors=errors) if is_free else self._tables.words[symbols]
        )
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

    def _expect_text(self, text: str) -> None:
        """Raise unless text may come next; open the container that it belongs to."""
        wanted = self._wanted
        if wanted != NOTHING and self._tables.opener[wanted]:
            if self._escape:
                self._begin_escaped()
            else:
                is_object = self._tables.opener[wanted] == Control.OBJECT
                self._open(wanted, self._tables.start[wanted] if is_object else None)
            wanted = self._wanted
        if wanted == NOTHING and self._frames:
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
        if wanted == NOTHING:
            raise MalformedError("the document is already closed", len(text))
        if not self._is_number and self._grammar.nodes[wanted].text < 0:
            raise MalformedError("no text is allowed here", len(text))

    def _describe(self, symbol: str) -> str:
        """Name a structure symbol for an error."""
        if symbol in self._tables.words:
            return repr(self._tables.words[symbol])
        return "a reference" if symbol in REFERENCES else Control(symbol).name


def spelled(symbols: str, *, errors: str = "strict") -> str:
    """The text of some text symbols.

    Raises:
        MalformedError: the bytes are not UTF-8.
    """
    try:
        return spell(symbols, errors=errors)
    except UnicodeDecodeError as error:
        raise MalformedError(f"text is not UTF-8 ({error.reason})") from error
