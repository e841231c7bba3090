"""Which free keys an object may still get: each comes once.

A beginning is *used up* when all keys that begin so are there already.  After the key
`default`, one of `^(default|x-.*)$` must not begin with `d` again.
"""

from collections.abc import Collection, Iterator
from itertools import islice

from ..dfa import Automaton
from ..grammar import Grammar
from ..symbols import Control
from .frames import Key, Object, Tag

__all__ = ["Names", "without_names"]

# As many keys as no object has; the size of an infinite language, too.
_MANY = 1 << 16

_LAST_TRIED = 0x3000  # of the characters that complete a key


def without_names(
    frame: Object | Tag | Key, known: frozenset[str], most: int
) -> Object | Tag | Key:
    """The frame with placeholders for its free keys, as many as can matter.

    Only bounds on the number of keys look at them, so frames with other names, or with
    more names than any bound, are one frame.

    Args:
        frame: of an object.
        known: keys that matter by their name.
        most: of the bounds on the number of keys.
    """
    free = len(frame.seen - known)
    seen = frame.seen
    if free:
        # Lone surrogates: no document on the schema has one.
        made_up = {f"\ud800{index}" for index in range(min(free, most))}
        seen = seen & known | made_up
    if isinstance(frame, Object):
        return Object(frame.node, frame.alive, seen)
    if isinstance(frame, Tag):
        return frame._replace(seen=seen)
    return frame._replace(seen=seen, text="")


class Names:
    """Knows how many keys begin with a text."""

    def __init__(self, grammar: Grammar) -> None:
        """Count nothing yet."""
        self._grammar = grammar
        self._sizes: dict[tuple[int, int], tuple[int, ...]] = {}
        self._tight: dict[int, int | None] = {}
        self._spelled_labels: dict[int, int] = {}

    def is_tight(self, node: int) -> bool:
        """Whether some beginning of a free key may be used up."""
        return self.shortest_used_up(node) is not None

    def shortest_used_up(self, node: int) -> int | None:
        """The fewest characters of a beginning that may be used up; None if none may.

        A bound on the length of keys makes only long ones scarce.
        """
        if node not in self._tight:
            labels = 0
            for branch in self._grammar.nodes[node].branches:
                for label, child in enumerate(branch.free):
                    labels |= int(child >= 0) << label
            self._tight[node] = self._shortest(node, labels) if labels else None
        return self._tight[node]

    def _shortest(self, node: int, labels: int) -> int | None:
        table = self._grammar.automata[self._grammar.nodes[node].keys].table
        sizes, seen, level, length = self._size(node, labels), {0}, {0}, 0
        while level:
            if any(0 < sizes[state] < _MANY for state in level):
                return length
            level = {t for s in level for t in table[s] if t >= 0} - seen
            seen |= level
            length += 1
        return None

    def is_used_up(
        self, node: int, labels: int, state: int, text: str, seen: Collection[str]
    ) -> bool:
        """Whether all free keys with a beginning are there already.

        Args:
            node: of the object.
            labels: bit set of the languages that keys may have; spelled keys that are
                there are none of them.
            state: to which the beginning leads.
            text: the beginning.
            seen: keys of the object.
        """
        if not seen or not self.is_tight(node):
            return False
        size = self._size(node, labels)[state]
        if size > len(seen):
            return False
        automaton = self._grammar.automata[self._grammar.nodes[node].keys]
        if automaton.reach[state] & labels & self._spelled(node):
            return False
        found = (automaton.label(n) for n in seen if n.startswith(text))
        used = sum(label >= 0 and labels >> label & 1 for label in found)
        return used >= size

    def used_up(self, node: int, labels: int, name: str, seen: Collection[str]) -> str:
        """The symbols that a free key of the object must not begin with.

        Args:
            node: of the object.
            labels: as for `is_used_up`.
            name: a free key that is there.
            seen: keys of the object.

        Returns:
            The shortest beginning of `name` that is used up, else all of it and END.
        """
        if self.is_tight(node):
            automaton = self._grammar.automata[self._grammar.nodes[node].keys]
            state, sizes = 0, self._size(node, labels)
            for end in range(len(name) + 1):
                is_small = sizes[state] <= len(seen)
                if is_small and self.is_used_up(node, labels, state, name[:end], seen):
                    return name[:end]
                state = automaton.step(state, name[end]) if end < len(name) else -1
                if state < 0:
                    break
        return name + Control.END

    def unused(
        self, node: int, labels: int, state: int, text: str, seen: Collection[str]
    ) -> str | None:
        """The rest of a free key that is not there; None if all are.

        Arguments are those of `is_used_up`.
        """
        automaton = self._grammar.automata[self._grammar.nodes[node].keys]
        for rest in islice(automaton.texts(state, labels), len(seen) + 1):
            if text + rest not in seen:
                return rest
        rest = ""
        while not self.is_used_up(node, labels, state, text + rest, seen):
            label = automaton.labels[state]
            if label >= 0 and labels >> label & 1 and text + rest not in seen:
                return rest
            for character, target in _steps(automaton, state, labels):
                longer = text + rest + character
                if not self.is_used_up(node, labels, target, longer, seen):
                    rest, state = rest + character, target
                    break
            else:
                return None
        return None

    def _spelled(self, node: int) -> int:
        """Bit set of the languages of one key each, which `labels` keep apart."""
        found = self._spelled_labels.get(node)
        if found is None:
            labels = self._grammar.spelled_keys(node).values()
            found = self._spelled_labels[node] = sum(1 << label for label in labels)
        return found

    def _size(self, node: int, labels: int) -> tuple[int, ...]:
        """By state: how many texts lead to one of some labels; at most _MANY.

        Spelled keys do not count.
        """
        keys = self._grammar.nodes[node].keys
        memo = keys, labels & ~self._spelled(node)
        found = self._sizes.get(memo)
        if found is None:
            automaton = self._grammar.automata[keys]
            found = self._sizes[memo] = _sizes(automaton, memo[1])
        return found


def _steps(automaton: Automaton, state: int, labels: int) -> Iterator[tuple[str, int]]:
    """Characters that may follow and where they lead, towards the nearest end first."""
    ends = {
        target: len(next(automaton.texts(target, labels)))
        for target in automaton.table[state]
        if target >= 0 and automaton.reach[target] & labels
    }
    candidates = [*automaton.characters, *map(chr, range(0x21, _LAST_TRIED))]
    for nearest in sorted(ends, key=ends.__getitem__):
        for character in candidates:
            if character and automaton.step(state, character) == nearest:
                yield character, nearest


def _sizes(automaton: Automaton, labels: int) -> tuple[int, ...]:
    """By state: the number of texts to some labels, at most _MANY."""
    widths = [_MANY, *[0] * (len(automaton.table[0]) - 1)]  # characters by column
    for column in automaton.classes.values():
        widths[column] += 1
    table, reach = automaton.table, automaton.reach
    live = [state for state in range(len(table)) if reach[state] & labels]
    targets = {s: {t for t in table[s] if t >= 0 and reach[t] & labels} for s in live}
    sources: dict[int, list[int]] = {state: [] for state in live}
    for state in live:
        for target in targets[state]:
            sources[target].append(state)
    # What is left when states without successors are taken away again and again can
    # go round in a circle.
    sizes = [_MANY if reach[state] & labels else 0 for state in range(len(table))]
    waiting = {state: len(targets[state]) for state in live}
    queue = [state for state in live if not waiting[state]]
    for state in queue:
        label = automaton.labels[state]
        size = int(label >= 0 and bool(labels >> label & 1))
        for column, target in enumerate(table[state]):
            if target in targets[state]:
                size += widths[column] * sizes[target]
        sizes[state] = min(size, _MANY)
        for source in sources[state]:
            waiting[source] -= 1
            if not waiting[source]:
                queue.append(source)
    return tuple(sizes)
