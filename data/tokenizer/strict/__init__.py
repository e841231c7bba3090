"""Masks that also keep GitHub's rules (`data/rules/`).

    narrow.py        the grammar without what the rules forbid
    languages.py     forms as automata, and their intersection
    names.py         the names that a document has declared so far
    expressions.py   expressions, character by character
    scope.py         what a position knows beside the stack
    masks.py         the ids that may follow under both

Ids, codec and stores know nothing of it: the narrowed grammar reads the same symbols.
"""
