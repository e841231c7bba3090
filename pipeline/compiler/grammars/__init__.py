"""Finish a grammar.

simplify.py   remove dead ends, and merge equal nodes
tags.py       keys whose values tell the alternatives of an object apart
names.py      keys and listed values that are a symbol each, or spelled
"""

from .names import spelled_names
from .simplify import simplify
from .tags import with_tags

__all__ = ["simplify", "spelled_names", "with_tags"]
