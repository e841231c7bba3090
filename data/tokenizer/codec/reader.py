"""Base symbols to JSON values: the reading half of the codec.

A `Reader` takes symbols as they come and builds the value that they encode, so the
beginning of a document is the beginning of a value.  It accepts whatever the encoder
and the masks produce, in one pass.  Most of a workflow was read before at a like place
of the grammar: the fast path looks it up, and `exact.py` does the rest.
"""

import re
from collections.abc import Iterator

from ...documents.json_text import dump
from ..symbols import STRUCTURE, Control
from .exact import NOTHING, ExactReader, MalformedError
from .lookup import Tables
from .prefix import Prefix, open_text, steps, whole_characters
from .references import MIN_TEXT

__all__ = ["MalformedError", "Reader"]

_PIECE = re.compile(f"[^{STRUCTURE}]*[{STRUCTURE}]")
_ARRAY_ENDS = (str(Control.CLOSE_ARRAY), str(Control.ESCAPE_ARRAY))
_OBJECT, _CLOSE_OBJECT = str(Control.OBJECT), str(Control.CLOSE_OBJECT)
_ESCAPE, _END = str(Control.ESCAPE), str(Control.END)


class Reader(ExactReader):
    """Reads one document, symbol by symbol."""

    def __init__(self, tables: Tables) -> None:
        """Begin a document."""
        super().__init__(tables)
        self._tail: list[str] = []  # text whose end has not come
        self._size = 0  # symbols read

    @property
    def is_complete(self) -> bool:
        """Whether the document is closed."""
        return self._wanted == NOTHING and not self._frames

    @property
    def path(self) -> tuple[str | int, ...]:
        """Keys and indices of the value that is being read, from the root."""
        return tuple(step for _, step in steps(self._frames))

    @property
    def schema_path(self) -> tuple[str, ...]:
        """The same with `*` for a key that the schema does not name, `[]` for items."""
        return tuple(self._schema_steps())

    @property
    def top_key(self) -> str | None:
        """The first step of `schema_path`, None at the root."""
        return next(self._schema_steps(), None)

    def _schema_steps(self) -> Iterator[str]:
        known = self._grammar.known_keys
        for node, step in steps(self._frames):
            if isinstance(step, int):
                yield "[]"
            else:
                yield step if step in known(node) else "*"

    def feed(self, symbols: str) -> None:
        """Read on.

        Raises:
            MalformedError: no document continues like this.  Its position counts from
                the beginning of the document; the reader is unusable afterwards.
        """
        # Runs of text, each with the structure symbol after it.  An extra END closes
        # the last run; the search for an unfinished run would take quadratic time.
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

        The tables know most pieces; `_read` handles the others.
        """
        tables, frames, remember = self._tables, self._frames, self._history.add
        values, opener, items = tables.values, tables.opener, tables.items
        for piece in pieces:
            if self._escape or self._is_number or not frames:
                self._read(piece[:-1], piece[-1])
                continue
            frame, wanted = frames[-1], self._wanted
            place = frame.place
            if wanted == NOTHING and place is None and piece not in _ARRAY_ENDS:
                wanted = items[frame.number]
            if wanted != NOTHING:
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
            if place is not None and self._wanted == NOTHING:
                if place.tag:
                    place = self._settled(frame, place)
                pair = place.by_symbols.get(piece)
                if pair is not None and pair[0] not in frame.container:
                    frame.key, self._wanted, frame.place = pair
                    continue
                if piece == _CLOSE_OBJECT and place.may_close(frame.container):
                    frames.pop()
                    continue
            self._read(piece[:-1], piece[-1])

    def prefix(self, *, indent: int | None = None) -> Prefix:
        """The document so far as JSON text.

        Args:
            indent: spaces per level for readable JSON text; None for minified.

        Raises:
            MalformedError: the unfinished text is not UTF-8.
        """
        text = ""
        if self._frames or self.is_complete:
            text = dump(self.value, indent=indent)
        partial = None
        if self._tail and not self._is_number:
            partial = whole_characters("".join(self._tail))
        return Prefix(
            text=open_text(text, self._frames, partial, indent),
            open="".join("{" if frame.place else "[" for frame in self._frames),
            complete=self.is_complete,
        )
