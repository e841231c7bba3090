"""Which tokens may follow.

A token is allowed iff the pushdown automaton accepts all of its symbols.  A token that
begins inside the top frame of a stack either ends inside it, or continues in the frame
below.  Its course inside a frame does not depend on the frames below.  So it is
computed once for each frame and each cursor in the vocabulary's trie, and a mask is the
union over the few frames that a token can reach:

    mask = tokens that end inside the top frame
         ∪ tokens that leave it and end inside the frame below ∪ …

This works because frames repeat: a document has many steps, but few kinds of them.
Names of free keys would make nearly every frame unique, so they are left out of the
memo, and tokens that would repeat a key are removed from the mask at the end.  So are
differences between states that no token is long enough to tell apart.
"""

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..dfa import ANY_LABEL
from ..grammar import MAX_TAGGED_DEPTH
from ..symbols import REFERENCES, Control
from .courses import Findings, Inside
from .frames import Array, Frame, Key, Object, Stack, Tag, Text, Value
from .names import without_names
from .pushdown import Pushdown
from .token_facts import TokenFacts
from .trie import Cursor, Trie, union

__all__ = ["Masks"]

Mask = NDArray[np.bool_]

_MAX_MEMO = 1 << 16
_PRIVATE = re.compile("[\ue000-\uf8ff]")


class Masks:
    """Allowed tokens by stack, for one vocabulary."""

    def __init__(
        self, pushdown: Pushdown, vocabulary: Mapping[int, str], size: int
    ) -> None:
        """Build the trie of the vocabulary.

        Args:
            pushdown: steps through the grammar.
            vocabulary: id to symbols of the tokens that may be generated.
            size: length of a mask; all other ids are never allowed.
        """
        self.pushdown = pushdown
        self.grammar = pushdown.grammar
        self.vocabulary = vocabulary
        self.size = size
        self._trie = Trie(pushdown, vocabulary)
        self._memo: dict[tuple[Cursor, type, Frame], Inside] = {}
        self._facts = TokenFacts(vocabulary)
        self._count_caps = [
            max(
                (max(b.min_properties, b.max_properties or 0) for b in node.branches),
                default=0,
            )
            for node in self.grammar.nodes
        ]

    def allowed(self, stack: Stack) -> Mask:
        """bool[size], read-only: True for each id that may follow.

        At least one is True unless the document is complete, when none is.
        """
        if stack.allowed is None:
            if stack.depth + self._facts.most_tags > MAX_TAGGED_DEPTH:
                mask = self._by_trial(stack)
            else:
                mask = self._mask(stack)
            mask.flags.writeable = False
            stack.allowed = mask
        return stack.allowed

    def _by_trial(self, stack: Stack) -> Mask:
        """Try every token: near the depth limit, frames depend on those below."""
        mask = np.zeros(self.size, dtype=bool)
        for number, symbols in self.vocabulary.items():
            mask[number] = self.pushdown.walk(stack, symbols) is not None
        return mask

    def _mask(self, stack: Stack) -> Mask:
        mask = np.zeros(self.size, dtype=bool)
        cursor, at = self._trie.root, stack
        repeats: list[int] = []
        doubtful = [*self._facts.end_a_text_twice]
        if isinstance(stack.frame, Key):
            doubtful += self._facts.repeating(stack.frame.text)
        while cursor and at.frame is not None and at.parent is not None:
            inside = self._inside(cursor, self._simplified(at.frame))
            mask[inside.ids] = True
            if isinstance(at.frame, Object | Tag | Key):
                repeats += self._repeats(cursor, inside, at.frame)
                doubtful += self._doubtful(at.frame)
            cursor, at = inside.after, at.parent
        mask[repeats] = False
        for number in doubtful:
            if mask[number]:
                symbols = self.vocabulary[number]
                mask[number] = self.pushdown.walk(stack, symbols) is not None
        return mask

    def _simplified(self, frame: Frame) -> Frame:
        """A frame inside which all tokens have the same courses."""
        if isinstance(frame, Text):
            return frame._replace(state=self._first_alike(*frame[:2]))
        frame = self._without_names(frame)
        if isinstance(frame, Key):
            keys = self.grammar.nodes[frame.node].keys
            return frame._replace(state=self._first_alike(keys, frame.state))
        return frame

    def _first_alike(self, number: int, state: int) -> int:
        return self._facts.first_alike(number, self.grammar.automata[number], state)

    # -- names of free keys ------------------------------------------------------------

    def _without_names(self, frame: Frame) -> Frame:
        """The frame with placeholders for its free keys, as many as can matter."""
        if not isinstance(frame, Object | Tag | Key):
            return frame
        known = self.grammar.keys_apart(frame.node)
        return without_names(frame, known, self._count_caps[frame.node])

    def _repeats(
        self, cursor: Cursor, inside: Inside, frame: Object | Tag | Key
    ) -> list[int]:
        """Tokens that would repeat a free key of the object, or could not go on."""
        found, labels = [], self._labels(frame)
        for name in frame.seen - self.grammar.keys_apart(frame.node):
            names = self.pushdown.names
            symbols = names.used_up(frame.node, labels, name, frame.seen)
            if isinstance(frame, Key) and name.startswith(frame.text):
                found += self._beginning(cursor, symbols[len(frame.text) :])
            for place in inside.keys:
                found += self._beginning(place, symbols)
        return found

    def _beginning(self, cursor: Cursor, symbols: str) -> list[int]:
        """Tokens that continue with some symbols; none for those spelled in bytes."""
        is_spelled = not _PRIVATE.search(symbols.removesuffix(Control.END))
        return self._trie.beginning(cursor, symbols) if symbols and is_spelled else []

    def _doubtful(self, frame: Object | Tag | Key) -> list[int]:
        """More tokens that may repeat a free key, or begin one that cannot go on."""
        names = self.pushdown.names
        shortest = names.shortest_used_up(frame.node)
        if shortest is None:
            return []
        found = self._facts.begin_again(shortest)
        if any(not name.isascii() for name in frame.seen):
            found += self._facts.with_bytes
        if names.is_used_up(frame.node, self._labels(frame), 0, "", frame.seen):
            found += self._facts.begin_with_text
        return found

    def _labels(self, frame: Object | Tag | Key) -> int:
        return self.pushdown.free_labels(frame.node, frame.alive, frame.seen)

    # -- inside a frame ----------------------------------------------------------------

    def _inside(self, cursor: Cursor, frame: Frame) -> Inside:
        memo = cursor, type(frame), frame  # tuples: only the type tells them apart
        found = self._memo.get(memo)
        if found is None:
            findings = Findings()
            match frame:
                case Value():
                    self._value(cursor, frame, findings)
                case Text():
                    self._text(cursor, frame, findings)
                case Object():
                    self._object(cursor, frame, findings)
                case Array():
                    self._array(cursor, frame, findings)
                case Key():
                    self._key(cursor, frame, findings)
                case Tag():
                    self._tag(cursor, frame, findings)
            found = Inside(
                union(findings.ids),
                self._trie.at(findings.after),
                tuple(findings.keys),
            )
            if len(self._memo) >= _MAX_MEMO:
                self._memo.clear()
            self._memo[memo] = found
        return found

    def _value(self, cursor: Cursor, frame: Value, findings: Findings) -> None:
        bare = self.pushdown.untagged(frame)
        if not isinstance(bare, Value):
            findings.add(self._inside(cursor, bare)._replace(keys=()))
            return
        node, words = self.grammar.nodes[frame.node], self.pushdown.words
        constants = {Control.TRUE: node.true, Control.FALSE: node.false}
        constants[Control.NULL] = node.null
        for symbol, after in self._trie.structure(cursor).items():
            if symbol in words:
                is_whole = words[symbol] in node.literals
            elif symbol in REFERENCES:
                is_whole = node.text >= 0
            else:
                is_whole = constants.get(Control(symbol), False)
            opened = None if is_whole else self.pushdown.opened(frame.node, symbol)
            if is_whole:
                findings.add_end(after)
            elif opened is not None:
                findings.ids.append(after.ends)
                findings.add(self._inside(after, opened)._replace(keys=()))
        if node.text >= 0:
            findings.add(self._inside(cursor, Text(node.text, 0, b"")))

    def _text(self, cursor: Cursor, frame: Text, findings: Findings) -> None:
        inside, after = self._trie.text(cursor, *frame, ANY_LABEL)
        findings.ids.append(inside)
        for end in after.values():
            findings.add_end(end)

    def _array(self, cursor: Cursor, frame: Array, findings: Findings) -> None:
        close = self._trie.structure(cursor).get(Control.CLOSE_ARRAY)
        if close and frame.items >= self.grammar.nodes[frame.node].min_items:
            findings.add_end(close)
        following = self.pushdown.after_item(frame)
        if following is not None:
            item = Value(self.grammar.nodes[frame.node].items, in_array=True)
            self._then(cursor, item, following, findings)

    def _object(self, cursor: Cursor, frame: Object, findings: Findings) -> None:
        (node, alive, seen), words = frame, self.pushdown.words
        for symbol, after in self._trie.structure(cursor).items():
            if symbol == Control.CLOSE_OBJECT:
                if self.grammar.may_close(node, alive, seen):
                    findings.add_end(after)
            elif symbol == Control.NEXT_ALTERNATIVE:
                if rest := self.grammar.next_alternative(node, alive):
                    findings.ids.append(after.ends)
                    findings.add(self._inside(after, frame._replace(alive=rest)))
            elif (key := words.get(symbol)) is not None and key not in seen:
                self._pair(after, frame, key, key, findings)
        if self.pushdown.free_labels(node, alive, seen):
            findings.keys.append(cursor)
            self._key(cursor, Key(node, alive, seen, 0, b"", ""), findings)

    def _key(self, cursor: Cursor, frame: Key, findings: Findings) -> None:
        node, alive, seen, state, pending, _ = frame
        labels = self.pushdown.free_labels(node, alive, seen)
        names = {n: key for key, n in self.grammar.spelled_keys(node).items()}
        keys = self.grammar.nodes[node].keys
        inside, ends = self._trie.text(cursor, keys, state, pending, labels)
        findings.ids.append(inside)
        for label, after in ends.items():
            name = names.get(label, f"\ud800{len(seen)}")  # not seen yet
            self._pair(after, Object(node, alive, seen), label, name, findings)

    def _pair(
        self,
        cursor: Cursor,
        frame: Object,
        key: str | int,
        name: str,
        findings: Findings,
    ) -> None:
        """Continue after a key: its value, then the rest of the object."""
        node, alive, seen = frame
        child, kept = self.grammar.enter(node, alive, key, len(seen))
        if child >= 0:
            findings.ids.append(cursor.ends)
            seen |= {name}
            if self.grammar.tag(node, key) is not None:
                tag = self._without_names(Tag(node, kept, seen, name))
                findings.add(self._inside(cursor, tag))
                return
            rest = self._without_names(Object(node, kept, seen))
            self._then(cursor, Value(child, in_array=False), rest, findings)

    def _tag(self, cursor: Cursor, frame: Tag, findings: Findings) -> None:
        for symbol, after in self._trie.structure(cursor).items():
            rest = self.pushdown.after_tag(frame, symbol)
            if rest is not None:
                findings.ids.append(after.ends)
                findings.add(self._inside(after, rest))

    def _then(
        self, cursor: Cursor, value: Value, rest: Frame, findings: Findings
    ) -> None:
        """Continue with a value, then with the rest of its container."""
        inside = self._inside(cursor, value)
        findings.ids.append(inside.ids)
        if inside.after:
            findings.add(self._inside(inside.after, rest))
