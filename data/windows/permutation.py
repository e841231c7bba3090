"""The order of an epoch: a keyed bijection of [0, n) with random access both ways.

Nothing is stored, so "window number i of epoch e" and its inverse, "when is this
window trained?", cost O(1) for any n.

Algorithm (version `ORDER_VERSION`; golden vectors in tests/data/test_permutation.py):
a generalised Feistel network over Z_a x Z_b with a*b >= n and a, b close to sqrt(n)
(Black and Rogaway, "Ciphers with arbitrary finite domains", 2002), eight rounds whose
round function is the splitmix64 finaliser (Steele et al., 2014).  Values that fall
outside [0, n) walk the cycle until they fall inside.  A domain below 128 values is too
small for a network to look random, so there a Fisher-Yates shuffle makes a table.
NumPy's own generators are not used: their streams may change between versions (NEP 19).
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ORDER_VERSION", "Permutation"]

ORDER_VERSION = "feistel-1"

_ROUNDS = 8
_TABLE_BELOW = 128
_GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)

U64 = NDArray[np.uint64]


class Permutation:
    """Bijection of [0, n) keyed by (seed, epoch)."""

    def __init__(self, n: int, *, seed: int, epoch: int) -> None:
        """Derive the round keys; O(1) in n.

        Args:
            n: size of the domain, at least 1.
            seed: key of the run, 0 <= seed < 2**64.
            epoch: number of the pass over the data, from 0.
        """
        if n < 1:
            raise ValueError(f"n: found {n}, expected at least 1")
        self.n = n
        self._rows = np.uint64(math.isqrt(n - 1) + 1)
        self._columns = np.uint64(-(-n // int(self._rows)))
        self._keys = _keys(seed, epoch)
        self._table = _shuffle(n, self._keys[0]) if n < _TABLE_BELOW else None

    def __call__(self, index: ArrayLike) -> NDArray[np.int64]:
        """Map indices; int64 array of the same length."""
        values = np.atleast_1d(np.asarray(index, dtype=np.int64))
        if self._table is not None:
            return self._table[values]
        return self._walk(values, forward=True)

    def inverse(self, value: ArrayLike) -> NDArray[np.int64]:
        """The index that maps to each value: ``inverse(permutation(i)) == i``."""
        values = np.atleast_1d(np.asarray(value, dtype=np.int64))
        if self._table is not None:
            return np.argsort(self._table)[values]
        return self._walk(values, forward=False)

    def _walk(self, values: NDArray[np.int64], *, forward: bool) -> NDArray[np.int64]:
        network = self._encrypt if forward else self._decrypt
        result = network(values.astype(np.uint64))
        outside = result >= np.uint64(self.n)
        while outside.any():
            result[outside] = network(result[outside])
            outside = result >= np.uint64(self.n)
        return result.astype(np.int64)

    def _encrypt(self, values: U64) -> U64:
        left, right = np.divmod(values, self._columns)
        for number, key in enumerate(self._keys):
            if number % 2:
                _add(right, _mix(left + key), self._columns)
            else:
                _add(left, _mix(right + key), self._rows)
        return left * self._columns + right

    def _decrypt(self, values: U64) -> U64:
        left, right = np.divmod(values, self._columns)
        for number, key in reversed(list(enumerate(self._keys))):
            if number % 2:
                _subtract(right, _mix(left + key), self._columns)
            else:
                _subtract(left, _mix(right + key), self._rows)
        return left * self._columns + right


def _mix(values: U64) -> U64:
    """The splitmix64 finaliser; wraps modulo 2**64 on purpose."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def _add(values: U64, shift: U64, modulus: np.uint64) -> None:
    """`values` + `shift` modulo `modulus`, in place; values are below it."""
    values += shift % modulus
    # Of sum and sum - modulus, the smaller is right: below 0 wraps to a large number.
    np.minimum(values, values - modulus, out=values)


def _subtract(values: U64, shift: U64, modulus: np.uint64) -> None:
    """`values` - `shift` modulo `modulus`, in place; values are below it."""
    _add(values, modulus - shift % modulus, modulus)


def _keys(seed: int, epoch: int) -> U64:
    # Arrays, not scalars: NumPy warns when a scalar overflows, and here it should.
    # seed and epoch are mixed apart: with seed + epoch, epoch 1 of seed 0 would be
    # epoch 0 of seed 1.
    key = _mix(np.array([seed], dtype=np.uint64)) + np.array([epoch], dtype=np.uint64)
    rounds = np.arange(1, _ROUNDS + 1, dtype=np.uint64) * _GOLDEN_GAMMA
    return _mix(_mix(key) + rounds)


def _shuffle(n: int, key: np.uint64) -> NDArray[np.int64]:
    """Fisher-Yates with one splitmix64 draw per position."""
    draws = _mix(np.arange(1, n + 1, dtype=np.uint64) * _GOLDEN_GAMMA + key)
    table = np.arange(n, dtype=np.int64)
    for last in range(n - 1, 0, -1):
        other = int(draws[last]) % (last + 1)
        table[last], table[other] = table[other], table[last]
    return table
