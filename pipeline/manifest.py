"""The rows of a store's tables and what its manifest says about them."""

import hashlib
import importlib.metadata
import platform
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.files import canonical_json
from ..data.store import SPLITS, STORE_FORMAT, STORE_VERSION, Split
from ..data.windows import CONTEXT
from .rejects import Reason

__all__ = ["Document", "Reject", "complete_manifest", "describe_store"]


@dataclass(slots=True)
class Document:
    """A row of docs.arrow, as far as it is known."""

    sha256: bytes
    path: str
    group: str
    split: Split
    n_bytes: int
    n_source_bytes: int
    shard: int = 0
    offset: int = 0
    length: int = 0
    on_schema: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """A row of rejects.arrow."""

    path: str
    sha256: bytes
    stage: str
    reason: Reason
    message: str


def complete_manifest(
    fixed: dict[str, Any], key_inputs: dict[str, Any], seconds: dict[str, float]
) -> dict[str, Any]:
    """Add what identifies the store; only the facts of this run are outside the digest.

    Args:
        fixed: what `describe_store` says, the files and the tokenizer.
        key_inputs: what the store was made from.
        seconds: wall time by stage.
    """
    content = {
        "format": STORE_FORMAT,
        "version": STORE_VERSION,
        "key": hashlib.sha256(canonical_json(key_inputs)).hexdigest(),
        "key_inputs": key_inputs,
        **fixed,
    }
    digest = hashlib.sha256(canonical_json(content)).hexdigest()
    return {**content, "digest": digest, "run": _run_facts(seconds)}


def describe_store(
    documents: Sequence[Document], rejects: Sequence[Reject]
) -> dict[str, Any]:
    """Counts of a store: by split, by length and by reason of rejection."""
    lengths = np.array([document.length for document in documents])
    # Powers of two: how many documents have up to 1, 2, 4, … tokens.
    exponents = np.ceil(np.log2(lengths)).astype(int)
    return {
        "splits": {
            split: {
                "documents": sum(d.split == split for d in documents),
                "tokens": sum(d.length for d in documents if d.split == split),
                "bytes": sum(d.n_bytes for d in documents if d.split == split),
            }
            for split in SPLITS
        },
        "on_schema": sum(document.on_schema for document in documents),
        "up_to_context": int((lengths <= CONTEXT).sum()),
        "length_histogram": {
            str(2**exponent): int((exponents == exponent).sum())
            for exponent in range(int(exponents.max()) + 1)
        },
        "rejects": dict(sorted(Counter(r.reason for r in rejects).items())),
    }


def _run_facts(seconds: dict[str, float]) -> dict[str, Any]:
    """What differs from run to run; outside the digest."""
    packages = ("tct-workflows", "numpy", "pyarrow", "pyyaml", "check-jsonschema")
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "versions": versions,
    }
