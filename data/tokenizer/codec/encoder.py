"""JSON values to base symbols: the encoding half of the codec."""

import json
import re
from collections.abc import Callable

from ...documents.json_text import Json
from ..grammar import MAX_DEPTH, MAX_TAGGED_DEPTH, Node
from ..symbols import Control
from .fitting import Fitting
from .lookup import Place, Tables
from .references import MIN_TEXT, History

__all__ = ["Encoder"]

C = Control
_CLOSE_OBJECT = str(C.CLOSE_OBJECT)
_SURROGATE = re.compile("[\ud800-\udfff]")


class Encoder:
    """Encodes one value."""

    def __init__(self, tables: Tables, spell: Callable[[str], str]) -> None:
        """Begin a document.

        Args:
            tables: of the grammar.
            spell: text to text symbols.
        """
        self._tables = tables
        self._grammar = tables.grammar
        self._spell = spell
        self._history = History(tables.grammar)
        self._fitting = Fitting(tables.grammar)
        self._chunks: list[str] = []
        self._pending: list[str] = []

    def write(self, value: Json) -> list[str]:
        """Encode the value to chunks of symbols; no token crosses a chunk.

        Raises:
            ValueError: nesting beyond MAX_DEPTH.
            TypeError: not a JSON value.
        """
        self._value(value, self._grammar.root, in_array=False, depth=0)
        self._cut()
        return self._chunks

    def _cut(self) -> None:
        """End the current chunk."""
        if self._pending:
            self._chunks.append("".join(self._pending))
            self._pending.clear()

    def _value(self, value: Json, number: int, *, in_array: bool, depth: int) -> None:
        """Write a value as node `number` types it, else behind an escape."""
        grammar = self._grammar
        node = grammar.nodes[number]
        put = self._pending.append
        if node.checked and not grammar.is_valid(number, value):
            self._escaped(value, node, in_array=in_array, depth=depth)
            return
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
            opener = self._tables.opener[number]
            is_tagged = opener != C.OBJECT and (in_array or opener != C.ARRAY)
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
        """Write an array or object if node `number` allows the type; say whether."""
        node = self._grammar.nodes[number]
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
        """Write a value that the node does not allow behind an escape."""
        bare_array = node.only_array and not in_array
        self._pending.append(C.ESCAPE_ARRAY if bare_array else C.ESCAPE)
        if isinstance(value, str):
            self._text(self._spell(value) + C.END)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self._pending.append(f"{C.NUMBER}{json.dumps(value)}{C.END}")
        elif isinstance(value, list | dict):
            self._container(value, self._grammar.any, depth, is_tagged=True)
        else:
            anything = self._grammar.any
            self._value(value, anything, in_array=in_array, depth=depth)

    def _string(self, value: str, number: int) -> str | None:
        """The symbols of a string; None if node `number` does not allow it."""
        symbols = self._tables.spelled[number].get(value)
        if symbols is None:
            symbols = self._new_string(value, number)
            if symbols is None:
                return None
        if len(value) < MIN_TEXT or len(symbols) == 1:  # short, or a literal
            return symbols
        reference = self._history.find(number, value)
        if reference is None:
            self._history.add(number, value)
        return reference or symbols

    def _new_string(self, value: str, number: int) -> str | None:
        automaton = self._grammar.nodes[number].text
        if automaton < 0 or self._grammar.automata[automaton].label(value) < 0:
            return None
        # The model must not write lone surrogates, which are not UTF-8.
        if not value.isascii() and _SURROGATE.search(value):
            return None
        symbols = self._spell(value) + C.END
        self._tables.learn(self._tables.spelled[number], value, symbols)
        return symbols

    def _text(self, symbols: str) -> None:
        """Write text and cut after newlines."""
        if "\n" not in symbols:
            self._pending.append(symbols)
            return
        first, *lines, last = symbols.split("\n")
        self._pending.append(first + "\n")
        self._cut()
        self._chunks += [line + "\n" for line in lines]
        self._pending.append(last)

    def _array(self, values: list[Json], node: Node, depth: int) -> None:
        for index, value in enumerate(values):
            if index and self._pending and self._pending[-1] == _CLOSE_OBJECT:
                self._cut()
            self._value(value, node.items, in_array=True, depth=depth)
        most = node.max_items
        if len(values) < node.min_items or (most is not None and len(values) > most):
            self._pending.append(C.ESCAPE_ARRAY)
        self._pending.append(C.CLOSE_ARRAY)

    def _object(self, pairs: dict[str, Json], number: int, depth: int) -> None:
        place, pending = self._tables.start[number], self._pending
        spelled, count = self._tables.spelled, 0
        has_choices = self._grammar.nodes[number].has_choices
        branch = self._fitting.branch(number, pairs) if has_choices else None
        for key, value in pairs.items():
            if count and pending and pending[-1] == _CLOSE_OBJECT:
                self._cut()
            if branch is not None:
                place = self._chosen(place, branch, key, count)
            known = place.by_key.get(key) or self._new_key(place, key, count)
            count += 1
            if known is None:
                child = self._escaped_key(key, number)
            else:
                symbols, child, place = known
                pending.append(symbols)
                if place.tag:
                    place = self._tag(value, child, place, depth)
                    continue
            if type(value) is str and len(value) < MIN_TEXT:
                # Most values are short texts that were spelled before.
                text = spelled[child].get(value)
                if text is not None and "\n" not in text:
                    pending.append(text)
                    continue
            self._value(value, child, in_array=False, depth=depth)
        if not place.may_close(pairs):
            self._pending.append(C.ESCAPE_KEY)
        self._pending.append(C.CLOSE_OBJECT)

    def _chosen(self, place: Place, branch: int, key: str, count: int) -> Place:
        """Skip alternatives that would decide about a key against a branch."""
        skipped, at = 0, place
        while branch in at.alive:
            known = at.by_key.get(key) or self._new_key(at, key, count)
            if known is None or branch in known[2].alive:
                self._pending += [C.NEXT_ALTERNATIVE] * skipped
                return at
            following = self._tables.after_next(at)
            if following is None:
                break
            skipped, at = skipped + 1, following
        return place

    def _tag(self, value: Json, child: int, place: Place, depth: int) -> Place:
        """Write the value of a tag; the place after it."""
        place, is_allowed = self._tables.decided(place, value)
        if is_allowed:
            self._value(value, child, in_array=False, depth=depth)
        else:
            node = self._grammar.nodes[child]
            self._escaped(value, node, in_array=False, depth=depth)
        return place

    def _new_key(
        self, place: Place, key: str, count: int
    ) -> tuple[str, int, Place] | None:
        """An allowed key: its symbols, its value's node, and the place after it."""
        is_free = key not in self._grammar.known_keys(place.number)
        if is_free and not key.isascii() and _SURROGATE.search(key):
            return None
        entered = self._tables.enter(place, key, is_free=is_free, count=count)
        if entered is None:
            return None
        symbols = self._spell(key) + C.END if is_free else self._tables.literals[key]
        known = symbols, *entered
        self._tables.learn_key(place, place.by_key, key, known)
        return known

    def _escaped_key(self, key: str, number: int) -> int:
        """Write a key behind an escape; the node that its value is still typed by."""
        self._pending.append(C.ESCAPE_KEY)
        child = self._grammar.escaped_child(number, key)
        if child >= 0:
            self._pending.append(self._tables.literals[key])
            return child
        self._pending.append(self._spell(key) + C.END)
        return self._grammar.any
