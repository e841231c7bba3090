"""Windows of documents, their order, and batches of them.

    policies.py      how a document is cut: one object per policy
    plan.py          the windows of an epoch, by number
    permutation.py   their order, a keyed bijection
    streams.py       the windows of an epoch over several stores
    riffle.py        how they are dealt out, a bijection that keeps their order
    stages.py        the stages of a run: its weights and its context
    schedule.py      the epochs of a run, stage after stage
    layouts.py       where the windows of a step lie in memory
    gather.py        copy windows from the memory map
    batch.py         the windows of a step as arrays
    batches.py       batches by (epoch, step)

No list of windows exists: which one comes when is arithmetic.
"""

from ..geometry import CONTEXT, MAX_DOCUMENT_TOKENS, STRIDE
from .plan import WindowPlan, Windows
from .policies import POLICIES, Policy

__all__ = [
    "CONTEXT",
    "MAX_DOCUMENT_TOKENS",
    "POLICIES",
    "STRIDE",
    "Policy",
    "WindowPlan",
    "Windows",
]
