"""TODO."""

from .export import (
    Exported,
    export,
)

__all__ = [
    "Exported",
    "export",
]
