"""Forms of texts as automata, and what two automata have in common."""

from collections import deque
from collections.abc import Sequence
from functools import cache

from interegular import parse_pattern
from interegular.fsm import anything_else

from ...rules.forms import FORMS
from ..dfa import DEAD, Automaton

__all__ = ["common", "form"]

_SPACE = " \n\t\r"


@cache
def form(name: str) -> Automaton:
    """The automaton of a form; see `data.rules.forms`."""
    match name:
        case "template" | "filled-template" | "plain" | "filled":
            return _plain(
                opens=name.endswith("template"), filled=name.startswith("filled")
            )
        case "condition":
            return Automaton(classes={}, table=((1,), (1,)), labels=(DEAD, 0))
    found = parse_pattern(FORMS[name]).to_fsm().reduce()
    columns: dict[str, int] = {}
    for character, key in found.alphabet.items():
        if character != anything_else:
            columns[str(character)] = 1 + key
    other = found.alphabet[anything_else]
    numbers = {found.initial: 0}
    for state in sorted(found.states - {found.initial}):
        numbers[state] = len(numbers)
    keys = [other, *sorted(set(found.alphabet.values()))]
    place = {key: index for index, key in reversed([*enumerate(keys)])}
    table = [[DEAD] * len(keys) for _ in numbers]
    for state, row in found.map.items():
        for index, key in enumerate(keys):
            table[numbers[state]][index] = numbers.get(row.get(key), DEAD)
    wide = Automaton(
        classes={c: place[column - 1] for c, column in columns.items()},
        table=tuple(map(tuple, table)),
        labels=tuple(0 if s in found.finals else DEAD for s in numbers),
    )
    trimmed = _trimmed(wide.classes, wide.table, wide.labels)
    assert trimmed is not None
    return trimmed


def _plain(*, opens: bool, filled: bool) -> Automaton:
    """Any text, with closed expressions or without `${{`; filled ones begin unspaced.

    GitHub's reader looks for the first `}}` outside of single quotes.
    """
    classes = {"$": 1, "{": 2, "}": 3, "'": 4} | dict.fromkeys(_SPACE, 5)
    body, string, brace = 3, 4, 5
    plain = [0, 1, 0, 0, 0, 0]
    table = [
        plain,
        [0, 1, 2, 0, 0, 0],  # after $
        [0, 1, body if opens else DEAD, 0, 0, 0],  # after ${
    ]
    labels = [0, 0, 0]
    if opens:
        table += [
            [body, body, body, brace, string, body],
            [string, string, string, string, body, string],
            [body, body, body, 0, string, body],
        ]
        labels += [DEAD] * 3
    if not filled:
        return Automaton(
            classes=classes, table=tuple(map(tuple, table)), labels=tuple(labels)
        )
    # The start is state 0, so the others move up by one.
    first = [1, 2, 1, 1, 1, DEAD]
    moved = [[t + 1 if t >= 0 else DEAD for t in row] for row in table]
    return Automaton(
        classes=classes,
        table=tuple(map(tuple, [first, *moved])),
        labels=(DEAD, *labels),
    )


def common(a: Automaton, b: Automaton) -> Automaton | None:
    """The texts of both, labelled as by `a`; None if there are none."""
    pairs: dict[tuple[int, int], int] = {(0, 0): 0}
    classes = {}
    for character in sorted({*a.classes, *b.classes}):
        pair = a.classes.get(character, 0), b.classes.get(character, 0)
        classes[character] = pairs.setdefault(pair, len(pairs))
    states = {(0, 0): 0}
    table: list[list[int]] = []
    labels: list[int] = []
    waiting = deque(states)
    while waiting:
        in_a, in_b = waiting.popleft()
        labels.append(a.labels[in_a] if b.labels[in_b] >= 0 else DEAD)
        row = []
        for column_a, column_b in pairs:
            target = a.table[in_a][column_a], b.table[in_b][column_b]
            if min(target) < 0:
                row.append(DEAD)
                continue
            if target not in states:
                states[target] = len(states)
                waiting.append(target)
            row.append(states[target])
        table.append(row)
    return _trimmed(classes, table, labels)


def _trimmed(
    classes: dict[str, int],
    table: Sequence[Sequence[int]],
    labels: Sequence[int],
) -> Automaton | None:
    """Without the states that never accept; None if the first is one of them."""
    before: dict[int, list[int]] = {}
    for state, row in enumerate(table):
        for target in row:
            before.setdefault(target, []).append(state)
    waiting = [state for state, label in enumerate(labels) if label >= 0]
    alive = set(waiting)
    while waiting:
        for state in before.get(waiting.pop(), ()):
            if state not in alive:
                alive.add(state)
                waiting.append(state)
    if 0 not in alive:
        return None
    numbers = {old: new for new, old in enumerate(sorted(alive))}
    return Automaton(
        classes={c: column for c, column in classes.items() if column},
        table=tuple(tuple(numbers.get(t, DEAD) for t in table[old]) for old in numbers),
        labels=tuple(labels[old] for old in numbers),
    )
