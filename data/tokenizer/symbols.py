r"""The alphabet of tokens: base symbols, one Unicode character each.

| ids      | symbols                                     | character           |
|----------|---------------------------------------------|---------------------|
| 0–15     | controls: closers, type tags, escapes       | U+E000 + i          |
| 16–271   | literals: keys and enum values of the schema| U+E100 + i          |
| 272–514  | the 243 bytes legal in UTF-8                | ASCII, U+E200 + byte|
| 515–546  | references: the same text as i texts ago    | U+E010 + i          |
| 547–674  | common non-ASCII characters of the corpus   | the character       |

So a document is an ordinary `str` of symbols, and a merged token a substring of such
strings.  Private-use characters in the text of a document are never common characters:
they are spelled in bytes, so no symbol is ambiguous.
"""

import re
from enum import StrEnum
from typing import Literal

__all__ = [
    "BYTES",
    "ESCAPES",
    "FIRST_CHARACTER_ID",
    "MAX_CHARACTERS",
    "MAX_LITERALS",
    "NUM_REFERENCES",
    "REFERENCES",
    "STRUCTURE",
    "Control",
    "base_symbols",
    "byte_symbol",
    "drop_partial_character",
    "is_text",
    "kind",
    "literal_symbol",
    "may_begin_character",
    "reference_number",
    "reference_symbol",
    "spell",
]


class Control(StrEnum):
    """Closers, type tags, constants, escapes; ids 0, 1, 2, … in this order."""

    END = "\ue000"  # end of a string, key or number
    CLOSE_OBJECT = "\ue001"
    CLOSE_ARRAY = "\ue002"
    OBJECT = "\ue003"  # type tags, only where several types are allowed
    ARRAY = "\ue004"
    TRUE = "\ue005"
    FALSE = "\ue006"
    NULL = "\ue007"
    NUMBER = "\ue008"  # then its JSON text, then END
    # Three escapes: with fewer, an escaped closer and an escaped item look alike.
    ESCAPE = "\ue009"  # the next value breaks the schema; `Grammar.any` types it
    ESCAPE_KEY = "\ue00a"  # the next key, or the close, breaks the object's rules
    ESCAPE_ARRAY = (
        "\ue00b"  # the close breaks the array's rules, or a value is not an array
    )
    BEGIN = "\ue00c"  # reserved: the position token begins a window
    # The first alternative that this object may still be is not meant; before a key.
    NEXT_ALTERNATIVE = "\ue00d"


ESCAPES = frozenset({Control.ESCAPE, Control.ESCAPE_KEY, Control.ESCAPE_ARRAY})

MAX_LITERALS = 256
MAX_CHARACTERS = 128
NUM_REFERENCES = 32
BYTES = tuple(range(0x80)) + tuple(range(0x80, 0xC0)) + tuple(range(0xC2, 0xF5))

_FIRST_LITERAL_ID = 16
_FIRST_BYTE_ID = _FIRST_LITERAL_ID + MAX_LITERALS
_FIRST_REFERENCE_ID = _FIRST_BYTE_ID + len(BYTES)
FIRST_CHARACTER_ID = _FIRST_REFERENCE_ID + NUM_REFERENCES

STRUCTURE = "\ue000-\ue1ff"  # for character classes: all symbols except text
REFERENCES = frozenset(chr(0xE010 + i) for i in range(NUM_REFERENCES))
_BYTE_RUN = re.compile("[\ue280-\ue2ff]+")
# The first bytes of a character whose last bytes are still missing.
_PARTIAL_CHARACTER = re.compile(
    r"(?:[\ue2c2-\ue2df]|[\ue2e0-\ue2ef][\ue280-\ue2bf]?"
    r"|[\ue2f0-\ue2f4][\ue280-\ue2bf]{0,2})\Z"
)
# Bounds of the second byte of a character by its first (RFC 3629, section 4).
_SECOND_BYTE = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF)} | {
    0xF4: (0x80, 0x8F)
}


def literal_symbol(slot: int) -> str:
    """The symbol of a literal, given its index in the grammar's list."""
    return chr(0xE100 + slot)


def byte_symbol(byte: int) -> str:
    """The symbol of a byte; ASCII bytes are their own characters."""
    return chr(byte) if byte < 0x80 else chr(0xE200 + byte)


def reference_symbol(number: int) -> str:
    """The symbol of a reference to the text `number` texts before the last one."""
    return chr(0xE010 + number)


def reference_number(symbol: str) -> int:
    """The inverse of `reference_symbol`."""
    return ord(symbol) - 0xE010


def base_symbols(characters: str, *, num_literals: int) -> dict[int, str]:
    """Id to symbol of all tokens that are not merged."""
    return {
        **dict(enumerate(Control)),
        **{_FIRST_LITERAL_ID + i: literal_symbol(i) for i in range(num_literals)},
        **{_FIRST_BYTE_ID + i: byte_symbol(byte) for i, byte in enumerate(BYTES)},
        **{_FIRST_REFERENCE_ID + i: reference_symbol(i) for i in range(NUM_REFERENCES)},
        **{FIRST_CHARACTER_ID + i: c for i, c in enumerate(characters)},
    }


def is_text(symbol: str) -> bool:
    """Whether a symbol is part of a string rather than of the structure."""
    return not "\ue000" <= symbol <= "\ue1ff"


def kind(symbols: str) -> Literal["text", "structure", "both"]:
    """Whether symbols are text, structure or both."""
    texts = sum(map(is_text, symbols))
    pure: Literal["text", "structure"] = "text" if texts else "structure"
    return "both" if 0 < texts < len(symbols) else pure


def spell(symbols: str, *, errors: str = "strict") -> str:
    """The text of a run of text symbols.

    Args:
        symbols: text symbols only.
        errors: how to handle bytes that are not UTF-8, as in `bytes.decode`.

    Raises:
        UnicodeDecodeError: the bytes are not UTF-8 and `errors` is strict.
    """
    if symbols.isascii():
        return symbols
    return _BYTE_RUN.sub(
        lambda run: bytes(ord(c) - 0xE200 for c in run[0]).decode("utf-8", errors),
        symbols,
    )


def drop_partial_character(symbols: str) -> str:
    """Text symbols without the bytes of an incomplete last character."""
    return _PARTIAL_CHARACTER.sub("", symbols)


def may_begin_character(data: bytes) -> bool:
    """Whether some multi-byte UTF-8 character begins with `data`."""
    first, rest = data[0], data[1:]
    if not 0xC2 <= first <= 0xF4:
        return False
    if rest:
        low, high = _SECOND_BYTE.get(first, (0x80, 0xBF))
        if not low <= rest[0] <= high:
            return False
    size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    return len(data) <= size and all(0x80 <= byte <= 0xBF for byte in rest)
