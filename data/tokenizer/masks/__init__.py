"""TODO."""

from .masks import (
    Masks,
)

__all__ = [
    "Masks",
]
