"""Compile JSON Schema to a grammar.

    schema.py        merge alternatives by JSON type into the nodes of a grammar
      drafts.py        the shape of a schema, and all drafts in the words of draft-07
      pointers.py      JSON pointers, and the references that name them
      references.py    every reference as a JSON pointer
      bundle.py        the schemas of other files, put inside
      expansion.py     a schema as alternatives, with combinators multiplied out
        clauses.py       the alternatives and their algebra
        doubts.py        what a grammar cannot express, and encoding checks
      keywords.py      the plain keywords of an alternative
        languages/       sets of texts as automata
      arrays.py        the alternatives of an array
      objects.py       the alternatives of an object as branches
      checks.py        what encoding needs to check documents
      grammars/        finish a grammar: dead ends, tags, names

What is encoded without an escape, and what masks write, is never what the schema
forbids.  The compiler notes what it narrows or leaves to a check, and refuses what it
cannot read, with the JSON pointer.
"""

from .schema import CompiledSchema, compile_schema

__all__ = ["CompiledSchema", "compile_schema"]
