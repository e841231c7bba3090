"""JSON Schema at run time: whether a value is valid.

    pointers.py    parts of a schema by JSON pointer
    validator.py   the keywords that restrict values, of drafts 4 to 2020-12

A grammar cannot express everything that a schema says.  What it leaves open is checked
here, whenever a document is encoded.
"""

from .pointers import quoted, resolve
from .validator import Validator

__all__ = ["Validator", "quoted", "resolve"]
