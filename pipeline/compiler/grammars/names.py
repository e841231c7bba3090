"""Choose the names that are a symbol each; the others are spelled.

Names are keys and listed values.  The alphabet has 256 symbols for them, and some
schemas have more: then a listed value is one of the texts of its place, and a key one
of its free keys, with a label of its own.  Neither changes which documents fit.
"""

from collections import Counter

from ....data.errors import SchemaError
from ....data.tokenizer.grammar import Grammar
from ....data.tokenizer.symbols import MAX_LITERALS

__all__ = ["spelled_names"]


def spelled_names(grammar: Grammar) -> frozenset[str]:
    """The names of a grammar that have to be spelled.

    Required keys, keys of objects that need several, and keys and values that tell
    alternatives apart are never spelled.
    Of the others, keys come before values, and what has more places before what has
    fewer; at last, what is nearer to the root.

    Raises:
        SchemaError: too many names cannot be spelled.
    """
    needed: set[str] = set()
    keys: Counter[str] = Counter()
    values: Counter[str] = Counter()
    for node in grammar.nodes:  # from the root down
        values.update(sorted(node.literals))
        for key, union in node.tags:
            needed |= {key} | grammar.nodes[union].literals
        for branch in node.branches:
            keys.update(branch.properties.keys())
            needed |= branch.required
            if branch.min_properties > 1:  # masks do not count how many are left
                needed |= branch.properties.keys()
    if len(needed) > MAX_LITERALS:
        raise SchemaError(
            f"{len(needed):,} names that cannot be spelled, since they are required or "
            f"tell alternatives apart; at most {MAX_LITERALS}"
        )
    nearest = {name: i for i, name in enumerate([*keys, *values])}
    order = sorted(
        grammar.literals,
        key=lambda name: (
            name not in needed,
            -keys[name],
            -values[name],
            nearest[name],
        ),
    )
    return frozenset(order[MAX_LITERALS:])
