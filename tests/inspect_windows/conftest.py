"""A store whose lengths are all around the context."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tct.data.store import Store
from tct.tests.inspect_windows.command import LENGTHS


@pytest.fixture
def exact(build_store: Callable[..., Store]) -> Path:
    """A store of documents on both sides of the context."""
    documents = [np.arange(length, dtype=np.uint16) for length in LENGTHS]
    return build_store([*documents, documents[0]], val=[6]).folder
