"""What encoded documents tell.

choices.py       which of the values that a schema lists they take
shares.py        how many tokens each top-level key takes
violations.py    where they break the schema
"""

from .choices import choices
from .shares import key_shares
from .violations import Violation, most_common, violations

__all__ = ["Violation", "choices", "key_shares", "most_common", "violations"]
