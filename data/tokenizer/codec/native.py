"""The compiled codec: hands a grammar and a vocabulary over to `data/native/`.

It asks where keys lead, the first time that one occurs at a place of the grammar.
"""

from array import array
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...documents.json_text import Json
from ...native import core
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
        grammar = self._tables[0].grammar
        if self._codec is None or grammar.schema is not None or grammar.has_choices:
            return None  # Python checks documents and chooses alternatives
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
    grammar, guide = codec.grammar, _Guide(codec)
    ids = {symbols: number for number, symbols in vocabulary.items()}
    tokens = [
        (array("H", [ids[symbol] for symbol in vocabulary[number]]).tobytes(), number)
        for number in sorted(vocabulary)
    ]
    try:
        return make(
            [_node(codec, ids, guide, number) for number in range(len(grammar.nodes))],
            [automaton.plan() for automaton in grammar.automata],
            grammar.root,
            grammar.any,
            guide.follow,
            guide.describe,
            guide.decide,
            list(grammar.literals),
            sorted((ord(c), ids[c]) for c in codec.characters),
            tokens,
        )
    except ValueError:  # the core has no room for tables of this size
        return None


class _Guide:
    """Tells the compiled codec where keys lead; it knows places by their numbers."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.places: list[Place] = []
        self.numbers: dict[int, int] = {}  # by id(place); places live with the tables

    def number(self, place: Place) -> int:
        """The number of a place."""
        found = self.numbers.setdefault(id(place), len(self.places))
        if found == len(self.places):
            self.places.append(place)
        return found

    def describe(
        self, number: int
    ) -> tuple[int, bool, bool, list[tuple[int, tuple[str, ...]]]]:
        """Its node, whether keys are counted, whether a tag is undecided, the needs."""
        place = self.places[number]
        needs = [(least, tuple(sorted(required))) for least, required in place.needs]
        counts = self.codec.grammar.counts_keys(place.number)
        return place.number, counts, bool(place.tag), needs

    def decide(self, number: int, value: Json) -> tuple[int, bool]:
        """Let the value of a tag decide: the place after it, whether it is allowed."""
        place, is_allowed = self.codec.tables.decided(self.places[number], value)
        return self.number(place), is_allowed

    def follow(self, number: int, key: str, count: int) -> tuple[int, int, bool]:
        """Follow a key: its value's node, the next place, whether it is escaped.

        Args:
            number: of the place.
            key: the key.
            count: pairs before it.
        """
        grammar, place = self.codec.grammar, self.places[number]
        is_free = key not in grammar.known_keys(place.number)
        entered = self.codec.tables.enter(place, key, is_free=is_free, count=count)
        if entered is not None:
            return entered[0], self.number(entered[1]), False
        child = grammar.escaped_child(place.number, key)
        return grammar.any if child < 0 else child, number, True


def _node(
    codec: Codec, ids: Mapping[str, int], guide: _Guide, number: int
) -> tuple[Any, ...]:
    node, opener = codec.grammar.nodes[number], codec.tables.opener[number]
    known = codec.grammar.known_keys(number)
    return (
        *(node.null, node.true, node.false, ids[opener] if opener else 0),
        *(node.number, node.text, node.keys, node.items),
        *(node.only_array, bool(node.branches), node.min_items),
        _NO_LIMIT if node.max_items is None else node.max_items,
        guide.number(codec.tables.start[number]),
        *(
            {word: ids[codec.literals[word]] for word in words}
            for words in (node.literals, known)
        ),
    )
