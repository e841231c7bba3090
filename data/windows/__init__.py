"""Windows of documents, their order, and batches of them.

    plan.py          which windows an epoch has; five policies
    permutation.py   their order, a keyed bijection
    layouts.py       how a step's windows lie in memory
    gather.py        copy windows from the memory map
    batches.py       batches by (epoch, step)

No list of windows exists: which comes when is arithmetic.
"""

from .plan import (
    CONTEXT,
    MAX_DOCUMENT_TOKENS,
    POLICIES,
    STRIDE,
    Policy,
    WindowPlan,
    Windows,
)

__all__ = [
    "CONTEXT",
    "MAX_DOCUMENT_TOKENS",
    "POLICIES",
    "STRIDE",
    "Policy",
    "WindowPlan",
    "Windows",
]
