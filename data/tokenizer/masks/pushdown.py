"""The grammar as an immutable pushdown automaton over base symbols.

A `Stack` is a frame on top of a parent, so stacks share their tails, and samples of a
batch share stacks.  Equal stacks are the same object, which makes a memo on a stack a
plain attribute.

    Value    a value of some node comes next
    Text     inside a string or number
    Object   between two pairs           Array   between two items
    Key      inside a free key       Tag     before a value that decides

Escapes are not part of this language: it accepts exactly what the grammar allows.
"""

from collections.abc import Collection

from ..grammar import MAX_TAGGED_DEPTH, Alive, Grammar
from ..symbols import REFERENCES, Control, is_text, may_begin_character
from .frames import Array, Frame, Key, Object, Stack, Tag, Text, Value
from .names import Names

__all__ = ["Pushdown"]

_MAX_STACKS = 1 << 16


class Pushdown:
    """Steps from stack to stack."""

    def __init__(self, grammar: Grammar, words: dict[str, str]) -> None:
        """Start at the root of a grammar.

        Args:
            grammar: what is allowed where.
            words: literal symbol to key or enum value.
        """
        self.grammar = grammar
        self.words = words
        self._stacks: dict[tuple[type, Frame, Stack], Stack] = {}
        self.names = Names(grammar)
        self._free_labels: dict[tuple[int, Alive, int], int] = {}
        self.end = Stack(None, None)
        self.start = self.push(Value(grammar.root, in_array=False), self.end)

    def push(self, frame: Frame, parent: Stack) -> Stack:
        """The stack with `frame` on top of `parent`."""
        if isinstance(frame, Value):
            frame = self.untagged(frame)
        # Frames are tuples: only their type tells them apart.
        key = type(frame), frame, parent
        stack = self._stacks.get(key)
        if stack is None:
            if len(self._stacks) >= _MAX_STACKS:
                self._stacks.clear()  # those in use live on, no longer shared
            stack = self._stacks[key] = Stack(frame, parent)
        return stack

    def untagged(self, frame: Value) -> Frame:
        """Open a container that needs no type tag as soon as it is expected."""
        node = self.grammar.nodes[frame.node]
        if node.only_object:
            return self._object(frame.node)
        if node.only_array and not frame.in_array:
            return Array(frame.node, 0)
        return frame

    def _object(self, node: int) -> Object:
        return Object(node, self.grammar.all_branches(node), frozenset())

    def step(self, stack: Stack, symbol: str) -> Stack | None:
        """The stack after a symbol, or None if it is not allowed."""
        match stack.frame:
            case Text():
                return self._text(stack.frame, stack, symbol)
            case Object():
                return self._in_object(stack.frame, stack, symbol)
            case Key():
                return self._in_key(stack.frame, stack, symbol)
            case Tag():
                return self._tag(stack.frame, stack, symbol)
            case Value():
                return self._value(stack.frame, stack, symbol)
            case Array():
                return self._in_array(stack.frame, stack, symbol)
            case _:
                return None

    def walk(self, stack: Stack, symbols: str) -> Stack | None:
        """The stack after several symbols, or None."""
        current: Stack | None = stack
        for symbol in symbols:
            if current is None:
                return None
            current = self.step(current, symbol)
        return current

    # -- frames ------------------------------------------------------------------------

    def _value(self, frame: Value, stack: Stack, symbol: str) -> Stack | None:
        node, parent = self.grammar.nodes[frame.node], stack.parent
        assert parent is not None
        if symbol in self.words:
            return parent if self.words[symbol] in node.literals else None
        match symbol:
            case Control.TRUE:
                return parent if node.true else None
            case Control.FALSE:
                return parent if node.false else None
            case Control.NULL:
                return parent if node.null else None
        if symbol in REFERENCES:
            return parent if node.text >= 0 else None
        opened = self.opened(frame.node, symbol)
        if opened is not None:
            is_number = symbol == Control.NUMBER
            fits = is_number or stack.depth < MAX_TAGGED_DEPTH
            return self.push(opened, parent) if fits else None
        if node.text < 0 or not (is_text(symbol) or symbol == Control.END):
            return None
        text = Text(node.text, 0, b"")
        return self._text(text, self.push(text, parent), symbol)

    def _text(self, frame: Text, stack: Stack, symbol: str) -> Stack | None:
        automaton, parent = self.grammar.automata[frame.automaton], stack.parent
        assert parent is not None
        if symbol == Control.END:
            accepted = not frame.pending and automaton.labels[frame.state] >= 0
            return parent if accepted else None
        moved = self.read(frame.automaton, frame.state, frame.pending, symbol, ~0)
        if moved is None:
            return None
        if moved == (frame.state, frame.pending):
            return stack
        return self.push(Text(frame.automaton, *moved), parent)

    def _in_object(self, frame: Object, stack: Stack, symbol: str) -> Stack | None:
        assert stack.parent is not None
        if symbol == Control.CLOSE_OBJECT:
            closes = self.grammar.may_close(frame.node, frame.alive, frame.seen)
            return stack.parent if closes else None
        if symbol in self.words:
            key = self.words[symbol]
            return None if key in frame.seen else self.enter(frame, stack, key, key)
        if symbol == Control.NEXT_ALTERNATIVE:
            alive = self.grammar.next_alternative(frame.node, frame.alive)
            return (
                self.push(frame._replace(alive=alive), stack.parent) if alive else None
            )
        if not (is_text(symbol) or symbol == Control.END):
            return None
        key_frame = self.key_frame(frame)
        if key_frame is None:
            return None
        return self._in_key(key_frame, self.push(key_frame, stack.parent), symbol)

    def _tag(self, frame: Tag, stack: Stack, symbol: str) -> Stack | None:
        assert stack.parent is not None
        rest = self.after_tag(frame, symbol)
        return None if rest is None else self.push(rest, stack.parent)

    def _in_key(self, frame: Key, stack: Stack, symbol: str) -> Stack | None:
        assert stack.parent is not None
        keys = self.grammar.nodes[frame.node].keys
        if symbol == Control.END:
            label = self.grammar.automata[keys].labels[frame.state]
            if frame.pending or label < 0 or frame.text in frame.seen:
                return None
            parent = Object(frame.node, frame.alive, frame.seen)
            return self.enter(parent, stack, label, frame.text)
        bits = self.free_labels(frame.node, frame.alive, frame.seen)
        moved = self.read(keys, frame.state, frame.pending, symbol, bits)
        if moved is None:
            return None
        text = frame.text
        if not moved[1]:
            last = bytes([ord(symbol) - 0xE200]) if frame.pending else symbol.encode()
            text += (frame.pending + last).decode()
            place = frame.node, bits, moved[0], text
            if self.names.is_used_up(*place, frame.seen):
                return None
        return self.push(
            Key(frame.node, frame.alive, frame.seen, *moved, text), stack.parent
        )

    def _in_array(self, frame: Array, stack: Stack, symbol: str) -> Stack | None:
        node, parent = self.grammar.nodes[frame.node], stack.parent
        assert parent is not None
        if symbol == Control.CLOSE_ARRAY:
            return parent if frame.items >= node.min_items else None
        item = self.item(frame, parent)
        return None if item is None else self.step(item, symbol)

    # -- shared with the masks ---------------------------------------------------------

    def enter(
        self, frame: Object, stack: Stack, key: str | int, name: str
    ) -> Stack | None:
        """The stack before the value of a key, given as itself or as its label."""
        assert stack.parent is not None
        child, alive = self.grammar.enter(frame.node, frame.alive, key, len(frame.seen))
        if child < 0:
            return None
        seen = frame.seen | {name}
        if self.grammar.tag(frame.node, key) is not None:
            return self.push(Tag(frame.node, alive, seen, name), stack.parent)
        rest = self.push(Object(frame.node, alive, seen), stack.parent)
        return self.push(Value(child, in_array=False), rest)

    def after_tag(self, frame: Tag, symbol: str) -> Object | None:
        """The frame after the value of a tag; None if no branch allows it."""
        word = self.words.get(symbol)
        alive = self.grammar.choose(frame.node, frame.alive, frame.key, word)
        return Object(frame.node, alive, frame.seen) if alive else None

    def opened(self, number: int, symbol: str) -> Frame | None:
        """The frame that a type tag opens; None if the node forbids the type."""
        node = self.grammar.nodes[number]
        if symbol == Control.OBJECT and node.branches:
            return self._object(number)
        if symbol == Control.ARRAY and node.items >= 0:
            return Array(number, 0)
        if symbol == Control.NUMBER and node.number >= 0:
            return Text(node.number, 0, b"")
        return None

    def item(self, frame: Array, parent: Stack) -> Stack | None:
        """The stack before an array's next item."""
        rest = self.after_item(frame)
        if rest is None:
            return None
        item = Value(self.grammar.nodes[frame.node].items, in_array=True)
        return self.push(item, self.push(rest, parent))

    def after_item(self, frame: Array) -> Array | None:
        """The frame of an array after one more item; None if it is full."""
        node = self.grammar.nodes[frame.node]
        if node.max_items is not None and frame.items >= node.max_items:
            return None
        enough = node.min_items if node.max_items is None else node.max_items
        return Array(frame.node, min(frame.items + 1, enough))

    def key_frame(self, frame: Object) -> Key | None:
        """The frame of a free key; None if the object allows none now."""
        bits = self.free_labels(frame.node, frame.alive, frame.seen)
        if not bits or self.names.is_used_up(frame.node, bits, 0, "", frame.seen):
            return None
        return Key(frame.node, frame.alive, frame.seen, 0, b"", "")

    def free_labels(self, node: int, alive: Alive, seen: Collection[str]) -> int:
        """Bit set of the labels of free keys that may follow those that were seen."""
        bits = self._allowed_labels(node, alive, len(seen))
        for key, label in self.grammar.spelled_keys(node).items():
            if key in seen:
                bits &= ~(1 << label)
        return bits

    def _allowed_labels(self, node: int, alive: Alive, count: int) -> int:
        memo = node, alive, count
        bits = self._free_labels.get(memo)
        if bits is None:
            labels = range(len(self.grammar.nodes[node].branches[0].free))
            bits = self._free_labels[memo] = sum(
                1 << label
                for label in labels
                if self.grammar.enter(node, alive, label, count)[0] >= 0
            )
        return bits

    def read(
        self, automaton: int, state: int, pending: bytes, symbol: str, bits: int
    ) -> tuple[int, bytes] | None:
        """Read a text symbol; None if it leaves no label of `bits` in reach."""
        tables = self.grammar.automata[automaton]
        if "\ue280" <= symbol <= "\ue2ff":
            pending += bytes([ord(symbol) - 0xE200])
            if not may_begin_character(pending):
                return None
            try:
                symbol, pending = pending.decode(), b""
            except UnicodeDecodeError:
                # The character is unknown yet: one without a column of its own must be
                # allowed.
                other = tables.table[state][0]
                alive = other >= 0 and tables.reach[other] & bits
                return (state, pending) if alive else None
        elif pending or not is_text(symbol):
            return None
        target = tables.step(state, symbol)
        if target < 0 or not tables.reach[target] & bits:
            return None
        return target, b""
