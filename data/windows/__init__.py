"""TODO."""

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
