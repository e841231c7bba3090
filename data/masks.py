"""Which tokens may come next.

A token is allowed iff its whole expansion steps through the grammar's automaton.  To
find all allowed ones without trying 8,192, the work is split by how a token begins:

- tokens of text alone: a table per state of a text automaton, made once;
- tokens that end a text and go on: by what follows END, a trie that is walked from the
  parent state;
- tokens that begin with structure: a trie that is walked from the state itself.

Masks are memoised on states, and equal states are one object, so a batch shares them.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grammar import Automaton
from .states import Array, Key, Machine, Object, State, Text, Value
from .symbols import Control, is_text

__all__ = ["Masks"]

Mask = NDArray[np.bool_]
Trie = dict[str, Any]  # symbol to the next node, and "" to the ids that end there


@dataclass(frozen=True, slots=True)
class _Crossing:
    """A token that ends a text: its symbols up to END, and those after it."""

    number: int
    text: str
    rest: str


class Masks:
    """Allowed tokens by state, for one vocabulary."""

    def __init__(self, machine: Machine, vocabulary: dict[int, str], size: int) -> None:
        """Sort the vocabulary by how tokens begin.

        Args:
            machine: steps through the grammar.
            vocabulary: id to symbols, of the tokens that may be generated at all.
            size: length of a mask; the other ids are never allowed.
        """
        self.machine = machine
        self.vocabulary = vocabulary
        self.size = size
        self._texts: list[tuple[int, str]] = []
        self._crossing: list[_Crossing] = []
        self._structure: Trie = {}
        for number, symbols in vocabulary.items():
            text, end, rest = symbols.partition(Control.END)
            if all(map(is_text, text)) and end:
                self._crossing.append(_Crossing(number, text, rest))
            elif all(map(is_text, symbols)):
                self._texts.append((number, symbols))
            else:
                _insert(self._structure, symbols, number)
        self._by_text: defaultdict[str, list[int]] = defaultdict(list)
        for token in self._crossing:
            self._by_text[token.text].append(token.number)
        self._second_keys = [t for t in self._crossing if Control.END in t.rest]
        self._text_tables: dict[tuple[int, int, int], Mask] = {}
        self._end_tries: dict[tuple[int, int], dict[int, Trie]] = {}
        self._key_masks: dict[tuple[Any, ...], Mask] = {}

    def allowed(self, state: State) -> Mask:
        """bool[size], read-only: True for each id that may follow, none at the end.

        A mask has at least one True unless the document is complete.
        """
        if isinstance(state.frame, Key):
            return self._key(state.frame, state)
        if state.allowed is None:
            mask = self._mask(state)
            mask.flags.writeable = False
            state.allowed = mask
        return state.allowed

    def _mask(self, state: State) -> Mask:
        mask = np.zeros(self.size, dtype=bool)
        frame, parent = state.frame, state.parent
        if parent is None or frame is None:
            return mask
        if isinstance(frame, Text):
            if frame.pending:
                return self._continuation_bytes(state, mask)
            mask |= self._text_table(frame.automaton, frame.state, ~0)
            for trie in self._after_end(frame.automaton, frame.state).values():
                self._collect(trie, parent, mask)
            return mask
        self._collect(self._structure, state, mask)
        text = self._text_start(state)
        return mask if text is None else mask | self.allowed(text)

    def _text_start(self, state: State) -> State | None:
        """The state inside an empty text, where a text may come next."""
        frame, parent = state.frame, state.parent
        assert parent is not None
        match frame:
            case Object():
                key = self.machine.key_frame(frame)
                return None if key is None else self.machine.push(key, parent)
            case Value():
                automaton = self.machine.grammar.nodes[frame.node].text
                if automaton < 0:
                    return None
                return self.machine.push(Text(automaton, 0, b""), parent)
            case Array():
                item = self.machine.item(frame, parent)
                return None if item is None else self._text_start(item)
        return None

    # -- keys --------------------------------------------------------------------------

    def _key(self, frame: Key, state: State) -> Mask:
        """A key's mask depends on its text only where it would repeat a key."""
        if frame.pending:
            return self._continuation_bytes(state, np.zeros(self.size, dtype=bool))
        memo = frame[:4], state.parent
        mask = self._key_masks.get(memo)
        if mask is None:
            if len(self._key_masks) > 1 << 14:
                self._key_masks.clear()
            mask = self._key_masks[memo] = self._any_key(frame, state)
        repeats = [
            number
            for key in frame.seen
            if key.startswith(frame.text)
            for number in self._by_text.get(key[len(frame.text) :], ())
        ]
        repeats += [
            token.number
            for token in self._second_keys
            if mask[token.number]
            and self.machine.walk(state, self.vocabulary[token.number]) is None
        ]
        if repeats:
            mask = mask.copy()
            mask[repeats] = False
        return mask

    def _any_key(self, frame: Key, state: State) -> Mask:
        """The mask of a key as if none of its kind had been seen."""
        machine = self.machine
        bits = machine.free_labels(frame.node, frame.alive, len(frame.seen))
        keys = machine.grammar.nodes[frame.node].keys
        mask = self._text_table(keys, frame.state, bits).copy()
        assert state.parent is not None
        rest = Object(frame.node, frame.alive, frame.seen)
        for label, trie in self._after_end(keys, frame.state).items():
            # A name that no document has: only the number of keys matters here.
            after = machine.enter(rest, state, label, "\ud800")
            if after is not None:
                self._collect(trie, after, mask)
        return mask

    # -- tables ------------------------------------------------------------------------

    def _text_table(self, automaton: int, state: int, bits: int) -> Mask:
        """Tokens of text alone that may follow in a state of an automaton."""
        memo = automaton, state, bits
        table = self._text_tables.get(memo)
        if table is None:
            table = np.zeros(self.size, dtype=bool)
            for number, symbols in self._texts:
                at: tuple[int, bytes] | None = (state, b"")
                for symbol in symbols:
                    at = at and self.machine.read(automaton, *at, symbol, bits)
                table[number] = at is not None
            table.flags.writeable = False
            self._text_tables[memo] = table
        return table

    def _after_end(self, automaton: int, state: int) -> dict[int, Trie]:
        """By label: what tokens hold after they ended a text in that language."""
        tries = self._end_tries.get((automaton, state))
        if tries is None:
            tries = defaultdict(dict)
            tables = self.machine.grammar.automata[automaton]
            for token in self._crossing:
                label = _label(tables, state, token.text)
                if label >= 0:
                    _insert(tries[label], token.rest, token.number)
            self._end_tries[automaton, state] = tries
        return tries

    def _continuation_bytes(self, state: State, mask: Mask) -> Mask:
        """Inside a character only single bytes may follow."""
        for number, symbols in self._texts:
            if len(symbols) == 1 and "\ue280" <= symbols <= "\ue2bf":
                mask[number] = self.machine.step(state, symbols) is not None
        return mask

    def _collect(self, trie: Trie, state: State, mask: Mask) -> None:
        """Set the ids of all paths of a trie that step from a state."""
        stack = [(trie, state)]
        step = self.machine.step
        while stack:
            node, at = stack.pop()
            for symbol, child in node.items():
                if symbol == "":
                    mask[child] = True
                    continue
                after = step(at, symbol)
                if after is not None:
                    stack.append((child, after))


def _insert(trie: Trie, symbols: str, number: int) -> None:
    for symbol in symbols:
        trie = trie.setdefault(symbol, {})
    trie.setdefault("", []).append(number)


def _label(automaton: Automaton, state: int, text: str) -> int:
    """The label of a text of whole characters read from a state, or -1."""
    for symbol in text:
        if "\ue280" <= symbol <= "\ue2ff":
            return -1
        state = automaton.step(state, symbol)
        if state < 0:
            return -1
    return automaton.labels[state]
