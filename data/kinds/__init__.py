"""Kinds of documents: all that is known of one beyond the text of its schema.

    kind.py        what a kind is, and a kind that is known by its schema alone
    workflow.py    GitHub Actions workflows
    record.py      a kind in a tokenizer.json

A tokenizer names its kind, so that all that reads one, a store, a run or an export,
knows which documents it has to do with.
"""

from .kind import Format, Kind, Rules, of_schema
from .record import KINDS, from_record, to_record
from .workflow import WORKFLOW

__all__ = [
    "KINDS",
    "WORKFLOW",
    "Format",
    "Kind",
    "Rules",
    "from_record",
    "of_schema",
    "to_record",
]
