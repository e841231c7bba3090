"""Tables that encoding and reading look up and extend at each place of the grammar.

Workflows repeat themselves: most keys and short texts occurred before among the same
branches.  Each is checked against the grammar once and looked up from then on.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from ...documents.json_text import Json
from ..dfa import DEAD
from ..grammar import Alive, Branch, Grammar
from ..symbols import Control

__all__ = ["Place", "Tables"]

_Learnt = TypeVar("_Learnt")

_CONSTANTS: dict[str, Json] = {
    Control.TRUE: True,
    Control.FALSE: False,
    Control.NULL: None,
}
_MAX_LEARNED = 1 << 16  # some tens of megabytes
_MAX_SYMBOLS = 64


class Place:
    """A position between two pairs of an object: its node and the alive branches."""

    __slots__ = ("alive", "by_key", "by_symbols", "needs", "number", "tag")

    def __init__(
        self, number: int, alive: Alive, tag: str, branches: Sequence[Branch]
    ) -> None:
        """Only `Tables` makes places, one for each node, alive branches and tag."""
        self.number = number
        self.alive = alive
        self.tag = tag
        """Key before this place whose value still has to decide; empty if none."""
        self.by_symbols: dict[str, tuple[str, int, Place]] = {}
        """Symbols of an allowed key to the key, its value's node and the next place."""
        self.by_key: dict[str, tuple[str, int, Place]] = {}
        """Key to its symbols, its value's node and the next place."""
        needs = [(branches[i].min_properties, branches[i].required) for i in alive]
        self.needs = sorted(needs, key=lambda need: (need[0], len(need[1])))
        """Least number of pairs and required keys of each alive branch."""

    def may_close(self, pairs: Mapping[str, Json]) -> bool:
        """Whether an object that holds `pairs` is complete."""
        for least, required in self.needs:
            if len(pairs) >= least and pairs.keys() >= required:
                return True
        return False


class Tables:
    """The tables of one grammar."""

    def __init__(self, grammar: Grammar, words: dict[str, str]) -> None:
        """Tabulate.

        Args:
            grammar: what is allowed where.
            words: literal symbol to key or enum value.
        """
        self.grammar = grammar
        self.words = words
        self.literals = {word: symbol for symbol, word in words.items()}
        self.values: list[dict[str, Any]] = []
        """By node: symbols known to be a whole value, and the value."""
        self.spelled: list[dict[str, str]] = []
        """By node: strings known to be allowed, and their symbols."""
        self.opener: list[str] = []
        """By node: the type tag that its values omit; empty if none."""
        for node in grammar.nodes:
            spelled = {word: self.literals[word] for word in node.literals}
            allowed = {Control.TRUE: node.true, Control.FALSE: node.false}
            allowed[Control.NULL] = node.null
            values = {s: v for s, v in _CONSTANTS.items() if allowed[Control(s)]}
            self.values.append(values | {s: word for word, s in spelled.items()})
            self.spelled.append(spelled)
            bare_array = Control.ARRAY if node.only_array else ""
            self.opener.append(Control.OBJECT if node.only_object else bare_array)
        self.items = [node.items for node in grammar.nodes]
        self.has_text = [node.text >= 0 for node in grammar.nodes]
        self.has_object = [bool(node.branches) for node in grammar.nodes]
        self._places: dict[tuple[int, Alive, str], Place] = {}
        self.start = [
            self._place(number, grammar.all_branches(number))
            for number in range(len(grammar.nodes))
        ]
        """By node: the place in an empty object."""
        self._num_learned = 0
        self._fixed_values = [values.copy() for values in self.values]
        self._fixed_spelled = [spelled.copy() for spelled in self.spelled]

    def enter(
        self, place: Place, key: str, *, is_free: bool, count: int
    ) -> tuple[int, Place] | None:
        """Follow a key to its value's node and the place after the pair.

        Args:
            place: before the key.
            key: the key.
            is_free: whether it is spelled in text; keys that the schema names are not.
            count: pairs before it.

        Returns:
            None if the key is not allowed.
        """
        label: int | str = key
        if is_free:
            keys = self.grammar.nodes[place.number].keys
            label = DEAD if keys < 0 else self.grammar.automata[keys].label(key)
            if label == DEAD:
                return None
        child, alive = self.grammar.enter(place.number, place.alive, label, count)
        if child < 0:
            return None
        is_tag = self.grammar.tag(place.number, label) is not None
        return child, self._place(place.number, alive, key if is_tag else "")

    def decided(self, place: Place, value: Json) -> tuple[Place, bool]:
        """Let the value of the tag before a place decide.

        Returns:
            The place after that, and whether some branch allows the value; if none
            does, the value is escaped and all branches stay alive.
        """
        alive = self.grammar.choose(place.number, place.alive, place.tag, value)
        return self._place(place.number, alive or place.alive), bool(alive)

    def after_next(self, place: Place) -> Place | None:
        """The place after NEXT_ALTERNATIVE; None if it is not allowed."""
        alive = self.grammar.next_alternative(place.number, place.alive)
        return self._place(place.number, alive) if alive else None

    def _place(self, number: int, alive: Alive, tag: str = "") -> Place:
        found = self._places.get((number, alive, tag))
        if found is None:
            branches = self.grammar.nodes[number].branches
            found = Place(number, alive, tag, branches)
            self._places[number, alive, tag] = found
        return found

    def learn(self, table: dict[str, _Learnt], name: str, known: _Learnt) -> None:
        """Add an entry to one of these tables or to one of a place."""
        if len(name) > _MAX_SYMBOLS:
            return
        if self._num_learned >= _MAX_LEARNED:
            self._forget()
        self._num_learned += 1
        table[name] = known

    def learn_key(
        self, place: Place, table: dict[str, _Learnt], name: str, known: _Learnt
    ) -> None:
        """`learn` a key, unless it depends on the number of pairs before it."""
        if not self.grammar.counts_keys(place.number):
            self.learn(table, name, known)

    def _forget(self) -> None:
        """Reset all tables to the literals and constants of the grammar."""
        self._num_learned = 0
        for place in self._places.values():
            place.by_symbols.clear()
            place.by_key.clear()
        for values, fixed in zip(self.values, self._fixed_values, strict=True):
            values.clear()
            values.update(fixed)
        for spelled, words in zip(self.spelled, self._fixed_spelled, strict=True):
            spelled.clear()
            spelled.update(words)
