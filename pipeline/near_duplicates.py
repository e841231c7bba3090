"""Documents that are nearly the same: MinHash over word 5-shingles, Jaccard ≥ 0.8.

A signature is 128 numbers; the share of equal ones estimates the Jaccard similarity of
the texts' shingles (Broder, 1997).  Signatures that agree in one of 32 bands of four
are compared, each with some others of its bucket, so a pair at the threshold is found
nearly always, not always.  The signatures are the library rensa's.
"""

import re
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.errors import ConfigError

__all__ = ["SIGNATURE_BYTES", "Signer", "near_pairs", "signature_version"]

_NUMBERS = 128
_BANDS = 32
_SHINGLE = 5
_THRESHOLD = 0.8
_NEIGHBOURS = 8  # of its bucket that a signature is compared with
_CHUNK = 1 << 16

SIGNATURE_BYTES = 4 * _NUMBERS
_WORD = re.compile(r"\w+")

Rows = NDArray[np.int64]


def signature_version() -> str:
    """What signatures are made by; part of the cache key.

    Raises:
        ConfigError: the library is not installed.
    """
    return f"rensa {_library().ALGORITHM_VERSION}"


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


def near_pairs(signatures: pa.Array) -> NDArray[np.int64]:
    """Pairs of signatures that are near, (pairs, 2), each once, the smaller one first.

    Args:
        signatures: fixed-size binary of SIGNATURE_BYTES, none null.
    """
    buffer = signatures.buffers()[1]
    table = np.frombuffer(buffer, dtype="<u4").reshape(-1, _NUMBERS)
    table = table[signatures.offset : signatures.offset + len(signatures)]
    bands = np.ascontiguousarray(table).view(f"V{SIGNATURE_BYTES // _BANDS}")
    found = [np.empty((0, 2), dtype=np.int64)]
    # An even mix, so that neighbours in a bucket are not all of one repository.
    mixed = np.random.default_rng(0).permutation(len(table))
    for band in bands.T:
        _, buckets = np.unique(band, return_inverse=True)
        order = mixed[np.argsort(buckets[mixed], kind="stable")]
        for step in range(1, min(_NEIGHBOURS, len(order) - 1) + 1):
            left, right = order[:-step], order[step:]
            same = buckets[left] == buckets[right]
            pairs = np.sort(np.column_stack((left[same], right[same])), axis=1)
            found.append(pairs[_are_near(table, pairs)])
        found = [np.unique(np.concatenate(found), axis=0)]
    return found[0]


def _are_near(table: NDArray[np.uint32], pairs: Rows) -> NDArray[np.bool_]:
    near = np.empty(len(pairs), dtype=bool)
    for start in range(0, len(pairs), _CHUNK):
        left, right = pairs[start : start + _CHUNK].T
        equal = (table[left] == table[right]).mean(axis=1)
        near[start : start + _CHUNK] = equal >= _THRESHOLD
    return near
