"""Git repositories: workflows read from the objects, with no checkout.

repository.py   versions of workflows, each a record
process.py      git itself, run so that a stranger's repository runs nothing
"""

from .process import is_repository
from .repository import read_repository, state

__all__ = ["is_repository", "read_repository", "state"]
