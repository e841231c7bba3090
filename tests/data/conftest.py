"""A store that is small enough to read window by window."""

from collections.abc import Callable

import numpy as np
import pytest

from tct.data.store import Store
from tct.tests.data.slow_batches import LENGTHS, VAL

BuildStore = Callable[..., Store]

MADE: list[Store] = []


@pytest.fixture
def small(build_store: BuildStore) -> Store:
    """Sixteen documents in seven shards; three of them for validation.

    Made once, since files are slow to write and nothing changes a store.
    """
    if not MADE:
        draw = np.random.default_rng(0)
        documents = [draw.integers(0, 8192, size).astype("<u2") for size in LENGTHS]
        MADE.append(build_store(documents, val=VAL, max_tokens=330))
        assert len(MADE[0].shards) == 7
    return MADE[0]
