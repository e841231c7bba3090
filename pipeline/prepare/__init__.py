"""TODO."""

from .prepare import (
    PrepareOptions,
    PrepareReport,
    prepare,
)

__all__ = [
    "PrepareOptions",
    "PrepareReport",
    "prepare",
]
