"""Find near-duplicates: MinHash over shingles of five words.

A signature is 128 numbers.  The share of equal numbers in two signatures estimates the
Jaccard similarity of the texts' shingles (Broder, 1997) with a standard error of 0.04.
Two signatures are near if at least 90 numbers are equal, a share of 0.7; that misses
two in a thousand pairs with a similarity of 0.8.

Comparing all pairs would be quadratic, so signatures are cut into 42 bands of three
numbers, and only pairs that agree in a whole band are compared.  That misses nothing:
near signatures differ in at most 38 numbers, which cannot touch all 42 bands.

The library rensa computes the signatures.
"""

import re
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data.errors import ConfigError

__all__ = ["SIGNATURE_BYTES", "Rows", "Signer", "near_rows", "signature_version"]

_NUMBERS = 128  # in a signature
_NEAR = 90  # equal numbers of signatures that are near
_BAND = 3  # numbers in a band
_SHINGLE = 5  # words
_CHUNK = 1 << 14  # pairs compared at a time: 16 MiB of signatures

SIGNATURE_BYTES = 4 * _NUMBERS
_WORD = re.compile(r"\w+")

Rows = NDArray[np.int64]
"""Rows of a table of inputs."""


def signature_version() -> str:
    """The algorithm and threshold, as the cache key records them.

    Raises:
        ConfigError: rensa is not installed.
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
    """Computes MinHash signatures."""

    def __init__(self) -> None:
        """Load the library.

        Raises:
            ConfigError: rensa is not installed.
        """
        self._sketch = _library()

    def sign(self, text: bytes) -> bytes:
        """The signature of a UTF-8 text: SIGNATURE_BYTES of little-endian uint32."""
        words = _WORD.findall(text.decode("utf-8", "replace"))
        last = max(1, len(words) - _SHINGLE + 1)
        sketch = self._sketch(num_perm=_NUMBERS, seed=0)
        sketch.update([" ".join(words[at : at + _SHINGLE]) for at in range(last)])
        return np.array(sketch.digest(), dtype="<u4").tobytes()


def near_rows(signatures: pa.Array, ours: Rows, theirs: Rows) -> Rows:
    """For each of `ours`, one of `theirs` that is near it and not itself, or -1.

    Args:
        signatures: fixed-size binary of SIGNATURE_BYTES, without nulls.
        ours: (n,) int64 rows of `signatures`.
        theirs: (m,) int64 rows of `signatures`.

    Returns:
        (n,) int64 rows of `signatures`.
    """
    buffer = signatures.buffers()[1] or b""
    table = np.frombuffer(buffer, dtype="<u4").reshape(-1, _NUMBERS)
    table = table[signatures.offset : signatures.offset + len(signatures)]
    found = np.full(len(ours), -1)
    for start in range(0, _NUMBERS - _BAND + 1, _BAND):
        band = np.ascontiguousarray(table[:, start : start + _BAND])
        # Rows that agree in this band share a bucket.
        _, buckets = np.unique(band.view(f"V{4 * _BAND}"), return_inverse=True)
        buckets = buckets.ravel()
        order = theirs[np.argsort(buckets[theirs], kind="stable")]
        # `theirs`, sorted by bucket: the candidates of each row are a slice of it.
        places = np.flatnonzero(found < 0)
        mine, others = buckets[ours[places]], buckets[order]
        at, end = (np.searchsorted(others, mine, side) for side in ("left", "right"))
        # Compare every row with its next candidate at once, and drop the rows that have
        # found one or run out of candidates.
        while len(places):
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
