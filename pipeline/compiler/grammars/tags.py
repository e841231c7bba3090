"""Find the keys that tell the alternatives of an object apart.

    anyOf: [{kind: "Pod", spec: A}, {kind: "Job", spec: B}]

Once `kind` is read, one alternative is left, and `spec` has one meaning.  Where no key
tells, a symbol does: such a node has choices.
"""

from dataclasses import replace
from itertools import combinations

from ....data.tokenizer.grammar import Grammar, Node
from ....data.tokenizer.nodes import differ

__all__ = ["with_tags"]


def with_tags(grammar: Grammar) -> Grammar:
    """Mark keys as tags whose values are words in all branches, not the same in all.

    Nodes whose branches still differ about a key are marked as having choices.
    """
    nodes = list(grammar.nodes)
    for number, node in enumerate(grammar.nodes):
        tags = []
        for key in sorted(grammar.known_keys(number)):
            found = {b.properties[key] for b in node.branches if key in b.properties}
            words = [_words(nodes[child]) for child in sorted(found)]
            if len(found) > 1 and all(words):
                union = Node(literals=frozenset().union(*words))
                if union not in nodes:
                    nodes.append(union)
                tags.append((key, nodes.index(union)))
        names = {key for key, _ in tags}
        has_choices = any(
            differ(a, b, names) for a, b in combinations(node.branches, 2)
        )
        nodes[number] = replace(node, tags=tuple(tags), has_choices=has_choices)
    return replace(grammar, nodes=tuple(nodes))


def _words(node: Node) -> frozenset[str]:
    """The values of a node that only allows words; none for another node."""
    return node.literals if node == Node(literals=node.literals) else frozenset()
