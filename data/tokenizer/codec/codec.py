"""JSON values to base symbols and back, under a grammar.

    {"on": "push", "jobs": {...}}   ⇄   on push jobs build … CLOSE_OBJECT

An object is its (key, value) pairs in document order and a closer; a known key is one
symbol, a free key its text and END.  A type tag appears only where several types
are allowed.  There are no counts and no lengths, so both directions take one pass, and
the closer of the root ends the document.  A repeated text is a reference to an earlier
one (`references.py`).

Parts that break the schema follow one of three escapes, so every JSON value has exactly
one encoding; an encoding without escapes is a value that the schema allows.
"""

import re

from ...documents.json_text import Json
from ..grammar import MAX_DEPTH, Grammar
from ..symbols import ESCAPES, byte_symbol, literal_symbol
from .encoder import Encoder
from .lookup import Tables
from .reader import MalformedError, Reader

__all__ = ["MAX_DEPTH", "Codec"]

_ESCAPE = re.compile("[" + "".join(ESCAPES) + "]")


class Codec:
    """Encoder and decoder for one grammar and one list of common characters."""

    def __init__(self, grammar: Grammar, characters: str) -> None:
        """Build the tables.

        Args:
            grammar: what is allowed where.
            characters: non-ASCII characters that have a symbol of their own.
        """
        self.grammar = grammar
        self.characters = characters
        self.literals = {
            word: literal_symbol(slot) for slot, word in enumerate(grammar.literals)
        }
        self.words = {symbol: word for word, symbol in self.literals.items()}
        self.tables = Tables(grammar, self.words)
        # All other characters are spelled in bytes.
        self._rare = re.compile(f"[^\x00-\x7f{re.escape(characters)}]")

    # -- encoding ----------------------------------------------------------------------

    def encode(self, value: Json) -> list[str]:
        """Encode a value to chunks of symbols; no token crosses a chunk.

        A chunk ends with an object (and the closers after it) and after each newline of
        a text, so a step such as `uses: actions/checkout@v4` is one chunk.

        Raises:
            ValueError: nesting beyond MAX_DEPTH.
            TypeError: not a JSON value.
        """
        return Encoder(self.tables, self.spell).write(value)

    def spell(self, text: str) -> str:
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
        return Reader(self.tables)

    def decode(self, symbols: str) -> Json:
        """Decode one value.

        Raises:
            MalformedError: the symbols do not encode one value.
        """
        reader = self.reader()
        reader.feed(symbols)
        if not reader.is_complete:
            raise MalformedError("the document is not closed", len(symbols))
        return reader.value

    def is_on_schema(self, symbols: str) -> bool:
        """Whether a document's symbols have no escape."""
        return not _ESCAPE.search(symbols)
