"""A short way to close a document from anywhere, under the rules."""

from collections.abc import Iterator

from ..grammar import Node
from ..masks.closing import Completer
from ..masks.frames import Array, Stack, Text, Value
from ..symbols import Control, byte_symbol
from .expressions import Expression
from .names import NOTHING
from .scope import Active, Scope, Scopes
from .words import site

__all__ = ["StrictCompleter", "closing"]


class StrictCompleter(Completer):
    """Completions that open an expression only where nothing else will do."""

    def __init__(self, scopes: Scopes) -> None:
        """Find the shortest value of every node."""
        self._scopes = scopes
        super().__init__(scopes.pushdown)

    def _candidates(self, number: int, node: Node) -> Iterator[str]:
        yield from super()._candidates(number, node)
        rule = self._scopes.rules[number]
        if node.text >= 0 and rule.where is not None and rule.role != "condition":
            at = site(rule.where, NOTHING)
            begun = Expression("template", at, "operand", rule.gives)
            yield "${{" + self._scopes.expressions.closing(begun) + Control.END

    def _end_of_text(self, number: int, state: int, pending: bytes) -> str:
        if pending:
            return super()._end_of_text(number, state, pending)
        text = self.grammar.automata[number].shortest_without("$", state)
        if text is None:
            raise KeyError(number)
        return text


def closing(scopes: Scopes, completer: Completer, stack: Stack, scope: Scope) -> str:
    """Symbols that lead from a position to the end of the document."""
    position, symbols = (stack, scope), ""
    while more := _next(scopes, *position):
        symbols += more
        found = scopes.walk(position, more)
        assert found is not None, (position, more)
        position = found
    return symbols + completer.closing(position[0])


def _next(scopes: Scopes, stack: Stack, scope: Scope) -> str:
    """Text on the way to the end; none if the grammar's own way will do."""
    if scope.node >= 0:
        return _end_of_text(scopes, stack, scope)
    frame = stack.frame
    if isinstance(frame, Array):
        if frame.items >= scopes.pushdown.grammar.nodes[frame.node].min_items:
            return ""
    elif not isinstance(frame, Value):
        return ""
    node = scopes.text_node(stack)
    active = scopes.begin(scope, node).active if node >= 0 else None
    return "" if active is None else _end_of_watched(scopes, active)


def _end_of_watched(scopes: Scopes, active: Active) -> str:
    """The rest of a text that the rules watch over."""
    if isinstance(active, Expression):
        end = "" if active.kind == "template" else Control.END
        return scopes.expressions.closing(active) + end
    if not active.is_new:
        name = min(n for n in active.names if n.startswith(active.text))
        return name[len(active.text) :] + Control.END
    text = active.text or "x"
    while text in active.names:
        text += "x"
    return text[len(active.text) :] + Control.END


def _end_of_text(scopes: Scopes, stack: Stack, scope: Scope) -> str:
    """The rest of the current text."""
    if scope.active is not None:
        return _end_of_watched(scopes, scope.active)
    frame = stack.frame
    assert isinstance(frame, Text)
    if frame.pending:
        return _byte(scopes, stack)
    automaton = scopes.pushdown.grammar.automata[frame.automaton]
    text = automaton.shortest_without("$", frame.state)
    if text is not None and not (scope.opening and text.startswith("{")):
        return text + Control.END
    return "${{"[scope.opening :]


def _byte(scopes: Scopes, stack: Stack) -> str:
    """A byte that continues an incomplete character."""
    for byte in range(0x80, 0xC0):
        if scopes.pushdown.step(stack, byte_symbol(byte)) is not None:
            return byte_symbol(byte)
    raise AssertionError("no character begins with these bytes")
