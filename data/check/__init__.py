"""What GitHub refuses in a workflow, found at a line and column.

check.py         text → document → problems → findings with line and column
structure.py     keys, types and places of expressions, by GitHub's own schema
expressions.py   GitHub's expression language
facts.py         what jobs, steps and events must keep beyond that
problems.py      what a problem is, and the kinds of rules
sarif.py         findings for code scanning
"""

from .check import CHECK_VERSION, Finding, check_workflow, find_problem
from .sarif import to_sarif

__all__ = ["CHECK_VERSION", "Finding", "check_workflow", "find_problem", "to_sarif"]
