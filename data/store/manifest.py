"""Compose the manifest of a store."""

import hashlib
import importlib.metadata
import platform
import time
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from ..files import canonical_json
from ..geometry import CONTEXT
from .files import STORE_FORMAT, STORE_VERSION, store_digest
from .store import SPLITS

__all__ = ["complete_manifest", "describe_store"]


def complete_manifest(
    fixed: dict[str, Any], key_inputs: dict[str, Any], run: dict[str, Any]
) -> dict[str, Any]:
    """Add format, key and digest; the digest covers all but the facts of this run.

    Args:
        fixed: the counts of `describe_store`, the files and the tokenizer.
        key_inputs: inputs and options the store was made from.
        run: facts of this run, such as wall time by stage.
    """
    content = {
        "format": STORE_FORMAT,
        "version": STORE_VERSION,
        "key": hashlib.sha256(canonical_json(key_inputs)).hexdigest(),
        "key_inputs": key_inputs,
        **fixed,
    }
    return {**content, "digest": store_digest(content), "run": {**run, **_run_facts()}}


def describe_store(docs: pa.Table, rejects: pa.Table) -> dict[str, Any]:
    """Count documents by split, by length and by reason of rejection.

    Args:
        docs: DOCS_SCHEMA.
        rejects: REJECTS_SCHEMA.
    """
    lengths = docs["length"].to_numpy()
    n_bytes = docs["n_bytes"].to_numpy()
    split = np.array(docs["split"].to_pylist())
    # By powers of two: documents of up to 1, 2, 4, … tokens.
    exponents = np.ceil(np.log2(lengths)).astype(int)
    return {
        "splits": {
            name: {
                "documents": int((split == name).sum()),
                "tokens": int(lengths[split == name].sum()),
                "bytes": int(n_bytes[split == name].sum()),
            }
            for name in SPLITS
        },
        "on_schema": sum(docs["on_schema"].to_pylist()),
        "up_to_context": int((lengths <= CONTEXT).sum()),
        "length_histogram": {
            str(2**exponent): int((exponents == exponent).sum())
            for exponent in range(int(exponents.max()) + 1)
        },
        "rejects": dict(sorted(Counter(rejects["reason"].to_pylist()).items())),
    }


def _run_facts() -> dict[str, Any]:
    """Facts that differ from run to run."""
    packages = ("tct-workflows", "numpy", "pyarrow", "pyyaml", "check-jsonschema")
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": versions,
    }
