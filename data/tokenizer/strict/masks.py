"""Which tokens keep both the grammar and GitHub's rules.

The grammar's mask is narrowed: the text of a token is judged by its place, what follows
the text by the names declared so far, and references by the texts they mean.  Each is
remembered apart, since texts change with every token and names rarely do.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from ..masks.frames import Object, Stack
from ..masks.masks import Masks
from ..symbols import REFERENCES, Control, is_text
from .demands import UNKNOWN, Demands, demands, is_met
from .names import Names
from .scope import Position, Scope, Scopes
from .watched import Watched
from .words import site

__all__ = ["StrictMasks"]

Mask = NDArray[np.bool_]
Ids = NDArray[np.uint16]

_MAX_MEMO = 1 << 14
_MAX_DEMANDS = 1 << 17
_CLOSING = {Control.CLOSE_OBJECT, Control.CLOSE_ARRAY}
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
        words = scopes.pushdown.words.items()
        watched = {symbol for symbol, word in words if word in _WATCHED_KEYS}
        risky = [
            number
            for number, symbols in vocabulary.items()
            if "${{" in symbols or not watched.union(REFERENCES).isdisjoint(symbols)
        ]
        referring = {n for n in risky if not REFERENCES.isdisjoint(vocabulary[n])}
        self._referring: Ids = np.array(sorted(referring), dtype=np.uint16)
        """Risky tokens with references: the texts before decide."""
        spelled = {n for n in risky if all(map(is_text, vocabulary[n]))}
        others = {*risky} - spelled - referring
        self._risky: Ids = np.array(sorted(others), dtype=np.uint16)
        """Risky tokens beside them that are more than text: the names decide."""
        leaves = {n for n in others if not _CLOSING.isdisjoint(vocabulary[n])}
        self._inner: Ids = np.array(sorted(others - leaves), dtype=np.uint16)
        """Those that stay inside of the object where they begin."""
        self._outer: Ids = np.array(sorted(leaves), dtype=np.uint16)
        ids = {symbol for symbol, word in words if word == "id"}
        late = [n for n, s in vocabulary.items() if _depends_on_text(s, ids)]
        self._late: Ids = np.array(late, dtype=np.uint16)
        """Tokens that end a text, and then depend on it."""
        self._refused: dict[tuple[object, ...], list[int]] = {}
        self._split = {n: _split(symbols) for n, symbols in vocabulary.items()}
        self._expressive = [
            number
            for number, (text, _, _) in self._split.items()
            if "${{" in text or text.startswith("{")
        ]
        """Tokens whose text, up to its end, may begin an expression."""
        self._declaring = [n for n in sorted(others - {*late}) if self._split[n][2]]
        """Those of them that end a text and do not look at it."""
        self._demands: dict[tuple[Stack, Names, str], Demands] = {}
        begin = [
            n for n, s in vocabulary.items() if is_text(s[0]) or s[0] == Control.END
        ]
        self._begins_text = np.zeros(masks.size, dtype=np.bool_)
        self._begins_text[begin] = True
        self._watched = Watched(scopes, vocabulary)
        self._known: OrderedDict[tuple[object, ...], Mask] = OrderedDict()

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
            mask[late] = [self._continues(stack, scope, n) for n in late.tolist()]
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
        node = self._scopes.text_node(stack) if scope.node < 0 else scope.node
        begun = self._scopes.begin(scope, node) if scope.node < 0 <= node else scope
        if begun.active is not None:
            if scope.node >= 0:
                mask[:] = False
            else:
                # A value may be something else than a text, too.
                tried = np.flatnonzero(mask & ~self._begins_text)
                mask &= ~self._begins_text
                self._try(stack, scope, mask, tried)
            self._watch(stack, begun, mask, wide)
        elif node >= 0:
            mask[self._refuse_spelled(begun)] = False
        if begun.active is None and node >= 0:
            mask[self._refuse_declared(stack, scope)] = False
        if scope.node >= 0:
            mask[self._late] = wide[self._late]
        elif begun.active is None:
            self._begin(stack, begun, mask)
        return mask

    def _begin(self, stack: Stack, scope: Scope, mask: Mask) -> None:
        """Outside of texts, remove the tokens that the texts or names before rule out.

        `scope` is that of the text, if one may begin.
        """
        outside = mask.copy()
        if scope.node >= 0:
            outside &= ~self._begins_text
            late = self._late[mask[self._late]]
            mask[late] = [self._continues(stack, scope, n) for n in late.tolist()]
            scope = scope._replace(node=-1)
        mask[self._refuse_risky(stack, scope, outside)] = False
        tried = self._referring[outside[self._referring]]
        mask[tried] = [
            self._leads(stack, scope, self._vocabulary[n]) for n in tried.tolist()
        ]

    def _continues(self, stack: Stack, scope: Scope, number: int) -> bool:
        """Whether a token that the grammar allows in a text breaks no rule."""
        text, is_ended, rest = self._split[number]
        after = self._scopes.spells(scope, text, is_ended=is_ended)
        if after is None or not rest:
            return after is not None
        return self._leads(self._scopes.after_text(stack), after, rest)

    def _leads(self, stack: Stack, scope: Scope, symbols: str) -> bool:
        """Whether symbols lead from a position outside of texts to another."""
        memo = stack, scope.names, symbols
        if memo not in self._demands:
            if len(self._demands) >= _MAX_DEMANDS:
                self._demands.clear()
            self._demands[memo] = demands(self._scopes, stack, scope.names, symbols)
        found = self._demands[memo]
        if found is None:
            return False
        if found == UNKNOWN:
            return self._scopes.walk((stack, scope), symbols) is not None
        return all(is_met(self._scopes, scope.history, demand) for demand in found)

    def _refuse_declared(self, stack: Stack, scope: Scope) -> list[int]:
        """Tokens that end the current text, and then break a rule on names."""
        outside = self._scopes.after_text(stack)
        memo = "declared", outside, scope.names
        found = self._refused.get(memo)
        if found is None:
            after = Scope(scope.names)
            found = [
                number
                for number in self._declaring
                if not self._leads(outside, after, self._split[number][2])
            ]
            self._remember(memo, found)
        return found

    def _refuse_risky(self, stack: Stack, scope: Scope, mask: Mask) -> list[int]:
        """Tokens outside of texts that the names declared so far rule out."""
        frame, risky, refused = stack.frame, self._risky, list[int]()
        if isinstance(frame, Object):
            # What stays in an object depends on neither its earlier keys nor on where
            # the object stands; the grammar's mask sees to that.
            pushdown = self._scopes.pushdown
            frame = frame._replace(seen=frozenset())
            alone = pushdown.push(frame, pushdown.end)
            refused = self._refuse(alone, scope.names, self._inner)
            risky = self._outer
        return refused + self._refuse(stack, scope.names, risky[mask[risky]])

    def _refuse(self, stack: Stack, names: Names, ids: Ids) -> list[int]:
        memo = "names", stack, names
        found = self._refused.get(memo)
        if found is None:
            tried = ids.tolist()
            position = stack, Scope(names)
            found = list({*tried}.difference(self._walkable(position, tried)))
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
            found = []
            for number in self._expressive:
                text, is_ended, _ = self._split[number]
                if self._scopes.spells(scope, text, is_ended=is_ended) is None:
                    found.append(number)
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

    def _watch(self, stack: Stack, scope: Scope, mask: Mask, wide: Mask) -> None:
        """Add the tokens that continue a watched text."""
        assert scope.active is not None
        inside, beyond = self._watched.following(scope.active)
        mask[inside] = wide[inside]
        for number in beyond:
            if wide[number] and self._continues(stack, scope, number):
                mask[number] = True


def _shared(one: str, other: str) -> int:
    """Length of the common beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _split(symbols: str) -> tuple[str, bool, str]:
    """The text at the beginning of a token, whether it ends there, and what follows."""
    text, end, rest = symbols.partition(Control.END)
    return text, bool(end), rest


def _depends_on_text(symbols: str, ids: set[str]) -> bool:
    """Whether a token, after the text that it ends, looks at the texts before.

    References do, expressions with the id of a step, and the ids of steps.
    """
    _, end, rest = symbols.partition(Control.END)
    looks = "${{" in rest or not (REFERENCES | ids).isdisjoint(rest)
    return bool(end) and looks
