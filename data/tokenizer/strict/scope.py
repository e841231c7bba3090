"""Steps through a document under the rules that a stack cannot know.

A position is a stack of the narrowed grammar and a `Scope`: the names declared so far,
the texts that a reference could repeat, and where the current text stands.
"""

from typing import Literal, NamedTuple, TypeAlias

from ...rules.forms import MAX_ID
from ...rules.rule import Rule
from ..codec.references import MAX_TEXT, MIN_TEXT
from ..masks.frames import Array, Key, Stack, Value
from ..masks.pushdown import Pushdown
from ..symbols import (
    REFERENCES,
    Control,
    is_text,
    reference_number,
    spell,
)
from .expressions import CLOSED, Expression, Expressions, may_end
from .names import NOTHING, History, Names, meant, with_text
from .narrow import Narrowed
from .words import IDENTIFIER, site

__all__ = ["START", "Active", "Position", "Scope", "Scopes"]


class Name(NamedTuple):
    """A text that must be one of some names, or none of them."""

    text: str
    names: tuple[str, ...]
    is_new: bool = False
    """Whether it must differ from all of them."""


_OTHER = Name("?", (), is_new=True)

Active: TypeAlias = Expression | Name
"""The state of a text that the narrowed grammar alone does not decide."""


class Scope(NamedTuple):
    """What a position knows beside the stack."""

    names: Names = NOTHING
    history: History = ()
    node: int = -1
    """Node of the current text; -1 outside of one."""
    text: str = ""
    """So far, as symbols."""
    active: Active | None = None
    opening: int = 0
    """How many characters of `${{` end the text so far."""


START = Scope()

Position: TypeAlias = tuple[Stack, Scope]


class Scopes:
    """Steps from position to position."""

    def __init__(self, narrowed: Narrowed, pushdown: Pushdown) -> None:
        """Take the narrowed grammar and its automaton."""
        self.rules = narrowed.rules
        self.pushdown = pushdown
        self.expressions = Expressions()
        self._origins = narrowed.origins
        self._grammar = narrowed.grammar
        self._accepted: dict[tuple[int, Names, str], bool] = {}

    def walk(self, position: Position, symbols: str) -> Position | None:
        """The position after several symbols, or None."""
        current: Position | None = position
        for symbol in symbols:
            if current is None:
                return None
            current = self.step(*current, symbol)
        return current

    def step(self, stack: Stack, scope: Scope, symbol: str) -> Position | None:
        """The position after a symbol, or None if it is not allowed."""
        if scope.node >= 0:
            return self._in_text(stack, scope, symbol)
        match stack.frame:
            case Value():
                return self._value(stack.frame, stack, scope, symbol)
            case Array(node=node) if self._is_of_steps(node) and scope.names.step:
                scope = scope._replace(names=scope.names.after_step())
                return self.step(stack, scope, symbol)
            case Array() if symbol != Control.CLOSE_ARRAY:
                item = self.item(stack)
                if item is stack or not self._has_name(item, scope.names):
                    return None
                return self.step(item, scope, symbol)
            case Key() if symbol == Control.END:
                return self._declared(stack.frame, stack, scope)
        moved = self.pushdown.step(stack, symbol)
        if moved is None or not self._has_name(moved, scope.names):
            return None
        return moved, scope

    def _is_of_steps(self, node: int) -> bool:
        return self.rules[self._grammar.nodes[node].items].role == "step"

    # -- texts -------------------------------------------------------------------------

    def begin(self, scope: Scope, node: int) -> Scope:
        """Enter a text."""
        active = self._begun(self.rules[node], scope.names)
        return scope._replace(node=node, text="", active=active, opening=0)

    def after_text(self, stack: Stack) -> Stack:
        """Where the text ends that a stack is in, or that may begin there."""
        stack = self.item(stack)
        assert stack.parent is not None
        return stack.parent

    def item(self, stack: Stack) -> Stack:
        """In an array, the value that comes next, if one may."""
        if isinstance(stack.frame, Array):
            assert stack.parent is not None
            return self.pushdown.item(stack.frame, stack.parent) or stack
        return stack

    def text_node(self, stack: Stack) -> int:
        """The node of a text that may begin here; -1 if none may."""
        frame, node = stack.frame, -1
        if isinstance(frame, Array):
            node = self._grammar.nodes[frame.node].items
        elif isinstance(frame, Value):
            node = frame.node
        return node if node >= 0 and self._grammar.nodes[node].text >= 0 else -1

    def _begun(self, rule: Rule, names: Names) -> Active | None:
        match rule.role:
            case "condition":
                assert rule.where is not None
                at = site(rule.where, names)
                return Expression("bare", at, "open", "condition")
            case "needs":
                return Name("", names.could_need())
            case "step-id":
                return Name("", names.steps, is_new=True)
        return None

    def _has_name(self, stack: Stack, names: Names) -> bool:
        """Whether a value that must be a declared name can be one."""
        frame = stack.frame
        is_needs = isinstance(frame, Value) and self.rules[frame.node].role == "needs"
        return not is_needs or bool(names.could_need())

    def _in_text(self, stack: Stack, scope: Scope, symbol: str) -> Position | None:
        if symbol == Control.END and not self._may_end(scope.active):
            return None
        moved = self.pushdown.step(stack, symbol)
        if moved is None:
            return None
        if symbol == Control.END:
            return moved, self.ended(scope, spell(scope.text, errors="replace"))
        spelled = self._spelled(scope, symbol)
        return None if spelled is None else (moved, spelled)

    def spells(self, scope: Scope, text: str, *, is_ended: bool) -> Scope | None:
        """Continue a text, and leave it if it ends; the grammar is not asked."""
        current: Scope | None = scope
        for symbol in text:
            if current is None:
                return None
            current = self._spelled(current, symbol)
        if current is None or not is_ended:
            return current
        if not self._may_end(current.active):
            return None
        return self.ended(current, spell(current.text, errors="replace"))

    def _spelled(self, scope: Scope, symbol: str) -> Scope | None:
        """Continue the current text, as far as expressions and names allow it."""
        rule = self.rules[scope.node]
        active, opening = scope.active, 0
        if active is not None:
            found = self.read(active, symbol)
            if found is None:
                return None
            active = None if found == CLOSED else found
        elif rule.where is not None:
            opening = scope.opening + 1 if symbol == "${{"[scope.opening] else 0
            if symbol == "$":
                opening = 1
            if opening == 3:
                at, opening = site(rule.where, scope.names), 0
                active = Expression("template", at, "operand", rule.gives)
        text = scope.text + symbol
        return Scope(scope.names, scope.history, scope.node, text, active, opening)

    def read(self, active: Active, symbol: str) -> Active | Literal["closed"] | None:
        """The state of a watched text after a symbol."""
        if isinstance(active, Expression):
            return self.expressions.step(active, symbol)
        text = active.text + symbol
        if active.is_new:
            is_near = any(name.startswith(text) for name in active.names)
            if is_near and len(text) >= MAX_ID:
                return None  # no room is left to differ
            if symbol not in IDENTIFIER:
                return None
            # What no name begins with needs no memory.
            return active._replace(text=text) if is_near else _OTHER
        if any(name.startswith(text) for name in active.names):
            return active._replace(text=text)
        return None

    def _may_end(self, active: Active | None) -> bool:
        if active is None:
            return True
        if isinstance(active, Expression):
            return may_end(active)
        return (active.text in active.names) != active.is_new

    # -- values ------------------------------------------------------------------------

    def _value(
        self, frame: Value, stack: Stack, scope: Scope, symbol: str
    ) -> Position | None:
        rule = self.rules[frame.node]
        if symbol in REFERENCES:
            texts = self.texts(frame.node, scope.history)
            moved = self.pushdown.step(stack, symbol)
            if moved is None or not texts or rule.role == "axis-item":
                return None  # GitHub runs equal items of an axis twice
            text = meant(texts, reference_number(symbol))
            if not self.accepts(frame.node, scope.names, text):
                return None
            ended = self.ended(scope._replace(node=frame.node), text)
            return moved, ended._replace(history=scope.history)
        if is_text(symbol) or symbol == Control.END:
            return self._in_text(stack, self.begin(scope, frame.node), symbol)
        moved = self.pushdown.step(stack, symbol)
        if moved is None:
            return None
        if symbol in (Control.OBJECT, Control.ARRAY) and rule.role in (
            "axis-item",
            "included-value",
        ):
            scope = scope._replace(names=scope.names.without_axis())
        return moved, scope

    def accepts(self, node: int, names: Names, text: str) -> bool:
        """Whether a whole text may stand at a node."""
        key = node, names, text
        found = self._accepted.get(key)
        if found is None:
            if len(self._accepted) >= 1 << 16:
                self._accepted.clear()
            start = self.pushdown.push(Value(node, in_array=False), self.pushdown.end)
            # Characters of more than one byte read like bytes, or are dead alike.
            position = self.walk((start, START._replace(names=names)), text)
            ended = position and self.step(*position, Control.END)
            found = self._accepted[key] = ended is not None
        return found

    def texts(self, node: int, history: History) -> tuple[str, ...]:
        """What references can mean, the last one last."""
        return dict(history).get(self._origins[node], ())

    # -- what a text or key means ------------------------------------------------------

    def ended(self, scope: Scope, text: str) -> Scope:
        """Leave a text."""
        names, history = scope.names, scope.history
        match self.rules[scope.node].role:
            case "step-id":
                names = names._replace(step=text)
            case "needs":
                names = names._replace(needs=(*names.needs, text))
        if MIN_TEXT <= len(text) <= MAX_TEXT:
            history = with_text(history, self._origins[scope.node], text)
        return Scope(names=names, history=history)

    def _declared(self, frame: Key, stack: Stack, scope: Scope) -> Position | None:
        """Leave a free key."""
        moved = self.pushdown.step(stack, Control.END)
        if moved is None:
            return None
        names, text = scope.names, frame.text
        match self.rules[frame.node].role:
            case "jobs":
                names = names.with_job(text)
            case "job-outputs":
                names = names.with_output(text)
            case "axes" | "included":
                names = names.with_axis(text)
            case "call-inputs" | "dispatch-inputs":
                names = names._replace(inputs=(*names.inputs, text))
            case "call-secrets":
                names = names._replace(secrets=(*(names.secrets or ()), text))
        return moved, scope._replace(names=names)
