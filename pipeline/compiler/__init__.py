"""JSON Schema to grammar.

    clauses.py     a schema as alternatives, its combinators multiplied out
    keywords.py    what the plain keywords of an alternative allow
    patterns.py    regular expressions as ECMAScript reads them
    numbers.py     bounds and lists of numbers as languages of their texts
    automata.py    languages of texts: sets, regions, deterministic automata
    schema.py      alternatives merged by JSON type into the nodes of a grammar
    simplify.py    dead ends and equal nodes removed

It never allows what the schema forbids; what it narrows it notes, and what it cannot
read it refuses, with the JSON pointer.
"""

from .clauses import SchemaError
from .schema import CompiledSchema, compile_schema

__all__ = ["CompiledSchema", "SchemaError", "compile_schema"]
