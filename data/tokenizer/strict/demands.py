"""What must hold of the texts before a token, so that its references may follow.

A token leads on by its symbols and the declared names alone, except for references,
which mean texts of the document.  So the walk is remembered, and only the texts that
its references mean are looked at anew.
"""

from typing import Literal, NamedTuple, TypeAlias

from ..masks.frames import Stack, Value
from ..symbols import REFERENCES, reference_number
from .names import History, Names, meant
from .scope import Scope, Scopes

__all__ = ["UNKNOWN", "Demands", "demands", "is_met"]


class Demand(NamedTuple):
    """A reference to a text that must be fit for its place."""

    node: int
    names: Names
    earlier: int
    """How many texts lie between, without those among the symbols."""
    oldest: str | None
    """The text that is meant if there is none before the symbols."""


UNKNOWN: Literal["unknown"] = "unknown"
"""A reference makes a name of the text: walk."""

Demands: TypeAlias = tuple[Demand, ...] | Literal["unknown"] | None


def demands(scopes: Scopes, stack: Stack, names: Names, symbols: str) -> Demands:
    """What must hold of the texts before, so that symbols may follow.

    Starts outside of texts.  None if they may not follow whatever those texts are.
    """
    found: list[Demand] = []
    scope = Scope(names)
    for symbol in symbols:
        if symbol in REFERENCES:
            stack = scopes.item(stack)
            moved = scopes.pushdown.step(stack, symbol)
            if moved is None or not isinstance(stack.frame, Value):
                return None
            role = scopes.rules[stack.frame.node].role
            if role == "axis-item":
                return None  # GitHub runs equal items of an axis twice
            if role in ("needs", "step-id"):
                return UNKNOWN
            node, names = stack.frame.node, scope.names
            own = scopes.texts(node, scope.history)
            earlier = reference_number(symbol) - len(own)
            if earlier >= 0:
                oldest = own[0] if own else None
                found.append(Demand(node, names, earlier, oldest))
            elif not scopes.accepts(node, names, own[-1 - reference_number(symbol)]):
                return None
            stack = moved
            continue
        position = scopes.step(stack, scope, symbol)
        if position is None:
            return None
        stack, scope = position
    return tuple(found)


def is_met(scopes: Scopes, history: History, demand: Demand) -> bool:
    """Whether the text that a reference means may stand where it does."""
    texts = scopes.texts(demand.node, history)
    text = meant(texts, demand.earlier) if texts else demand.oldest
    return text is not None and scopes.accepts(demand.node, demand.names, text)
