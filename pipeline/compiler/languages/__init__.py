"""Sets of texts as finite automata.

automata.py   set algebra, regions of keys, deterministic tables
patterns.py   regular expressions in ECMAScript's dialect
numbers.py    bounds, multiples and lists of numbers
"""
