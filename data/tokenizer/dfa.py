"""Deterministic automata: the languages of keys, strings and numbers."""

from array import array
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["ANY_LABEL", "DEAD", "Automaton"]

DEAD = -1
ANY_LABEL = ~0
"""Bit set of all labels."""
_MAX_PLANNED_LABELS = 63  # of a bit set in C


@dataclass(frozen=True, kw_only=True, slots=True)
class Automaton:
    """A deterministic automaton over characters, trimmed: every state can accept."""

    classes: dict[str, int]
    """Character to column; every other character is column 0."""
    table: tuple[tuple[int, ...], ...]
    """table[state][column] is the next state, DEAD for none; state 0 is the start."""
    labels: tuple[int, ...]
    """labels[state] is the language of the text so far, -1 for none."""
    reach: tuple[int, ...] = field(default=(), compare=False)
    """By state: bit set of the labels within reach."""
    is_universal: bool = field(default=False, compare=False)
    """Whether every text has the same label."""
    characters: tuple[str, ...] = field(default=(), compare=False)
    """By column: one of its characters, a letter or digit if possible."""

    def __post_init__(self) -> None:
        """Derive the remaining fields."""
        object.__setattr__(self, "characters", self._representatives())
        is_universal = len(self.table) == 1 and DEAD not in self.table[0]
        object.__setattr__(self, "is_universal", is_universal)
        reach = [0 if label < 0 else 1 << label for label in self.labels]
        changed = True
        while changed:
            changed = False
            # Backwards: most states lead to later ones, so a round or two suffice.
            for state in range(len(reach) - 1, -1, -1):
                bits = reach[state]
                for target in self.table[state]:
                    bits |= reach[target] if target >= 0 else 0
                changed |= bits != reach[state]
                reach[state] = bits
        object.__setattr__(self, "reach", tuple(reach))

    def step(self, state: int, character: str) -> int:
        """The next state, or -1."""
        return self.table[state][self.classes.get(character, 0)]

    def label(self, text: str) -> int:
        """The label of a whole text; -1 if it is in no language."""
        if self.is_universal:
            return self.labels[0]
        state, table, column = 0, self.table, self.classes.get
        for character in text:
            state = table[state][column(character, 0)]
            if state < 0:
                return DEAD
        return self.labels[state]

    def shortest(self, state: int = 0) -> str:
        """The shortest text from a state to any label."""
        text = self.shortest_without("", state)
        assert text is not None  # every state can accept
        return text

    def shortest_without(self, character: str, state: int = 0) -> str | None:
        """The shortest text from a state to any label that lacks a character.

        Returns:
            None if all such texts have it.
        """
        queue, seen = deque([(state, "")]), {state}
        while queue:
            state, text = queue.popleft()
            if self.labels[state] >= 0:
                return text
            for found, target in zip(self.characters, self.table[state], strict=True):
                if target >= 0 and target not in seen and found != character:
                    seen.add(target)
                    queue.append((target, text + found))
        return None

    def texts(self, state: int, labels: int) -> Iterator[str]:
        """All texts from a state to one of some labels, shortest first.

        Args:
            state: the first state.
            labels: bit set of the acceptable labels.
        """
        queue = deque([(state, "")])
        while queue:
            state, text = queue.popleft()
            label = self.labels[state]
            if label >= 0 and labels >> label & 1:
                yield text
            for character, target in zip(
                self.characters, self.table[state], strict=True
            ):
                if target >= 0 and self.reach[target] & labels:
                    queue.append((target, text + character))

    def alike(self, length: int) -> tuple[int, ...]:
        """By state: the first state from which short texts lead to the same.

        Counting to 1,000 takes as many states, and far from the last one they cannot
        be told apart.  This is Moore's algorithm, ended after some rounds.

        Args:
            length: characters of a short text, at most.

        Returns:
            (states,) each at most the state itself.  A text of that length at most is
            read from both or from neither, with equal labels and labels within reach.
        """
        dead = len(self.labels)
        table = np.array(self.table, dtype=np.int64)
        table[table < 0] = dead
        begun = dict[tuple[int, int], int]()
        facts = zip(self.labels, self.reach, strict=True)
        codes = np.array([*(begun.setdefault(f, len(begun)) for f in facts), -1])
        for _ in range(length):
            found = codes
            for column in table.T:
                after = codes[np.append(column, dead)]
                pairs = found * (dead + 2) + after
                found = np.unique(pairs, return_inverse=True)[1]
            if found.max() == codes.max():
                break
            codes = found
        _, first, inverse = np.unique(
            codes[:-1], return_index=True, return_inverse=True
        )
        return tuple(first[inverse].tolist())

    def only_text(self, label: int) -> str | None:
        """The text that alone has a label; None if there are several."""
        state, text = 0, ""
        sizes = Counter(self.classes.values())  # of all columns but the first
        while self.labels[state] != label:
            ways = [
                column
                for column, target in enumerate(self.table[state])
                if target >= 0 and self.reach[target] >> label & 1
            ]
            if len(ways) != 1 or ways[0] == 0 or sizes[ways[0]] != 1:
                return None
            text += self.characters[ways[0]]
            state = self.table[state][ways[0]]
        goes_on = any(t >= 0 and self.reach[t] >> label & 1 for t in self.table[state])
        return None if goes_on else text

    def _representatives(self) -> tuple[str, ...]:
        candidates = [chr(code) for code in range(0x20, 0x7F)]
        candidates.sort(key=lambda character: (not character.isalnum(), character))
        candidates += sorted(self.classes)
        found = dict.fromkeys(range(len(self.table[0])), "")
        for character in candidates:
            column = self.classes.get(character, 0)
            found[column] = found[column] or character
        return tuple(found.values())

    def plan(self) -> tuple[Any, ...]:
        """The tables as `data/native/automaton.h` reads them.

        The last one is empty if a bit set in C has no room for the labels.
        """
        columns = [self.classes.get(chr(code), 0) for code in range(128)]
        fits = max(self.labels) < _MAX_PLANNED_LABELS
        return (
            self.is_universal,
            len(self.table[0]),
            len(self.table),
            self.classes,
            array("i", columns).tobytes(),
            array("i", [state for row in self.table for state in row]).tobytes(),
            array("i", self.labels).tobytes(),
            array("Q", self.reach if fits else ()).tobytes(),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data for `tokenizer.json`."""
        columns = [""] * len(self.table[0])
        for character, column in self.classes.items():
            columns[column] += character
        return {
            "classes": columns,
            "table": [list(row) for row in self.table],
            "labels": list(self.labels),
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Automaton":
        """The inverse of `to_json`."""
        return Automaton(
            classes={
                character: column
                for column, characters in enumerate(data["classes"])
                for character in characters
            },
            table=tuple(tuple(row) for row in data["table"]),
            labels=tuple(data["labels"]),
        )
