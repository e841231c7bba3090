"""What the reader looks up at each place of the grammar, and learns as it reads.

Workflows repeat themselves, so most of what is read was read before at a like place:
the same key among the same branches, the same short text.  It is checked once.
"""

from collections.abc import Sequence

from ..json_text import Json
from .grammar import Alive, Branch, Grammar
from .symbols import Control

__all__ = ["Place", "ReaderTables"]

_CONSTANTS: dict[str, Json] = {
    Control.TRUE: True,
    Control.FALSE: False,
    Control.NULL: None,
}
_MAX_LEARNED = 1 << 16  # some tens of megabytes
_MAX_SYMBOLS = 64


class Place:
    """Between two pairs of an object: its node and the branches that are alive."""

    __slots__ = ("alive", "known", "needs", "number")

    def __init__(self, number: int, alive: Alive, branches: Sequence[Branch]) -> None:
        """Made by `ReaderTables` only, once for a node and branches."""
        self.number = number
        self.alive = alive
        self.known: dict[str, tuple[str, int, Place]] = {}
        """By its symbols, an allowed key: the key, its value's node, where then."""
        needs = [(branches[i].min_properties, branches[i].required) for i in alive]
        self.needs = sorted(needs, key=lambda need: (need[0], len(need[1])))
        """Number of pairs and keys: one of these is needed for the object to close."""

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
        self._places: dict[tuple[int, Alive], Place] = {}
        self._num_learned = 0
        symbols = {word: symbol for symbol, word in words.items()}
        for node in grammar.nodes:
            allowed = {Control.TRUE: node.true, Control.FALSE: node.false}
            allowed[Control.NULL] = node.null
            values = {s: v for s, v in _CONSTANTS.items() if allowed[Control(s)]}
            self.values.append(values | {symbols[word]: word for word in node.literals})
            bare_array = Control.ARRAY if node.only_array else ""
            self.opener.append(Control.OBJECT if node.only_object else bare_array)
        self._constants = [values.copy() for values in self.values]
        self.items = [node.items for node in grammar.nodes]
        self.start = [
            self.place(number, grammar.all_branches(number))
            for number in range(len(grammar.nodes))
        ]
        """By node: the place in an object that has no pair yet."""

    def learn_value(self, node: int, symbols: str, value: str) -> None:
        """Remember that `symbols` are a text that a node allows."""
        if len(symbols) <= _MAX_SYMBOLS:
            self._make_room()
            self.values[node][symbols] = value

    def learn_pair(
        self, place: Place, symbols: str, pair: tuple[str, int, Place]
    ) -> None:
        """Remember that `symbols` are a key that may come at a place."""
        if len(symbols) <= _MAX_SYMBOLS:
            self._make_room()
            place.known[symbols] = pair

    def _make_room(self) -> None:
        """Forget everything that was learnt once it is too much."""
        self._num_learned += 1
        if self._num_learned > _MAX_LEARNED:
            self._num_learned = 1
            for place in self._places.values():
                place.known.clear()
            for values, constants in zip(self.values, self._constants, strict=True):
                values.clear()
                values.update(constants)

    def place(self, number: int, alive: Alive) -> Place:
        """The one place for a node and branches."""
        found = self._places.get((number, alive))
        if found is None:
            branches = self.grammar.nodes[number].branches
            found = self._places[number, alive] = Place(number, alive, branches)
        return found
