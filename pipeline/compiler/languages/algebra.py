"""Products and minimal forms of automata, within bounds.

`interegular` minimizes by reversing twice, which may take exponential time, and looks
states up in lists.  Here a product hashes its states, and Hopcroft's algorithm (1971)
minimizes in O(n log n) for n states.
"""

from collections.abc import Callable, Iterable

from interegular.fsm import FSM, Alphabet, anything_else

__all__ = ["TooManyStatesError", "chain", "minimal", "nothing", "product", "trie"]

_MAX_STATES = 50_000

Test = Callable[[bool, bool], bool]


class TooManyStatesError(ValueError):
    """An automaton that would be too large."""


def product(a: FSM, b: FSM, test: Test) -> FSM:
    """The minimal automaton of the texts for which `test` holds of both languages.

    Args:
        a: one language.
        b: another.
        test: takes whether a text is in `a`, and whether in `b`; false for neither.

    Raises:
        TooManyStatesError: more than _MAX_STATES.
    """
    alphabet, (in_a, in_b) = Alphabet.union(a.alphabet, b.alphabet)
    symbols = [(s, in_a[s], in_b[s]) for s in alphabet.by_transition]
    start = (a.initial, b.initial)
    numbers: dict[tuple[int | None, int | None], int] = {start: 0}
    finals, rows, queue = set(), {}, [start]
    for number, (left, right) in enumerate(queue):  # grows while it is read
        if test(left in a.finals, right in b.finals):
            finals.add(number)
        row: dict[int, int] = {}
        after_left, after_right = a.map.get(left, {}), b.map.get(right, {})
        for symbol, one, other in symbols:
            target = after_left.get(one), after_right.get(other)
            if target == (None, None):
                continue
            if target not in numbers:
                if len(queue) >= _MAX_STATES:
                    raise TooManyStatesError(
                        f"needs an automaton of more than {_MAX_STATES:,} states"
                    )
                numbers[target] = len(queue)
                queue.append(target)
            row[symbol] = numbers[target]
        rows[number] = row
    return minimal(_made(alphabet, len(queue), finals, rows))


def _made(
    alphabet: Alphabet, size: int, finals: set[int], rows: dict[int, dict[int, int]]
) -> FSM:
    return FSM(alphabet, set(range(size)), 0, finals, rows, __no_validation__=True)


def minimal(language: FSM) -> FSM:
    """The minimal automaton, without states that lead nowhere."""
    live = _live(language)
    if language.initial not in live:
        return nothing()
    order = sorted(live, key=lambda state: state != language.initial)
    numbers = {state: number for number, state in enumerate(order)}
    sink = len(order)  # in the place of missing transitions
    symbols = list(language.alphabet.by_transition)
    table = [
        [numbers.get(language.map.get(state, {}).get(s), sink) for s in symbols]
        for state in order
    ]
    table.append([sink] * len(symbols))
    finals = {numbers[state] for state in language.finals if state in numbers}
    block = _partition(table, finals, len(symbols))
    names: dict[int, int] = {}
    for state in range(sink):
        names.setdefault(block[state], len(names))
    rows: dict[int, dict[int, int]] = {}
    for state in range(sink):
        rows[names[block[state]]] = {
            symbol: names[block[target]]
            for symbol, target in zip(symbols, table[state], strict=True)
            if block[target] != block[sink]
        }
    last = {names[block[state]] for state in finals}
    return _made(language.alphabet, len(names), last, rows)


def _live(language: FSM) -> set[int]:
    """States on a way from the start to acceptance."""
    reached, queue = {language.initial}, [language.initial]
    sources: dict[int, list[int]] = {}
    for state in queue:  # grows while it is read
        for target in language.map.get(state, {}).values():
            sources.setdefault(target, []).append(state)
            if target not in reached:
                reached.add(target)
                queue.append(target)
    live = {state for state in language.finals if state in reached}
    queue = list(live)
    for state in queue:
        fresh = [s for s in sources.get(state, ()) if s not in live]
        live.update(fresh)
        queue += dict.fromkeys(fresh)
    return live


def _partition(table: list[list[int]], finals: set[int], width: int) -> list[int]:
    """The class of each state of a complete automaton; equal ones share a class."""
    sources: list[list[list[int]]] = [[[] for _ in table] for _ in range(width)]
    for state, row in enumerate(table):
        for symbol, target in enumerate(row):
            sources[symbol][target].append(state)
    blocks = [set(range(len(table))) - finals, set(finals)]
    block = [int(state in finals) for state in range(len(table))]
    waiting = {0, 1}
    while waiting:
        splitter = list(blocks[waiting.pop()])
        for symbol in range(width):
            leading = {s for target in splitter for s in sources[symbol][target]}
            touched: dict[int, set[int]] = {}
            for state in leading:
                touched.setdefault(block[state], set()).add(state)
            for number, inside in touched.items():
                if len(inside) == len(blocks[number]):
                    continue
                blocks[number] -= inside
                fresh = len(blocks)
                blocks.append(inside)
                for state in inside:
                    block[state] = fresh
                smaller = fresh if len(inside) <= len(blocks[number]) else number
                waiting.add(fresh if number in waiting else smaller)
    return block


def nothing() -> FSM:
    """The empty language."""
    return _made(Alphabet.from_groups({anything_else}), 1, set(), {0: {}})


def chain(least: int, most: int | None) -> FSM:
    """The texts of `least` to `most` characters; None for no limit."""
    alphabet = Alphabet.from_groups({anything_else})
    any_character = alphabet[anything_else]
    last = least if most is None else most
    rows = {state: {any_character: state + 1} for state in range(last)}
    rows[last] = {} if most is not None else {any_character: last}
    return _made(alphabet, last + 1, set(range(least, last + 1)), rows)


def trie(words: Iterable[str]) -> FSM:
    """The language that consists of some words."""
    words = sorted(set(words))
    characters = sorted({character for word in words for character in word})
    alphabet = Alphabet.from_groups({anything_else}, *({c} for c in characters))
    rows: dict[int, dict[int, int]] = {0: {}}
    finals = set()
    for word in words:
        state = 0
        for character in word:
            state = rows[state].setdefault(alphabet[character], len(rows))
            rows.setdefault(state, {})
        finals.add(state)
    return minimal(_made(alphabet, len(rows), finals, rows))
