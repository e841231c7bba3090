"""The part of a grammar that masks allow.

Some nodes allow more values than the schema, and encoding checks those.  Masks cannot
check, so their grammar leaves them out.  Both read the same symbols: nodes keep their
numbers, and of a node with choices branches keep their order: those that are not
written still decide where they are the first.
"""

from dataclasses import replace

from ..grammar import NO_AUTOMATON, NO_NODE, Branch, Grammar, Node

__all__ = ["writable"]


def writable(grammar: Grammar) -> Grammar:
    """The same grammar without what is only checked; itself if nothing is."""
    if not any(node.checked for node in grammar.nodes):
        return grammar
    nodes = [_unchecked(node) for node in grammar.nodes]
    while True:
        alive = _productive(nodes)
        pruned = [_pruned(node, alive) for node in nodes]
        if pruned == nodes:
            break
        nodes = pruned
    return replace(
        grammar,
        nodes=tuple(
            _finished(node, wide)
            for node, wide in zip(nodes, grammar.nodes, strict=True)
        ),
    )


def _unchecked(node: Node) -> Node:
    """What a node may write, children aside."""
    if "number" in node.checked:
        node = replace(node, number=node.safe_number)
    if "string" in node.checked:
        node = replace(node, text=node.safe_text)
    if "array" in node.checked and node.items >= 0:
        most = node.safe_items
        if node.max_items is not None:
            most = min(most, node.max_items)
        node = replace(node, max_items=most)
        if most < node.min_items or most < 0:
            node = replace(node, items=NO_NODE, max_items=None, min_items=0)
    return replace(node, branches=tuple(_safe(node, b) for b in node.branches))


def _safe(node: Node, branch: Branch) -> Branch:
    if not branch.is_checked:
        return branch
    keys = branch.safe_keys
    if keys is None or node.has_choices:
        return replace(branch, is_written=False)
    properties = {k: child for k, child in branch.properties.items() if k in keys}
    free = (NO_NODE,) * len(branch.free)
    return replace(branch, properties=properties, free=free)


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
        or any(_can_close(branch, productive) for branch in node.branches)
    )


def _can_close(branch: Branch, productive: set[int]) -> bool:
    keys = {key for key, child in branch.properties.items() if child in productive}
    enough = len(keys) >= branch.min_properties or any(
        child in productive for child in branch.free
    )
    return branch.is_written and branch.required <= keys and enough


def _pruned(node: Node, productive: set[int]) -> Node:
    """Remove dead ends; where branches decide, only mark them (see `Grammar.enter`)."""
    branches = []
    for branch in node.branches:
        is_written = _can_close(branch, productive)
        if not node.has_choices:
            known = branch.properties.items()
            branch = replace(
                branch,
                properties={k: child for k, child in known if child in productive},
                free=tuple(n if n in productive else NO_NODE for n in branch.free),
            )
        branches.append(replace(branch, is_written=is_written))
    node = replace(node, branches=tuple(branches))
    if node.items < 0 or node.items in productive:
        return node
    if node.min_items:
        return replace(node, items=NO_NODE, min_items=0, max_items=None)
    return replace(node, max_items=0)


def _finished(node: Node, wide: Node) -> Node:
    branches = tuple(branch for branch in node.branches if branch.is_written)
    if branches and node.has_choices:
        branches = node.branches
    keys = node.keys
    if not any(child >= 0 for branch in branches for child in branch.free):
        branches = tuple(replace(branch, free=()) for branch in branches)
        keys = NO_AUTOMATON
    node = replace(node, branches=branches, keys=keys, checked=frozenset())
    one_type = (node.only_object, node.only_array)
    if one_type != (wide.only_object, wide.only_array):
        node = replace(node, is_tagged=True)
    return node
