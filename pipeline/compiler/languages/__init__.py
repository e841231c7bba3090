"""Sets of texts as finite automata.

algebra.py    products and minimal forms of automata
automata.py   sets of strings, regions of keys, deterministic tables
nfa.py        regular expressions to automata
patterns.py   regular expressions in ECMAScript's dialect
numbers.py    bounds, multiples and lists of numbers
"""
