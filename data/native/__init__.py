"""The compiled core: the inner loops of preparing, in C.

    core.c   read_yaml.h, yaml_scalars.h   text → value
             json_text.h                   value → canonical JSON
             codec.h   encode.h            value → token ids
                       decode.h            token ids → value
                         grammar.h, segment.h

Python is the reference: each loop answers as Python would or returns NotImplemented,
and then Python does the work.  Without a compiler, or with TCT_NATIVE=0, `core` is None
and everything gives the same bytes, only slower.  docs/native.md lists the invariants.
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
