"""Narrow a grammar to what GitHub's rules leave of it.

A node of the narrowed grammar is a node of the wider one together with the rule of a
place.  Literals and type tags stay as they are, so both grammars read the same symbols.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ...rules.places import WORKFLOW
from ...rules.rule import Rule
from ..dfa import Automaton
from ..grammar import NO_AUTOMATON, NO_NODE, Branch, Grammar, Node
from .languages import common, form

__all__ = ["Narrowed", "narrow"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Narrowed:
    """A grammar, and what its nodes come from."""

    grammar: Grammar
    rules: tuple[Rule, ...]
    """By node."""
    origins: tuple[int, ...]
    """By node: its number in the wider grammar."""


def narrow(grammar: Grammar, rule: Rule = WORKFLOW) -> Narrowed:
    """Keep what a rule allows.

    Raises:
        ValueError: nothing is left.
    """
    work = _Work(grammar)
    root = work.node(grammar.root, rule)
    nodes = _without_dead_ends(work.nodes)
    if not _has_value(nodes[root], _productive(nodes)):
        raise ValueError("no workflow of this schema keeps GitHub's rules")
    return Narrowed(
        grammar=Grammar(
            nodes=tuple(nodes),
            automata=tuple(work.automata),
            root=root,
            any=root,  # only escapes use it
            literals=grammar.literals,
        ),
        rules=tuple(rule for _, rule in work.origins),
        origins=tuple(number for number, _ in work.origins),
    )


@dataclass
class _Work:
    """A narrowed grammar in the making."""

    wide: Grammar
    nodes: list[Node] = field(default_factory=list)
    automata: list[Automaton] = field(default_factory=list)
    origins: list[tuple[int, Rule]] = field(default_factory=list)
    _known: dict[tuple[int, Rule], int] = field(default_factory=dict)
    _common: dict[tuple[int, str], int] = field(default_factory=dict)

    def node(self, number: int, rule: Rule) -> int:
        """The node of the values of a wider node that keep a rule."""
        if number < 0:
            return NO_NODE
        key = number, rule
        if key not in self._known:
            self._known[key] = len(self.nodes)
            self.origins.append(key)
            self.nodes.append(Node())  # a placeholder, so that recursion ends
            self.nodes[self._known[key]] = self._narrowed(self.wide.nodes[number], rule)
        return self._known[key]

    def _narrowed(self, wide: Node, rule: Rule) -> Node:
        scalars = rule.scalars.split()
        number = wide.number if "number" in scalars else NO_AUTOMATON
        node = Node(
            null=wide.null and "null" in scalars,
            true=wide.true and "true" in scalars,
            false=wide.false and "false" in scalars,
            number=self._automaton(number, rule.number),
            literals=wide.literals
            if rule.words is None
            else wide.literals & rule.words,
            text=self._automaton(wide.text, rule.text) if rule.text else NO_AUTOMATON,
            items=self.node(wide.items, rule.item()) if rule.lists else NO_NODE,
            min_items=wide.min_items,
            max_items=wide.max_items,
            keys=self._automaton(wide.keys, rule.keys) if rule.keys else NO_AUTOMATON,
        )
        branches = tuple(self._branches(wide, node.keys, rule))
        node = replace(node, branches=branches)
        one_type = (node.only_object, node.only_array)
        return replace(node, is_tagged=one_type != (wide.only_object, wide.only_array))

    def _branches(self, wide: Node, keys: int, rule: Rule) -> Iterator[Branch]:
        for branch in wide.branches if rule.objects else ():
            known = branch.properties.keys() - rule.drop
            required = branch.required | rule.required
            for key in branch.required & rule.with_key.keys():
                needed, unwanted = rule.with_key[key]
                known, required = known - unwanted, required | needed
            if required <= known:
                free = tuple(
                    self.node(child, rule.child(None)) if keys >= 0 else NO_NODE
                    for child in branch.free
                )
                yield Branch(
                    properties={
                        key: self.node(child, rule.child(key))
                        for key, child in branch.properties.items()
                        if key in known
                    },
                    free=free,
                    required=required,
                    min_properties=max(branch.min_properties, rule.least),
                    max_properties=branch.max_properties,
                )

    def _automaton(self, number: int, name: str | None) -> int:
        """The automaton of the texts of a wider one that have a form."""
        if number < 0:
            return NO_AUTOMATON
        key = number, name or ""
        if key not in self._common:
            wide = self.wide.automata[number]
            found = wide if name is None else common(wide, form(name))
            if found is None:
                self._common[key] = NO_AUTOMATON
            else:
                if found not in self.automata:
                    self.automata.append(found)
                self._common[key] = self.automata.index(found)
        return self._common[key]


# -- dead ends -------------------------------------------------------------------------


def _without_dead_ends(nodes: list[Node]) -> list[Node]:
    """Remove keys and items that have no value."""
    productive = _productive(nodes)
    return [_pruned(node, productive) for node in nodes]


def _pruned(node: Node, productive: set[int]) -> Node:
    branches = tuple(
        replace(
            branch,
            properties={k: c for k, c in branch.properties.items() if c in productive},
            free=tuple(c if c in productive else NO_NODE for c in branch.free),
        )
        for branch in node.branches
        if _is_productive(branch, productive)
    )
    if not any(child >= 0 for branch in branches for child in branch.free):
        branches = tuple(replace(branch, free=()) for branch in branches)
        node = replace(node, keys=NO_AUTOMATON)
    if node.items not in productive:
        node = replace(node, items=NO_NODE)
    return replace(node, branches=branches)


def _productive(nodes: list[Node]) -> set[int]:
    """The nodes that have a value, by fixed-point iteration from none."""
    productive: set[int] = set()
    while True:
        found = {n for n, node in enumerate(nodes) if _has_value(node, productive)}
        if found == productive:
            return productive
        productive = found


def _has_value(node: Node, productive: set[int]) -> bool:
    return (
        node.has_scalar
        or (node.items >= 0 and (not node.min_items or node.items in productive))
        or any(_is_productive(branch, productive) for branch in node.branches)
    )


def _is_productive(branch: Branch, productive: set[int]) -> bool:
    keys = {key for key, child in branch.properties.items() if child in productive}
    enough = len(keys) >= branch.min_properties or any(
        child in productive for child in branch.free
    )
    return branch.required <= keys and enough
