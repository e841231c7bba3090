"""Summarize a store: the counts behind the table, the page and report.json.

The summary depends on the store alone, so equal stores have equal reports.  The
manifest does not list `report.json`: it can be made again at any time, and a store
without it is complete.
"""

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from ...data.documents.json_text import dump, quote
from ...data.records import write_record
from ...data.store import REJECTS_SCHEMA, Store
from ...data.store.files import REPORT_NAME, REPORT_VERSION, read_arrow
from ...data.tokenizer.findings import key_shares
from ...data.windows import CONTEXT, STRIDE, WindowPlan

__all__ = ["insight", "write_report"]

_SAMPLE = 100
_MAX_VIOLATIONS = 20


def write_report(store: Store) -> dict[str, Any]:
    """Write the `insight` into a store to report.json in its folder; return it."""
    found = insight(store)
    path = store.folder / REPORT_NAME
    write_record(path, found, name="report", version=REPORT_VERSION)
    return found


def insight(store: Store) -> dict[str, Any]:
    """The summary of a store, as JSON."""
    manifest, documents = store.manifest, len(store)
    rejects = _rejects(store)
    violations = list(manifest["violations"].items())[:_MAX_VIOLATIONS]
    return {
        "store": store.digest,
        "inputs": documents + sum(reject["count"] for reject in rejects),
        "documents": documents,
        "splits": manifest["splits"],
        "rejects": rejects,
        "duplicates": manifest["duplicates"],
        "on_schema": {
            "documents": manifest["on_schema"],
            "share": round(manifest["on_schema"] / documents, 6),
        },
        "violations": [{"what": w, "documents": count} for w, count in violations],
        "violation_kinds": len(manifest["violations"]),
        "lengths": _lengths(store),
        "windows_per_epoch": _windows(store),
        "compression": _compression(store),
    }


def _rejects(store: Store) -> list[dict[str, Any]]:
    """Reasons of rejects, the commonest first, each with its first input."""
    table = read_arrow(store.folder / "rejects.arrow", REJECTS_SCHEMA)
    reasons = table["reason"].to_pylist()
    counts = Counter(reasons)
    return [
        {
            "reason": reason,
            "count": counts[reason],
            "example": table["path"][row := reasons.index(reason)].as_py(),
            "message": table["message"][row].as_py(),
        }
        for reason in sorted(counts, key=lambda name: (-counts[name], name))
    ]


def _lengths(store: Store) -> dict[str, Any]:
    """The distribution of tokens per document."""
    median, p90, p99 = np.percentile(store.length, [50, 90, 99]).tolist()
    return {
        "mean": round(float(store.length.mean()), 1),
        "median": median,
        "p90": round(p90, 1),
        "p99": round(p99, 1),
        "most": int(store.length.max()),
        "up_to_context": store.manifest["up_to_context"],
        "histogram": store.manifest["length_histogram"],
    }


def _windows(store: Store) -> list[int]:
    """Number of windows of the train split in each alignment."""
    lengths = store.length[store.rows("train")]
    if not len(lengths):
        return []
    epochs = range(CONTEXT // STRIDE)
    return [WindowPlan(lengths, epoch=epoch).num_windows for epoch in epochs]


def _compression(store: Store) -> list[dict[str, Any]]:
    """Bytes and tokens by top-level key, in about _SAMPLE evenly spaced documents.

    A token that spans several keys counts for each in proportion to its symbols there.
    Keys that the schema does not name are counted together as `*`.
    """
    size, tokens = Counter[str](), defaultdict[str, float](float)
    for row in range(0, len(store), -(-len(store) // _SAMPLE)):
        ids = store.tokens(row)
        value = store.tokenizer.decode(ids)
        assert isinstance(value, dict)
        shares = key_shares(store.tokenizer, ids.tolist())
        for key, share in shares.items():
            tokens[key] += share
        for key, part in value.items():
            name = key if key in shares else "*"
            size[name] += len(f"{quote(key)}:{dump(part)},".encode())
    names = sorted(tokens, key=lambda name: (-size[name], name))
    return [
        {"key": name, "bytes": size[name], "tokens": round(tokens[name], 1)}
        for name in names
    ]
