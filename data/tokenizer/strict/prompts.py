"""Follow the beginning of a document that people wrote.

Its whole texts may be in forms that are never generated; what they declare counts.
"""

import re

from ..masks.frames import Array, Stack, Value
from ..symbols import REFERENCES, STRUCTURE, Control, spell
from .scope import Position, Scope, Scopes

__all__ = ["follow"]

_TEXT = re.compile(f"[^{STRUCTURE}]*{Control.END}|[{''.join(sorted(REFERENCES))}]")


def follow(scopes: Scopes, position: Position, symbols: str) -> Position | None:
    """The position after some symbols.

    Returns:
        None if they have keys or values that are never generated.
    """
    current: Position | None = position
    at = 0
    while at < len(symbols) and current is not None:
        stack, scope = current
        whole = _TEXT.match(symbols, at)
        node = _text_node(scopes, stack) if whole else -1
        if whole is None or node < 0:
            current, at = scopes.step(stack, scope, symbols[at]), at + 1
            continue
        current, at = scopes.walk(current, whole[0]), whole.end()
        if current is None:
            current = _past(scopes, stack, scope, node, whole[0])
    return current


def _text_node(scopes: Scopes, stack: Stack) -> int:
    """The node of the value that comes next; -1 if it is none."""
    match stack.frame:
        case Value(node=node):
            return node
        case Array(node=node):
            return scopes.pushdown.grammar.nodes[node].items
    return -1


def _past(
    scopes: Scopes, stack: Stack, scope: Scope, node: int, symbols: str
) -> Position:
    """Leave a text that these rules would not have written."""
    if isinstance(stack.frame, Array):
        assert stack.parent is not None
        stack = scopes.pushdown.item(stack.frame, stack.parent) or stack
    assert stack.parent is not None
    if symbols in REFERENCES:
        return stack.parent, scope
    text = spell(symbols[:-1], errors="replace")
    return stack.parent, scopes.ended(scope._replace(node=node), text)
