"""The compiled codec: hands a grammar and a vocabulary over to `data/native/`.

It follows keys by asking the tables here the first time that one occurs at a place.
"""

from array import array
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...documents.json_text import Json
from ...native import core
from ..dfa import Automaton
from ..grammar import Node
from ..symbols import Control
from .codec import Codec
from .lookup import Place

__all__ = ["Decoded", "NativeCodec"]

_NO_LIMIT = -1


class Decoded(NamedTuple):
    """A document, which may be null."""

    value: Json


class NativeCodec:
    """Encodes and decodes whole documents, those that the compiled core is sure of."""

    def __init__(self, codec: Codec, vocabulary: Mapping[int, str]) -> None:
        """Take the tables; they are handed over when they are needed.

        Args:
            codec: of the grammar.
            vocabulary: id to symbols.
        """
        self._tables = codec, vocabulary

    @cached_property
    def _codec(self) -> Any:
        return None if core is None else _made(*self._tables, core.Codec)

    def encode(self, value: Json, max_tokens: int | None) -> bytearray | None:
        """The ids of a value as little-endian uint16; None if not sure.

        Args:
            value: the document.
            max_tokens: stop at the end of the chunk that exceeds this number.
        """
        if self._codec is None:
            return None
        ids = self._codec.encode(value, _NO_LIMIT if max_tokens is None else max_tokens)
        return None if ids is NotImplemented else ids

    def decode(self, ids: ArrayLike) -> Decoded | None:
        """The document of some ids; None if not sure."""
        numbers = np.asarray(ids)
        if self._codec is None or numbers.dtype != np.uint16 or numbers.ndim != 1:
            return None
        value = self._codec.decode(numbers.tobytes())
        return None if value is NotImplemented else Decoded(value)


def _made(codec: Codec, vocabulary: Mapping[int, str], make: Callable[..., Any]) -> Any:
    grammar, tokens = codec.grammar, _Alphabet(vocabulary)
    learner = _Learner(codec, tokens)
    return make(
        [_node(node, codec, learner, at) for at, node in enumerate(grammar.nodes)],
        [_automaton(automaton) for automaton in grammar.automata],
        grammar.root,
        grammar.any,
        learner.learn,
        learner.describe,
        list(grammar.literals),
        sorted((ord(c), tokens.ids[c]) for c in codec.characters),
        [(tokens.encode(vocabulary[number]), number) for number in sorted(vocabulary)],
    )


class _Alphabet:
    """Symbols by the ids of their own tokens."""

    def __init__(self, vocabulary: Mapping[int, str]) -> None:
        self.ids = {s: number for number, s in vocabulary.items() if len(s) == 1}

    def encode(self, symbols: str) -> bytes:
        """Symbols as little-endian uint16."""
        return array("H", [self.ids[symbol] for symbol in symbols]).tobytes()


class _Learner:
    """Answers what the compiled codec asks; it knows places by their numbers."""

    def __init__(self, codec: Codec, tokens: _Alphabet) -> None:
        self.codec = codec
        self.tokens = tokens
        self.places: list[Place] = []
        self.numbers: dict[int, int] = {}  # by id(place); places live with the tables

    def number(self, place: Place) -> int:
        """The number of a place."""
        found = self.numbers.setdefault(id(place), len(self.places))
        if found == len(self.places):
            self.places.append(place)
        return found

    def describe(self, number: int) -> tuple[list[tuple[int, tuple[str, ...]]], bool]:
        """What an object needs to close there, and whether its keys are counted."""
        place = self.places[number]
        needs = [(least, tuple(sorted(required))) for least, required in place.needs]
        return needs, self.codec.grammar.counts_keys(place.number)

    def learn(self, number: int, key: str, count: int) -> tuple[bytes, int, int, bool]:
        """Follow a key: its symbols, its value's node, the next place, is it escaped.

        Args:
            number: of the place.
            key: the key.
            count: pairs before it.
        """
        codec, place = self.codec, self.places[number]
        is_free = key not in codec.grammar.known_keys(place.number)
        symbols = codec.spell(key) + Control.END if is_free else codec.literals[key]
        entered = codec.tables.enter(place, key, is_free=is_free, count=count)
        if entered is not None:
            child, place = entered
            return self.tokens.encode(symbols), child, self.number(place), False
        child = codec.grammar.escaped_child(place.number, key)
        escaped = self.tokens.encode(Control.ESCAPE_KEY + symbols)
        return escaped, codec.grammar.any if child < 0 else child, number, True


def _node(node: Node, codec: Codec, learner: _Learner, number: int) -> tuple[Any, ...]:
    literals = learner.tokens.ids
    opener = codec.tables.opener[number]
    return (
        *(node.null, node.true, node.false),
        list(Control).index(Control(opener)) if opener else 0,
        *(node.number, node.text, node.items, node.only_array, bool(node.branches)),
        node.min_items,
        _NO_LIMIT if node.max_items is None else node.max_items,
        learner.number(codec.tables.start[number]),
        {word: literals[codec.literals[word]] for word in node.literals},
    )


def _automaton(automaton: Automaton) -> tuple[Any, ...]:
    columns = [automaton.classes.get(chr(code), 0) for code in range(128)]
    return (
        automaton.is_universal,
        len(automaton.table[0]),
        len(automaton.table),
        automaton.classes,
        array("i", columns).tobytes(),
        array("i", [state for row in automaton.table for state in row]).tobytes(),
        array("i", automaton.labels).tobytes(),
    )
