"""Compile JSON Schema to a grammar.

    schema.py        merge alternatives by JSON type into the nodes of a grammar
      drafts.py        the shape of a schema, and all drafts in the words of draft-07
      pointers.py      JSON pointers, and the references that name them
      clauses.py       a schema as alternatives, with combinators multiplied out
      keywords.py      the plain keywords of an alternative
        patterns.py      regular expressions in ECMAScript's dialect
        numbers.py       bounds and lists of numbers as languages of their texts
        automata.py      languages of texts: sets, regions, deterministic automata
      simplify.py      remove dead ends, and merge equal nodes
      tags.py          keys whose values tell the alternatives of an object apart

The grammar never allows what the schema forbids.  The compiler notes what it narrows,
and refuses what it cannot read, with the JSON pointer.
"""

from .schema import CompiledSchema, compile_schema

__all__ = ["CompiledSchema", "compile_schema"]
