"""The shortest way to close a document from anywhere.

Sampling within a budget keeps one invariant: the rest of the budget suffices for the
completion of the current state.  So even a document that is cut short is valid.
"""

from collections.abc import Iterator
from contextlib import suppress

from ..dfa import ANY_LABEL
from ..grammar import Alive, Node
from ..symbols import Control, byte_symbol, literal_symbol
from .frames import Array, Key, Object, Stack, Tag, Text, Value
from .pushdown import Pushdown

__all__ = ["Completer"]


class Completer:
    """The fewest symbols that close a document."""

    def __init__(self, pushdown: Pushdown) -> None:
        """Find the shortest value of every node."""
        self.pushdown = pushdown
        self.grammar = pushdown.grammar
        self._literals = {
            word: literal_symbol(slot)
            for slot, word in enumerate(self.grammar.literals)
        }
        self._values = self._shortest_values()

    def closing(self, stack: Stack) -> str:
        """Symbols that lead from `stack` to the end of the document."""
        found = stack.closing
        if found is None:
            found = stack.closing = self._closing(stack)
        return found

    def _closing(self, stack: Stack) -> str:
        frame, parent = stack.frame, stack.parent
        if parent is None:
            return ""
        match frame:
            case Value():
                return self._value(frame.node, frame.in_array) + self.closing(parent)
            case Text():
                text = self._end_of_text(frame.automaton, frame.state, frame.pending)
                return text + Control.END + self.closing(parent)
            case Array():
                node = self.grammar.nodes[frame.node]
                missing = max(0, node.min_items - frame.items)
                return self._items(node, missing) + self.closing(parent)
            case Object():
                rest = self._pairs(frame.node, frame.alive, frame.seen)
                return rest + Control.CLOSE_OBJECT + self.closing(parent)
            case Tag():
                symbols = self._literals[self._deciding(frame)]
                after = self.pushdown.walk(stack, symbols)
                assert after is not None
                return symbols + self.closing(after)
            case Key():
                symbols = self._end_of_key(frame) + Control.END
                after = self.pushdown.walk(stack, symbols)
                assert after is not None
                return symbols + self.closing(after)
        raise AssertionError(frame)

    def _deciding(self, frame: Tag) -> str:
        """A value of a tag."""
        nodes = self.grammar.nodes
        for branch in (nodes[frame.node].branches[index] for index in frame.alive):
            if branch.is_written:
                return min(nodes[branch.properties[frame.key]].literals)
        raise AssertionError(frame)

    # -- values ------------------------------------------------------------------------

    def _value(self, number: int, in_array: bool) -> str:
        """The shortest value of a node, with the type tag it needs there.

        Raises:
            KeyError: none is known yet.
        """
        node = self.grammar.nodes[number]
        tag = Control.ARRAY if in_array and node.only_array else ""
        return tag + self._values[number]

    def _items(self, node: Node, count: int) -> str:
        """The shortest items, `count` of them, and the closer."""
        items = "".join(self._value(node.items, True) for _ in range(count))
        return items + Control.CLOSE_ARRAY

    def _shortest_values(self) -> dict[int, str]:
        """Relax until no value gets shorter, as in the Bellman–Ford algorithm."""
        self._values = {}
        changed = True
        while changed:
            changed = False
            for number, node in enumerate(self.grammar.nodes):
                for candidate in self._candidates(number, node):
                    known = self._values.get(number)
                    if known is None or len(candidate) < len(known):
                        self._values[number] = candidate
                        changed = True
        return self._values

    def _candidates(self, number: int, node: Node) -> Iterator[str]:
        """Short values of a node, where those of its children are known."""
        if node.null:
            yield Control.NULL
        if node.true:
            yield Control.TRUE
        if node.false:
            yield Control.FALSE
        if node.literals:
            yield self._literals[min(node.literals)]
        if node.text >= 0:
            with suppress(KeyError):
                yield self._end_of_text(node.text, 0, b"") + Control.END
        if node.number >= 0:
            digits = self._end_of_text(node.number, 0, b"")
            yield Control.NUMBER + digits + Control.END
        if node.items >= 0:
            tag = "" if node.only_array else Control.ARRAY
            with suppress(KeyError):
                yield tag + self._items(node, node.min_items)
        together = self.grammar.all_branches(number)
        for alive in [together] if node.has_choices else [(i,) for i in together]:
            tag = "" if node.only_object else Control.OBJECT
            with suppress(KeyError):
                pairs = self._pairs(number, alive, frozenset())
                yield tag + pairs + Control.CLOSE_OBJECT

    # -- objects -----------------------------------------------------------------------

    def _pairs(self, number: int, alive: Alive, seen: frozenset[str]) -> str:
        """The pairs that an object still needs, by the branch that needs the least.

        Raises:
            KeyError: none is known yet.
        """
        if self.grammar.may_close(number, alive, seen):
            return ""
        node, found = self.grammar.nodes[number], []
        for skipped, index in enumerate(alive):
            if node.branches[index].is_written:
                with suppress(KeyError):
                    pairs = self._pairs_of(number, index, seen)
                    found.append(Control.NEXT_ALTERNATIVE * skipped + pairs)
            if not node.has_choices:
                break  # the first decides
        if not found:
            raise KeyError(number)
        return min(found, key=len)

    def _pairs_of(self, number: int, index: int, seen: frozenset[str]) -> str:
        """The pairs that an object still needs in a branch, the first alive one.

        That branch decides where branches differ, so no added key can rule it out.
        """
        branch = self.grammar.nodes[number].branches[index]
        keys = sorted(branch.required - seen)
        spare = sorted(
            (len(self._values[child]), key)
            for key, child in branch.properties.items()
            if key not in branch.required | seen and child in self._values
        )
        missing = branch.min_properties - len(seen) - len(keys)
        keys += [key for _, key in spare[: max(0, missing)]]
        pairs = "".join(
            self._literals[key] + self._value(branch.properties[key], False)
            for key in keys
        )
        taken = set(seen | set(keys))
        while len(taken) < branch.min_properties:
            pairs += self._free_pair(number, (index,), taken)
        return pairs

    def _free_pair(self, number: int, alive: Alive, taken: set[str]) -> str:
        """A pair with a new key, which is added to `taken`."""
        bits = self.pushdown.free_labels(number, alive, taken)
        children = {
            label: self.grammar.enter(number, alive, label, len(taken))[0]
            for label in range(bits.bit_length())
            if bits >> label & 1
        }
        known = [n for n, child in children.items() if child in self._values]
        if not known:
            raise KeyError(number)  # some key serves once its value is known
        automaton = self.grammar.automata[self.grammar.nodes[number].keys]
        labels = sum(1 << label for label in known)
        key = self.pushdown.names.unused(number, labels, 0, "", taken)
        if key is None:
            raise KeyError(number)
        child = children[automaton.label(key)]
        taken.add(key)
        return key + Control.END + self._value(child, False)

    def _end_of_key(self, frame: Key) -> str:
        """Text that completes the key and makes it unique in the object."""
        number = self.grammar.nodes[frame.node].keys
        bits = self.pushdown.free_labels(frame.node, frame.alive, frame.seen)
        state, symbols, text = self._end_of_character(
            number, frame.state, frame.pending, bits
        )
        end = self.pushdown.names.unused(
            frame.node, bits, state, frame.text + text, frame.seen
        )
        assert end is not None  # no beginning that is used up was written
        return symbols + end

    # -- text --------------------------------------------------------------------------

    def _end_of_text(self, number: int, state: int, pending: bytes) -> str:
        state, symbols, _ = self._end_of_character(number, state, pending, ANY_LABEL)
        return symbols + self.grammar.automata[number].shortest(state)

    def _end_of_character(
        self, number: int, state: int, pending: bytes, bits: int
    ) -> tuple[int, str, str]:
        """Complete a character: the state after it, the symbols, the character."""
        symbols, data = "", pending
        while pending:
            for byte in range(0x80, 0xC0):
                symbol = byte_symbol(byte)
                moved = self.pushdown.read(number, state, pending, symbol, bits)
                if moved is not None:
                    (state, pending), symbols = moved, symbols + symbol
                    data += bytes([byte])
                    break
            else:
                raise AssertionError("no character begins with these bytes")
        return state, symbols, data.decode()
