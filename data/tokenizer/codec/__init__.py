"""TODO."""

from .codec import (
    Codec,
)

__all__ = [
    "Codec",
]
