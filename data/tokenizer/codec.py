"""JSON values to base symbols and back, under a grammar.

    {"on": "push", "jobs": {...}}   ⇄   on push jobs build … CLOSE_OBJECT

An object is its (key, value) pairs in document order and a closer; a known key is one
symbol, a free key its text and END.  A type tag is written only where several types
are allowed.  There are no counts and no lengths, so both directions are one pass, and
the root's closer ends the document.  A text that was written before is a reference to
it (`data.references`).

What breaks the schema is written behind one of three escapes, so every JSON value has
exactly one encoding; one without escapes is a value that the schema allows.
"""

import json
import re
from dataclasses import dataclass, field

from ..json_text import Json
from .grammar import DEAD, MAX_DEPTH, MAX_TAGGED_DEPTH, Alive, Grammar, Node
from .places import ReaderTables
from .reader import MalformedError, Reader
from .references import History
from .symbols import ESCAPES, Control, byte_symbol, literal_symbol

__all__ = ["MAX_DEPTH", "Codec"]

C = Control
_ESCAPE = re.compile("[" + "".join(ESCAPES) + "]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Codec:
    """Encoder and decoder for one grammar and one list of common characters."""

    def __init__(self, grammar: Grammar, characters: str) -> None:
        """Tabulate the symbols.

        Args:
            grammar: what is allowed where.
            characters: non-ASCII characters that have a symbol of their own.
        """
        self.grammar = grammar
        self.literals = {
            word: literal_symbol(slot) for slot, word in enumerate(grammar.literals)
        }
        self.words = {symbol: word for word, symbol in self.literals.items()}
        self._tables = ReaderTables(grammar, self.words)
        # Everything that is neither ASCII nor common is spelled in bytes.
        self._rare = re.compile(f"[^\x00-\x7f{re.escape(characters)}]")

    # -- encoding ----------------------------------------------------------------------

    def encode(self, value: Json) -> list[str]:
        """The symbols of a value, cut into chunks that tokens do not cross.

        A chunk ends where an object does (with the closers that follow) and after each
        newline of a text, so a step such as `uses: actions/checkout@v4` is one chunk.

        Raises:
            ValueError: nesting beyond MAX_DEPTH.
            TypeError: no JSON value.
        """
        writer = _Writer(self, History(self.grammar))
        writer.value(value, self.grammar.root, in_array=False, depth=0)
        writer.cut()
        return writer.chunks

    def spell_text(self, text: str) -> str:
        """The text symbols of a string, without END."""
        if text.isascii():
            return text
        return self._rare.sub(
            lambda match: "".join(
                byte_symbol(byte) for byte in match[0].encode("utf-8", "surrogatepass")
            ),
            text,
        )

    # -- decoding ----------------------------------------------------------------------

    def reader(self) -> Reader:
        """A reader at the beginning of a document."""
        return Reader(self._tables)

    def decode(self, symbols: str) -> Json:
        """The value that `symbols` encode.

        Raises:
            MalformedError: they are not the encoding of one value.
        """
        reader = self.reader()
        reader.feed(symbols)
        if not reader.is_complete:
            raise MalformedError("the document is not closed", len(symbols))
        return reader.value

    def is_on_schema(self, symbols: str) -> bool:
        """Whether a document's symbols have no escape."""
        return not _ESCAPE.search(symbols)


@dataclass(slots=True)
class _Writer:
    """Encodes one value; `chunks` is the result."""

    codec: Codec
    history: History
    chunks: list[str] = field(default_factory=list)
    _pending: list[str] = field(default_factory=list)

    def cut(self) -> None:
        """End the current chunk."""
        if self._pending:
            self.chunks.append("".join(self._pending))
            self._pending.clear()

    def _cut_after_object(self) -> None:
        if self._pending and self._pending[-1] == C.CLOSE_OBJECT:
            self.cut()

    def value(self, value: Json, number: int, *, in_array: bool, depth: int) -> None:
        """Write a value as node `number` types it, or behind an escape."""
        grammar = self.codec.grammar
        node = grammar.nodes[number]
        put = self._pending.append
        if isinstance(value, str):
            symbols = self._string(value, number)
            if symbols is not None:
                self._text(symbols)
                return
        elif isinstance(value, bool):
            if node.true if value else node.false:
                put(C.TRUE if value else C.FALSE)
                return
        elif value is None:
            if node.null:
                put(C.NULL)
                return
        elif isinstance(value, int | float):
            text = json.dumps(value)
            if node.number >= 0 and grammar.automata[node.number].label(text) >= 0:
                put(f"{C.NUMBER}{text}{C.END}")
                return
        elif isinstance(value, list | dict):
            is_tagged = not node.only_object and (in_array or not node.only_array)
            fits = depth < MAX_TAGGED_DEPTH or not is_tagged
            if fits and self._container(value, number, depth, is_tagged=is_tagged):
                return
        else:
            raise TypeError(f"{type(value).__name__} is not a JSON type")
        self._escaped(value, node, in_array=in_array, depth=depth)

    def _container(
        self,
        value: list[Json] | dict[str, Json],
        number: int,
        depth: int,
        *,
        is_tagged: bool,
    ) -> bool:
        """Write an array or object, if node `number` allows any."""
        node = self.codec.grammar.nodes[number]
        if depth == MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        if isinstance(value, list):
            if node.items < 0:
                return False
            self._pending += C.ARRAY if is_tagged else ()
            self._array(value, node, depth + 1)
        else:
            if not node.branches:
                return False
            self._pending += C.OBJECT if is_tagged else ()
            self._object(value, number, depth + 1)
        return True

    def _escaped(self, value: Json, node: Node, *, in_array: bool, depth: int) -> None:
        """Write behind an escape what the node does not allow."""
        bare_array = node.only_array and not in_array
        self._pending.append(C.ESCAPE_ARRAY if bare_array else C.ESCAPE)
        if isinstance(value, str):
            self._text(self.codec.spell_text(value) + C.END)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self._pending.append(f"{C.NUMBER}{json.dumps(value)}{C.END}")
        elif isinstance(value, list | dict):
            self._container(value, self.codec.grammar.any, depth, is_tagged=True)
        else:
            anything = self.codec.grammar.any
            self.value(value, anything, in_array=in_array, depth=depth)

    def _string(self, value: str, number: int) -> str | None:
        """The symbols of a string, or None if node `number` does not allow it."""
        node = self.codec.grammar.nodes[number]
        if value in node.literals:
            return self.codec.literals[value]
        reference = self.history.find(number, value)
        if reference is not None:
            return reference
        if node.text < 0 or self.codec.grammar.automata[node.text].label(value) < 0:
            return None
        # A lone surrogate is no UTF-8, so it is not for the model to write.
        if not value.isascii() and _SURROGATE.search(value):
            return None
        self.history.add(number, value)
        return self.codec.spell_text(value) + C.END

    def _text(self, symbols: str) -> None:
        """Write text, cutting after newlines."""
        *lines, last = symbols.split("\n")
        for line in lines:
            self._pending.append(line + "\n")
            self.cut()
        self._pending.append(last)

    def _array(self, values: list[Json], node: Node, depth: int) -> None:
        for index, value in enumerate(values):
            if index:
                self._cut_after_object()
            self.value(value, node.items, in_array=True, depth=depth)
        most = node.max_items
        if len(values) < node.min_items or (most is not None and len(values) > most):
            self._pending.append(C.ESCAPE_ARRAY)
        self._pending.append(C.CLOSE_ARRAY)

    def _object(self, pairs: dict[str, Json], number: int, depth: int) -> None:
        grammar = self.codec.grammar
        alive = grammar.all_branches(number)
        seen: set[str] = set()
        for key, value in pairs.items():
            if seen:
                self._cut_after_object()
            child, kept = self._key(key, number, alive, len(seen))
            if child < 0:
                child = self._escaped_key(key, number)
            else:
                alive = kept
            self.value(value, child, in_array=False, depth=depth)
            seen.add(key)
        if not grammar.may_close(number, alive, seen):
            self._pending.append(C.ESCAPE_KEY)
        self._pending.append(C.CLOSE_OBJECT)

    def _key(
        self, key: str, number: int, alive: Alive, count: int
    ) -> tuple[int, Alive]:
        """Write an allowed key; -1 and nothing written if it is not allowed."""
        grammar = self.codec.grammar
        if key in grammar.known_keys(number):
            child, kept = grammar.enter(number, alive, key, count)
            if child >= 0:
                self._pending.append(self.codec.literals[key])
            return child, kept
        keys = grammar.nodes[number].keys
        label = DEAD if keys < 0 else grammar.automata[keys].label(key)
        if label < 0 or (not key.isascii() and _SURROGATE.search(key)):
            return DEAD, ()
        child, kept = grammar.enter(number, alive, label, count)
        if child >= 0:
            self._pending.append(self.codec.spell_text(key) + C.END)
        return child, kept

    def _escaped_key(self, key: str, number: int) -> int:
        """Write a key behind an escape; the node that its value is still typed by."""
        self._pending.append(C.ESCAPE_KEY)
        child = self.codec.grammar.escaped_child(number, key)
        if child >= 0:
            self._pending.append(self.codec.literals[key])
            return child
        self._pending.append(self.codec.spell_text(key) + C.END)
        return self.codec.grammar.any
