"""Which tokens keep both the grammar and GitHub's rules.

The grammar's mask is narrowed twice: tokens that could break a rule are tried one by
one, and inside a text that the rules watch over, such as an expression, the trie of the
vocabulary is followed with that text's own steps.  Both are remembered by position.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from ..masks.frames import Stack
from ..masks.masks import Masks
from ..symbols import REFERENCES, Control, is_text
from .expressions import CLOSED
from .scope import Active, Position, Scope, Scopes
from .words import site

__all__ = ["StrictMasks"]

Mask = NDArray[np.bool_]
Ids = NDArray[np.uint16]

_MAX_MEMO = 1 << 14
_WATCHED_KEYS = ("needs", "if", "id")


class StrictMasks:
    """Allowed tokens by position."""

    def __init__(
        self, scopes: Scopes, masks: Masks, vocabulary: Mapping[int, str]
    ) -> None:
        """Take the steps, the masks of the narrowed grammar, and its tokens."""
        self._scopes = scopes
        self._masks = masks
        self._vocabulary = vocabulary
        ordered = sorted(vocabulary, key=vocabulary.__getitem__)
        self._rank = {number: rank for rank, number in enumerate(ordered)}
        watched = {
            symbol
            for symbol, word in scopes.pushdown.words.items()
            if word in _WATCHED_KEYS
        }
        risky = [
            number
            for number, symbols in vocabulary.items()
            if "${{" in symbols or not watched.union(REFERENCES).isdisjoint(symbols)
        ]
        spelled = {n for n in risky if all(map(is_text, vocabulary[n]))}
        referring = {n for n in risky if not REFERENCES.isdisjoint(vocabulary[n])}
        self._spelled: Ids = np.array(sorted(spelled), dtype=np.uint16)
        """Risky tokens that are text: an expression decides."""
        self._referring: Ids = np.array(sorted(referring), dtype=np.uint16)
        """Risky tokens with references: the texts before decide."""
        others = {*risky} - spelled - referring
        self._risky: Ids = np.array(sorted(others), dtype=np.uint16)
        ids = {s for s, word in scopes.pushdown.words.items() if word == "id"}
        late = [n for n, s in vocabulary.items() if _depends_on_text(s, ids)]
        self._late: Ids = np.array(late, dtype=np.uint16)
        """Tokens that end a text, and then depend on it."""
        self._refused: dict[tuple[object, ...], list[int]] = {}
        opening = [n for n, symbols in vocabulary.items() if symbols.startswith("{")]
        self._opening: Ids = np.array(opening, dtype=np.uint16)
        self._begins_text = np.zeros(masks.size, dtype=np.bool_)
        for number, symbols in vocabulary.items():
            begins = is_text(symbols[0]) or symbols[0] == Control.END
            self._begins_text[number] = begins
        self._children: list[dict[str, int]] = [{}]
        self._ids: list[int] = [-1]
        for number, symbols in vocabulary.items():
            self._insert(symbols, number)
        self._inside: dict[Active, tuple[Ids, list[int]]] = {}
        self._known: OrderedDict[tuple[object, ...], Mask] = OrderedDict()

    def _insert(self, symbols: str, number: int) -> None:
        node = 0
        for symbol in symbols:
            following = self._children[node].get(symbol)
            if following is None:
                following = self._children[node][symbol] = len(self._children)
                self._children.append({})
                self._ids.append(-1)
            node = following
        self._ids[node] = number

    def allowed(self, stack: Stack, scope: Scope) -> Mask:
        """bool[size], read-only: True for each id that may follow.

        At least one is True unless the document is complete, when none is.
        """
        memo = (stack, *scope._replace(text=""))
        found = self._known.get(memo)
        if found is None:
            found = self._known_as(memo, self._allowed(stack, scope))
        late = self._late[found[self._late]] if scope.node >= 0 else self._late[:0]
        if not len(late):
            return found
        # What these do after the text depends on the text.
        exact = (stack, *scope)
        mask = self._known.get(exact)
        if mask is None:
            mask = found.copy()
            self._try(stack, scope, mask, late)
            mask = self._known_as(exact, mask)
        return mask

    def _known_as(self, memo: tuple[object, ...], mask: Mask) -> Mask:
        mask.flags.writeable = False
        if len(self._known) >= _MAX_MEMO:
            self._known.popitem(last=False)
        self._known[memo] = mask
        return mask

    def _allowed(self, stack: Stack, scope: Scope) -> Mask:
        """The mask; in a text, late tokens are those of the grammar's mask."""
        wide = self._masks.allowed(stack)
        mask = wide.copy()
        active = scope.active
        if scope.node < 0:
            begun = self._scopes.active(stack, scope.names)
            if begun is not None:
                active = begun[1]
                # A value may be something else than a text, too.
                tried = np.flatnonzero(mask & ~self._begins_text)
                mask &= ~self._begins_text
                self._try(stack, scope, mask, tried)
        elif active is not None:
            mask[:] = False
        if active is not None:
            self._watch(stack, scope, active, mask, wide)
            if scope.node >= 0:
                mask[self._late] = wide[self._late]
            return mask
        if scope.opening:
            self._try(stack, scope, mask, self._opening[mask[self._opening]])
        if scope.node >= 0:
            mask[self._refuse_spelled(scope)] = False
        else:
            self._try(stack, scope, mask, self._spelled[mask[self._spelled]])
        mask[self._refuse_risky(stack, scope, mask)] = False
        self._try(stack, scope, mask, self._referring[mask[self._referring]])
        if scope.node >= 0:
            mask[self._late] = wide[self._late]
        return mask

    def _refuse_risky(self, stack: Stack, scope: Scope, mask: Mask) -> list[int]:
        """Tokens that the names declared so far rule out."""
        memo = stack, scope.names, scope.node, scope.opening
        found = self._refused.get(memo)
        if found is None:
            tried = mask.copy()
            self._try(stack, scope, tried, self._risky[mask[self._risky]])
            found = np.flatnonzero(mask & ~tried).tolist()
            self._remember(memo, found)
        return found

    def _refuse_spelled(self, scope: Scope) -> list[int]:
        """Texts with an expression that may not stand at this place."""
        rule = self._scopes.rules[scope.node]
        if rule.where is None:
            return []
        memo = site(rule.where, scope.names), rule.gives, scope.opening
        found = self._refused.get(memo)
        if found is None:
            found = [
                number
                for number in self._spelled.tolist()
                if not self._scopes.spells(scope, self._vocabulary[number])
            ]
            self._remember(memo, found)
        return found

    def _remember(self, memo: tuple[object, ...], found: list[int]) -> None:
        if len(self._refused) >= _MAX_MEMO:
            self._refused.clear()
        self._refused[memo] = found

    def _try(
        self, stack: Stack, scope: Scope, mask: Mask, ids: NDArray[np.integer]
    ) -> None:
        """Remove the tokens among some that break a rule."""
        tried = ids.tolist()
        mask[tried] = False
        mask[self._walkable((stack, scope), tried)] = True

    def _walkable(self, position: Position, tokens: Iterable[int]) -> list[int]:
        """Those tokens that lead from a position to another.

        In the order of their symbols, so that equal beginnings are walked once.
        """
        found: list[int] = []
        positions: list[Position | None] = [position]
        before = ""
        for number in sorted(tokens, key=self._rank.__getitem__):
            symbols = self._vocabulary[number]
            shared = _shared(before, symbols)
            del positions[shared + 1 :]
            for symbol in symbols[shared:]:
                last = positions[-1]
                positions.append(last and self._scopes.step(*last, symbol))
            if positions[-1] is not None:
                found.append(number)
            before = symbols
        return found

    # -- watched texts -----------------------------------------------------------------

    def _watch(
        self, stack: Stack, scope: Scope, active: Active, mask: Mask, wide: Mask
    ) -> None:
        """Add the tokens that continue a watched text."""
        inside, beyond = self._following(active)
        mask[inside] = wide[inside]
        tried = [number for number in beyond if wide[number]]
        mask[self._walkable((stack, scope), tried)] = True

    def _following(self, active: Active) -> tuple[Ids, list[int]]:
        """Tokens that end inside a watched text, and those that may go beyond."""
        found = self._inside.get(active)
        if found is None:
            if len(self._inside) >= _MAX_MEMO:
                self._inside.clear()
            found = self._inside[active] = self._follow(active)
        return found

    def _follow(self, active: Active) -> tuple[Ids, list[int]]:
        read = self._scopes.read
        inside: list[int] = []
        beyond: list[int] = []
        waiting = [(0, active)]
        while waiting:
            node, state = waiting.pop()
            for symbol, child in self._children[node].items():
                if symbol == Control.END:
                    beyond += self._below(child)
                elif is_text(symbol):
                    moved = read(state, symbol)
                    if moved == CLOSED:
                        beyond += self._below(child)
                    elif moved is not None:
                        if self._ids[child] >= 0:
                            inside.append(self._ids[child])
                        waiting.append((child, moved))
        return np.array(inside, dtype=np.uint16), beyond

    def _below(self, node: int) -> list[int]:
        """All tokens that continue from a node of the trie."""
        found, waiting = [], [node]
        while waiting:
            node = waiting.pop()
            if self._ids[node] >= 0:
                found.append(self._ids[node])
            waiting += self._children[node].values()
        return found


def _shared(one: str, other: str) -> int:
    """Length of the common beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _depends_on_text(symbols: str, ids: set[str]) -> bool:
    """Whether a token, after the text that it ends, looks at the texts before.

    References do, expressions with the id of a step, and the ids of steps.
    """
    _, end, rest = symbols.partition(Control.END)
    looks = "${{" in rest or not (REFERENCES | ids).isdisjoint(rest)
    return bool(end) and looks
