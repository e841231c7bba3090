"""Documents that are nearly the same: MinHash over shingles of five words.

A signature is 128 numbers; the share of equal ones estimates the Jaccard similarity of
the texts' shingles (Broder, 1997) with a standard error of 0.04.  Signatures are near
if 90 are equal, 0.7: a pair that is 0.8 alike is missed twice in a thousand.

The search among signatures is exact.  The 38 other numbers cannot break all of 42 bands
of three, so two that are near agree in a band, and only such pairs are compared.  The
signatures are the library rensa's.
"""

import re
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.errors import ConfigError

__all__ = ["SIGNATURE_BYTES", "Signer", "near_rows", "signature_version"]

_NUMBERS = 128
_NEAR = 90
_BAND = 3
_SHINGLE = 5
_CHUNK = 1 << 14

SIGNATURE_BYTES = 4 * _NUMBERS
_WORD = re.compile(r"\w+")

Rows = NDArray[np.int64]


def signature_version() -> str:
    """What signatures are made by, and when two are near; part of the cache key.

    Raises:
        ConfigError: the library is not installed.
    """
    return f"rensa {_library().ALGORITHM_VERSION}, {_NEAR} of {_NUMBERS}"


def _library() -> Any:
    try:
        from rensa import RMinHash
    except ImportError as error:
        raise ConfigError(
            "--near-dup: the package rensa is not installed",
            "pip install 'tct-workflows[near-dup]'",
        ) from error
    return RMinHash


class Signer:
    """Makes signatures of texts."""

    def __init__(self) -> None:
        """Load the library.

        Raises:
            ConfigError: it is not installed.
        """
        self._sketch = _library()

    def sign(self, text: bytes) -> bytes:
        """The signature of a text; little-endian uint32."""
        words = _WORD.findall(text.decode("utf-8", "replace"))
        last = max(1, len(words) - _SHINGLE + 1)
        sketch = self._sketch(num_perm=_NUMBERS, seed=0)
        sketch.update([" ".join(words[at : at + _SHINGLE]) for at in range(last)])
        return np.array(sketch.digest(), dtype="<u4").tobytes()


def near_rows(signatures: pa.Array, ours: Rows, theirs: Rows) -> Rows:
    """For each of `ours` one of `theirs` that is near it, but not itself; else -1.

    Args:
        signatures: fixed-size binary of SIGNATURE_BYTES, none null.
        ours: rows of it.
        theirs: rows of it.
    """
    buffer = signatures.buffers()[1] or b""
    table = np.frombuffer(buffer, dtype="<u4").reshape(-1, _NUMBERS)
    table = table[signatures.offset : signatures.offset + len(signatures)]
    found = np.full(len(ours), -1)
    for start in range(0, _NUMBERS - _BAND + 1, _BAND):
        band = np.ascontiguousarray(table[:, start : start + _BAND])
        _, buckets = np.unique(band.view(f"V{4 * _BAND}"), return_inverse=True)
        buckets = buckets.ravel()
        order = theirs[np.argsort(buckets[theirs], kind="stable")]
        places = np.flatnonzero(found < 0)
        mine, others = buckets[ours[places]], buckets[order]
        at, end = (np.searchsorted(others, mine, side) for side in ("left", "right"))
        while len(places):  # each with the next of its bucket, until one is near
            more = at < end
            places, at, end = places[more], at[more], end[more]
            left, right = ours[places], order[at]
            near = (left != right) & _are_near(table, left, right)
            found[places[near]] = right[near]
            places, at, end = places[~near], at[~near] + 1, end[~near]
    return found


def _are_near(table: NDArray[np.uint32], left: Rows, right: Rows) -> NDArray[np.bool_]:
    near = np.empty(len(left), dtype=bool)
    for at in range(0, len(left), _CHUNK):
        here = slice(at, at + _CHUNK)
        equal = table[left[here]] == table[right[here]]
        near[here] = np.count_nonzero(equal, axis=1) >= _NEAR
    return near
