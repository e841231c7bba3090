"""Values to ids and back, losslessly.

    encoder.py      a value to symbols        lookup.py      which symbol a place offers
    reader.py       symbols to a value        decoder.py     ids to text as they come
    references.py   texts that come again     prefix.py      a partial document
    codec.py        all of it for one grammar

All five readers and writers of a grammar share its symbols; see docs/adr.
"""

from .codec import Codec

__all__ = [
    "Codec",
]
