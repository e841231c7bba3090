"""The compiled core: the inner loops of preparing, in C.

    core.c   read_yaml.h   text → value
             encode.h      value → token ids
             decode.h      token ids → value

Python is the reference: each loop answers as Python would or returns None, and then
Python does the work.  Without a compiler, or with TCT_NATIVE=0, `core` is None and
everything gives the same bytes, only slower.
"""

import os
from importlib import import_module
from types import ModuleType

__all__ = ["core"]


def _load() -> ModuleType | None:
    if os.environ.get("TCT_NATIVE") == "0":
        return None
    try:
        return import_module("._core", __name__)
    except ImportError:
        return None


core = _load()
"""The compiled module, or None."""
