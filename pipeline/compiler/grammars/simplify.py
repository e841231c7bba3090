"""Simplify a grammar: remove dead ends and unused parts, merge equal nodes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ....data.errors import SchemaError
from ....data.tokenizer.grammar import NO_AUTOMATON, NO_NODE, Branch, Grammar, Node

__all__ = ["simplify"]


def simplify(grammar: Grammar) -> Grammar:
    """Make an equivalent grammar whose nodes have values and whose branches matter.

    Raises:
        SchemaError: the root has no value.
    """
    productive = _productive(grammar.nodes)
    if grammar.root not in productive:
        raise SchemaError("no value satisfies the schema")
    nodes = [_pruned(node, productive, grammar.any) for node in grammar.nodes]
    classes = _equal_nodes(nodes)
    first = {colour: number for number, colour in reversed([*enumerate(classes)])}
    representative = [first[colour] for colour in classes]
    nodes = [_renumbered(node, representative) for node in nodes]
    nodes = [replace(node, branches=_needed(node.branches)) for node in nodes]
    return _reachable(
        replace(
            grammar,
            nodes=tuple(nodes),
            root=representative[grammar.root],
            any=representative[grammar.any],
        )
    )


def _productive(nodes: tuple[Node, ...]) -> set[int]:
    """The nodes that have a finite value, by fixed-point iteration from none."""
    productive: set[int] = set()
    while True:
        found = {
            number
            for number, node in enumerate(nodes)
            if node.has_scalar
            or (node.items >= 0 and (not node.min_items or node.items in productive))
            or any(_branch_is_productive(b, productive) for b in node.branches)
        }
        if found == productive:
            return productive
        productive = found


def _branch_is_productive(branch: Branch, productive: set[int]) -> bool:
    keys = {key for key, child in branch.properties.items() if child in productive}
    enough = len(keys) >= branch.min_properties or any(
        child in productive for child in branch.free
    )
    return branch.required <= keys and enough


def _pruned(node: Node, productive: set[int], any_node: int) -> Node:
    branches = tuple(
        replace(
            branch,
            properties={k: c for k, c in branch.properties.items() if c in productive},
            free=tuple(c if c in productive else NO_NODE for c in branch.free),
        )
        for branch in node.branches
        if _branch_is_productive(branch, productive)
    )
    if not any(child >= 0 for branch in branches for child in branch.free):
        branches = tuple(replace(branch, free=()) for branch in branches)
        node = replace(node, keys=NO_AUTOMATON)
    node = replace(node, branches=branches)
    if node.items in productive or node.items < 0:
        return node
    if node.min_items:
        return replace(node, items=NO_NODE, min_items=0, max_items=None)
    return replace(node, items=any_node, max_items=0)


def _equal_nodes(nodes: list[Node]) -> list[int]:
    """Number nodes by class; nodes of one class allow the same values.

    As in the minimization of automata, all nodes begin in one class, and classes are
    split until the nodes of each have the same signature.
    """
    classes = [0] * len(nodes)
    while True:
        numbers: dict[Any, int] = {}
        refined = [
            numbers.setdefault((old, _signature(node, classes)), len(numbers))
            for old, node in zip(classes, nodes, strict=True)
        ]
        if refined == classes:
            return classes
        classes = refined


def _signature(node: Node, classes: list[int]) -> Any:
    renumbered = _renumbered(node, classes)
    branches = tuple(
        (
            tuple(sorted(branch.properties.items())),
            branch.free,
            branch.required,
            branch.min_properties,
            branch.max_properties,
            branch.is_checked,
            branch.safe_keys,
        )
        for branch in renumbered.branches
    )
    return replace(renumbered, branches=()), branches


def _renumbered(node: Node, number: list[int] | dict[int, int]) -> Node:
    branches = tuple(
        replace(
            branch,
            properties={k: number[c] for k, c in branch.properties.items()},
            free=tuple(number[c] if c >= 0 else NO_NODE for c in branch.free),
        )
        for branch in node.branches
    )
    items = number[node.items] if node.items >= 0 else NO_NODE
    return replace(node, branches=branches, items=items)


def _needed(branches: tuple[Branch, ...]) -> tuple[Branch, ...]:
    """Drop branches that another branch covers; of equal ones the first stays."""
    kept: list[Branch] = []
    for branch in branches:
        if not any(_covers(other, branch) for other in kept):
            kept = [other for other in kept if not _covers(branch, other)]
            kept.append(branch)
    return tuple(kept)


def _covers(wide: Branch, narrow: Branch) -> bool:
    wide_most = float("inf") if wide.max_properties is None else wide.max_properties
    most = float("inf") if narrow.max_properties is None else narrow.max_properties
    return (
        narrow.properties.items() <= wide.properties.items()
        and all(a in (NO_NODE, b) for a, b in zip(narrow.free, wide.free, strict=True))
        and wide.required <= narrow.required
        and wide.min_properties <= narrow.min_properties
        and most <= wide_most
        and (not wide.is_checked or narrow.is_checked)
        and (not wide.is_checked or wide.safe_keys == narrow.safe_keys)
    )


def _reachable(grammar: Grammar) -> Grammar:
    """Keep the nodes reachable from the root and from the node of all values."""
    order = list(dict.fromkeys((grammar.root, grammar.any)))
    for number in order:  # grows while it is read
        for child in _children(grammar.nodes[number]):
            if child not in order:
                order.append(child)
    numbers = {old: new for new, old in enumerate(order)}
    nodes = [_renumbered(grammar.nodes[old], numbers) for old in order]
    used = sorted({a for n in nodes for a in _automata(n) if a >= 0})
    automata = {old: new for new, old in enumerate(used)} | {NO_AUTOMATON: NO_AUTOMATON}
    literals = {
        word
        for node in nodes
        for word in (*node.literals, *(k for b in node.branches for k in b.properties))
    }
    return Grammar(
        nodes=tuple(
            replace(
                node,
                number=automata[node.number],
                text=automata[node.text],
                keys=automata[node.keys],
                safe_number=automata[node.safe_number],
                safe_text=automata[node.safe_text],
            )
            for node in nodes
        ),
        automata=tuple(grammar.automata[old] for old in used),
        root=numbers[grammar.root],
        any=numbers[grammar.any],
        literals=tuple(sorted(literals)),
    )


def _automata(node: Node) -> tuple[int, ...]:
    return node.number, node.text, node.keys, node.safe_number, node.safe_text


def _children(node: Node) -> Iterator[int]:
    if node.items >= 0:
        yield node.items
    for branch in node.branches:
        yield from branch.properties.values()
        yield from (child for child in branch.free if child >= 0)
