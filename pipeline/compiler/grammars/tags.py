"""Find the keys that tell the alternatives of an object apart.

    anyOf: [{kind: "Pod", spec: A}, {kind: "Job", spec: B}]

Once `kind` is read, one alternative is left, and `spec` has one meaning.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

from ....data.tokenizer.grammar import Branch, Grammar, Node

__all__ = ["disagreements", "with_tags"]


def with_tags(grammar: Grammar) -> Grammar:
    """Mark keys as tags whose values are words in all branches, not the same in all."""
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
        nodes[number] = replace(node, tags=tuple(tags))
    return replace(grammar, nodes=tuple(nodes))


def _words(node: Node) -> frozenset[str]:
    """The values of a node that only allows words; none for another node."""
    return node.literals if node == Node(literals=node.literals) else frozenset()


def disagreements(grammar: Grammar) -> Iterator[tuple[int, str]]:
    """Find keys for which the branches of a node differ, so that the first decides.

    Yields:
        A node, and what it narrows; nothing twice.
    """
    for number, node in enumerate(grammar.nodes):
        found: dict[tuple[str | None, str | None], None] = {}
        for a, b in itertools.combinations(node.branches, 2):
            tag = _separator(grammar, number, a, b)
            shared = sorted(a.properties.keys() & b.properties.keys())
            found |= {
                (key, tag): None
                for key in shared
                if a.properties[key] != b.properties[key]
                and grammar.tag(number, key) is None
            }
            free = zip(a.free, b.free, strict=True)
            if any(x != y for x, y in free if min(x, y) >= 0):
                found[None, tag] = None
        for key, tag in found:
            about = "free keys" if key is None else f"the key {key!r}"
            unless = "" if tag is None else f"unless {tag!r} comes before, "
            yield (
                number,
                f"alternatives differ about {about}; {unless}the first that allows it "
                "decides",
            )


def _separator(grammar: Grammar, number: int, a: Branch, b: Branch) -> str | None:
    """A tag that no value leaves both branches after, if there is one."""
    for key, _ in grammar.nodes[number].tags:
        if key in a.required & b.required:
            words = grammar.nodes[a.properties[key]].literals
            if not words & grammar.nodes[b.properties[key]].literals:
                return key
    return None
