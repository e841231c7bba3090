"""Base symbols to JSON values: the reading half of the codec.

A `Reader` takes symbols as they come and builds the value that they stand for, so the
beginning of a document is the beginning of a value.  It accepts whatever the writer and
the masks accept, in one pass with an explicit stack: no input makes it recurse,
backtrack or take more memory than its own length allows.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .grammar import DEAD, MAX_DEPTH, Alive, Branch, Grammar
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
_PIECE = re.compile(f"[^{STRUCTURE}]*[{STRUCTURE}]")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_CONSTANTS: dict[str, Json] = {
    Control.TRUE: True,
    Control.FALSE: False,
    Control.NULL: None,
}
_ARRAY_ENDS = (str(Control.CLOSE_ARRAY), str(Control.ESCAPE_ARRAY))
_OBJECT, _CLOSE_OBJECT = str(Control.OBJECT), str(Control.CLOSE_OBJECT)
_ESCAPE = str(Control.ESCAPE)
_NOTHING = -1  # no value is wanted
# What was read once at a place is looked up when it comes again, up to these bounds.
_MAX_KNOWN = 1 << 14
_MAX_KNOWN_SYMBOLS = 64


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


class _Place:
    """Between two pairs of an object: its node and the branches that are alive."""

    __slots__ = ("alive", "known", "needs", "number")

    def __init__(self, number: int, alive: Alive, branches: Sequence[Branch]) -> None:
        self.number = number
        self.alive = alive
        self.known: dict[str, tuple[str, int, _Place]] = {}
        """By its symbols, an allowed key: the key, its value's node, where then."""
        needs = [
            (b.min_properties, b.required) for b in map(branches.__getitem__, alive)
        ]
        self.needs = sorted(needs, key=lambda need: (need[0], len(need[1])))
        """What one of must be there for the object to close."""

    def may_close(self, pairs: dict[str, Json]) -> bool:
        """Whether an object that holds `pairs` is complete."""
        for least, required in self.needs:
            if len(pairs) >= least and all(key in pairs for key in required):
                return True
        return False


class ReaderTables:
    """What reading looks up again and again; made once for a grammar."""

    def __init__(self, grammar: Grammar, words: dict[str, str]) -> None:
        """Tabulate.

        Args:
            grammar: what is allowed where.
            words: literal symbol to key or enum value.
        """
        self.grammar = grammar
        self.words = words
        self.values: list[dict[str, Json]] = []
        """By node: symbols that are known to be a whole value, and that value."""
        self.opener: list[str] = []
        """By node: the tag that its values do without, or empty."""
        self._places: dict[tuple[int, Alive], _Place] = {}
        symbols = {word: symbol for symbol, word in words.items()}
        for node in grammar.nodes:
            allowed = {Control.TRUE: node.true, Control.FALSE: node.false}
            allowed[Control.NULL] = node.null
            values = {s: v for s, v in _CONSTANTS.items() if allowed[Control(s)]}
            self.values.append(values | {symbols[word]: word for word in node.literals})
            bare_array = Control.ARRAY if node.only_array else ""
            self.opener.append(Control.OBJECT if node.only_object else bare_array)
        self.items = [node.items for node in grammar.nodes]
        self.start = [
            self.place(number, grammar.all_branches(number))
            for number in range(len(grammar.nodes))
        ]
        """By node: the place in an object that has no pair yet."""

    def place(self, number: int, alive: Alive) -> _Place:
        """The one place for a node and branches."""
        found = self._places.get((number, alive))
        if found is None:
            branches = self.grammar.nodes[number].branches
            found = self._places[number, alive] = _Place(number, alive, branches)
        return found


class _Frame:
    """An open array or object."""

    __slots__ = ("container", "key", "number", "place")

    def __init__(self, number: int, place: _Place | None, container: Any) -> None:
        self.number = number
        self.place = place  # of an object
        self.container = container
        self.key: str | None = None  # whose value is wanted


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
        return "".join("{" if frame.place else "[" for frame in self._frames)

    @property
    def path(self) -> tuple[str | int, ...]:
        """Keys and indices of what is read now, from the root."""
        steps: list[str | int] = []
        for frame in self._frames[:-1]:  # in which the last value is being read
            if frame.place is None:
                steps.append(len(frame.container) - 1)
            else:
                steps.append(next(reversed(frame.container)))
        if self._frames:
            frame = self._frames[-1]
            if frame.place is None:
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
                self._expect_text()
            except MalformedError as error:
                at = self._size + len(symbols) - len(tail)
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
                known = values[wanted]
                if piece in known:
                    value = known[piece]
                    if isinstance(value, str):
                        remember(wanted, value)
                    if frame.key is None:
                        frame.container.append(value)
                    else:
                        frame.container[frame.key] = value
                        frame.key = None
                    self._wanted = _NOTHING
                    continue
                if opener[wanted] == _OBJECT and piece != _ESCAPE:
                    frame = self._open(wanted, tables.start[wanted])
                    place = frame.place
            if place is not None and self._wanted == _NOTHING:
                pair = place.known.get(piece)
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
        wanted = self._wanted
        if wanted == _NOTHING:
            if not self._frames:
                raise MalformedError("the document is already closed", len(text))
            frame = self._frames[-1]
            if frame.place:
                self._pair(frame, frame.place, text, symbol)
            elif text or not self._close_array(frame, symbol):
                self._item(frame, text, symbol)
        elif self._tables.opener[wanted]:
            self._bare_container(wanted, text, symbol)
        else:
            self._value(wanted, text, symbol)

    def _item(self, frame: _Frame, text: str, symbol: str) -> None:
        wanted = self._wanted = self._grammar.nodes[frame.number].items
        if self._tables.opener[wanted] == Control.OBJECT:
            self._bare_container(wanted, text, symbol)
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
            raise MalformedError("no text is allowed here", len(symbols))
        if self._escape:
            return _spell(symbols, errors="surrogatepass")
        text = _spell(symbols)
        if self._grammar.automata[automaton].label(text) < 0:
            raise MalformedError("no text of this grammar")
        self._history.add(wanted, text)
        values = self._tables.values[wanted]
        if len(symbols) <= _MAX_KNOWN_SYMBOLS and len(values) < _MAX_KNOWN:
            values[symbols + Control.END] = text
        return text

    def _number(self, wanted: int, text: str) -> int | float:
        automaton = self._grammar.automata[self._grammar.nodes[wanted].number]
        fits = _is_number(text) if self._escape else automaton.label(text) >= 0
        if not fits:
            raise MalformedError("no number of this grammar")
        return float(text) if set(text) & set(".eE") else int(text)

    # -- containers --------------------------------------------------------------------

    def _bare_container(self, wanted: int, text: str, symbol: str) -> None:
        """Open a container without a tag, unless an escape stands in its place."""
        is_object = self._tables.opener[wanted] == Control.OBJECT
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
            self._open(wanted, self._tables.start[wanted] if is_object else None)
            self._escape = escape
            self._read_all(iter((text + symbol,)))

    def _open(self, number: int, place: _Place | None) -> _Frame:
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

    def _pair(self, frame: _Frame, place: _Place, text: str, symbol: str) -> None:
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

    def _key(
        self, frame: _Frame, place: _Place, symbols: str, *, is_free: bool
    ) -> None:
        errors = "surrogatepass" if self._escape else "strict"
        key = _spell(symbols, errors=errors) if is_free else self._tables.words[symbols]
        if self._escape:
            known = key, self._escaped_child(place, key, is_free=is_free), place
        else:
            known = self._known_key(frame, place, key, is_free=is_free)
            is_constant = not self._grammar.counts_keys(place.number)
            if is_constant and known[1] >= 0 and len(place.known) < _MAX_KNOWN:
                place.known[symbols + Control.END if is_free else symbols] = known
        if known[1] < 0 or key in frame.container:
            raise MalformedError(f"the key {key!r} is not allowed here")
        frame.key, self._wanted, frame.place = known
        self._escape = ""

    def _escaped_child(self, place: _Place, key: str, *, is_free: bool) -> int:
        if is_free:
            return self._grammar.any
        return self._grammar.escaped_child(place.number, key)

    def _known_key(
        self, frame: _Frame, place: _Place, key: str, *, is_free: bool
    ) -> tuple[str, int, _Place]:
        """An allowed key, its value's node, and the place after it."""
        label: int | str = key
        if is_free:
            keys = self._grammar.nodes[place.number].keys
            label = DEAD if keys < 0 else self._grammar.automata[keys].label(key)
            if label == DEAD:
                return key, DEAD, place
        child, alive = self._grammar.enter(
            place.number, place.alive, label, len(frame.container)
        )
        return key, child, self._tables.place(place.number, alive)

    # -- the beginning of a document as text -------------------------------------------

    def _expect_text(self) -> None:
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
            node = self._grammar.nodes[frame.number]
            if frame.place:
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
