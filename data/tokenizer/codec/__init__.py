"""Values to ids and back, losslessly.

    codec.py        both directions for one grammar
    encoder.py      value ─▶ symbols          lookup.py      tables that both share
    reader.py       symbols ─▶ value, fast    exact.py       every rule, and its errors
    decoder.py      ids ─▶ value              prefix.py      a partial document as text
    references.py   repeated texts as one symbol

The grammar has five interpreters; docs/adr/0005 says what holds them together.
"""

from .codec import Codec

__all__ = ["Codec"]
