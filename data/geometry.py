"""The geometry of windows, on which the store's format depends too."""

__all__ = ["CONTEXT", "MAX_DOCUMENT_TOKENS", "POSITIONS", "STRIDE"]

CONTEXT = 1024
"""C, most content tokens of a window."""

STRIDE = 32
"""s: windows begin at multiples of it."""

POSITIONS = 8192
"""Position tokens: start // STRIDE is written as a content id."""

MAX_DOCUMENT_TOKENS = POSITIONS * STRIDE
