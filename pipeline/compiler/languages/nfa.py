"""Regular expressions to automata: Thompson's construction, then sets of states.

    Expression ─▶ states with free moves ─▶ sets of states as states ─▶ minimal

Sets may be exponentially many, as for `^.*a.{20}$`, so their number is bounded.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from interegular.fsm import FSM, Alphabet, anything_else

from .algebra import TooManyStatesError, minimal

__all__ = [
    "Alternatives",
    "Anchor",
    "Characters",
    "Expression",
    "Repeated",
    "Sequence",
    "automaton",
]

_MAX_STATES = 10_000


@dataclass(frozen=True, slots=True)
class Characters:
    """A set of characters, or its complement."""

    members: frozenset[str]
    negated: bool = False

    def __contains__(self, character: object) -> bool:
        """Whether the set has a character, or `anything_else`."""
        return (character in self.members) != self.negated

    def __invert__(self) -> "Characters":
        return Characters(self.members, not self.negated)

    def __or__(self, other: "Characters") -> "Characters":
        if not self.negated and not other.negated:
            return Characters(self.members | other.members)
        return ~(~self & ~other)

    def __and__(self, other: "Characters") -> "Characters":
        if not self.negated:
            inside = {c for c in self.members if (c in other.members) != other.negated}
            return Characters(frozenset(inside))
        return other & self if not other.negated else ~(~self | ~other)


class Anchor(Enum):
    """A place that takes no character."""

    START = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Sequence:
    """One expression after the other."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of some expressions."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Repeated:
    """An expression `least` to `most` times; None for no limit."""

    part: "Expression"
    least: int
    most: int | None


Expression: TypeAlias = Characters | Anchor | Sequence | Alternatives | Repeated


def automaton(expression: Expression) -> FSM:
    """The minimal automaton of an expression.

    Raises:
        TooManyStatesError: more than _MAX_STATES on the way.
    """
    states = _States()
    start, end = states.add(), states.add()
    states.connect(expression, start, end)
    groups = _groups({found for moves in states.moves for found, _ in moves})
    alphabet = Alphabet.from_groups(*(set(group) for group in groups))
    symbols = [(alphabet[group[0]], group[0]) for group in groups]
    # No later set is the first one: only there is the start of the text.
    queue = [states.closure({start}, Anchor.START)]
    numbers: dict[frozenset[int], int] = {}
    rows: dict[int, dict[int, int]] = {}
    for number, subset in enumerate(queue):  # grows while it is read
        moves = [move for state in subset for move in states.moves[state]]
        row = rows[number] = {}
        for symbol, example in symbols:
            target = states.closure({to for found, to in moves if example in found})
            if not target:
                continue
            if target not in numbers:
                _bound(len(queue))
                numbers[target] = len(queue)
                queue.append(target)
            row[symbol] = numbers[target]
    finals = {
        number
        for number, subset in enumerate(queue)
        if end
        in states.closure(subset, Anchor.END, *([] if number else [Anchor.START]))
    }
    made = FSM(alphabet, {*rows}, 0, finals, rows, __no_validation__=True)
    return minimal(made)


def _bound(size: int) -> None:
    if size >= _MAX_STATES:
        raise TooManyStatesError(
            f"needs an automaton of more than {_MAX_STATES:,} states"
        )


def _groups(sets: set[Characters]) -> list[list[object]]:
    """Characters by the sets that have them; the last group is all that none names."""
    ordered = sorted(sets, key=lambda found: (found.negated, sorted(found.members)))
    members: dict[str, list[int]] = {}
    for index, found in enumerate(ordered):
        for character in found.members:
            members.setdefault(character, []).append(index)
    groups: dict[tuple[int, ...], list[object]] = {}
    for character in sorted(members):
        groups.setdefault(tuple(members[character]), []).append(character)
    return [*groups.values(), [anything_else]]


@dataclass
class _States:
    """States, and how to move on."""

    free: list[list[int]] = field(default_factory=list)
    """By state: states that need no character."""
    anchored: dict[Anchor, dict[int, int]] = field(
        default_factory=lambda: {anchor: {} for anchor in Anchor}
    )
    """By anchor and state: the state that needs no character there."""
    moves: list[list[tuple[Characters, int]]] = field(default_factory=list)

    def add(self) -> int:
        _bound(len(self.free))
        self.free.append([])
        self.moves.append([])
        return len(self.free) - 1

    def connect(self, expression: Expression, start: int, end: int) -> None:
        """Lead from one state to another by the texts of an expression."""
        match expression:
            case Characters():
                self.moves[start].append((expression, end))
            case Anchor():
                own = self.add()
                self.free[start].append(own)
                self.anchored[expression][own] = end
            case Alternatives(parts):
                for part in parts:
                    self.connect(part, start, end)
            case Sequence(parts):
                self.free[self.after(parts, start)].append(end)
            case Repeated(part, least, most):
                start = self.after((part,) * least, start)
                if most is None:
                    # States of their own: nothing may slip into the loop.
                    enter, leave = self.add(), self.add()
                    self.free[start].append(enter)
                    self.connect(part, enter, leave)
                    self.free[leave].append(enter)
                    self.free[enter].append(end)
                    return
                for _ in range(most - least):
                    self.free[start].append(end)
                    start = self.after((part,), start)
                self.free[start].append(end)

    def after(self, parts: tuple[Expression, ...], start: int) -> int:
        """The state after some expressions."""
        for part in parts:
            middle = self.add()
            self.connect(part, start, middle)
            start = middle
        return start

    def closure(self, states: Iterable[int], *anchors: Anchor) -> frozenset[int]:
        """The states, and those that need no character more at these anchors."""
        return frozenset(self._reached(states, anchors))

    def _reached(
        self, states: Iterable[int], anchors: tuple[Anchor, ...]
    ) -> Iterator[int]:
        seen, queue = set(states), list(states)
        while queue:
            state = queue.pop()
            yield state
            found = [*self.free[state]]
            found += [
                t for a in anchors if (t := self.anchored[a].get(state)) is not None
            ]
            fresh = [target for target in found if target not in seen]
            seen.update(fresh)
            queue += dict.fromkeys(fresh)
