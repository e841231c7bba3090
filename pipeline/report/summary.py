"""What a store is like: counted once, shown as a table, as JSON and as a page.

Everything here follows from the store alone, so two equal stores have equal reports.
`report.json` lies in the store's folder, but the manifest does not list it: it can be
made again at any time, and a store without it is whole.
"""

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from ...data.documents.json_text import dump, quote
from ...data.records import write_record
from ...data.store import REJECTS_SCHEMA, Store
from ...data.store.files import REPORT_NAME, REPORT_VERSION, read_arrow
from ...data.tokenizer.shares import key_shares
from ...data.windows import CONTEXT, STRIDE, WindowPlan

__all__ = ["insight", "write_report"]

_SAMPLE = 100
_MAX_VIOLATIONS = 20


def write_report(store: Store) -> dict[str, Any]:
    """Count what `insight` says, and keep it beside the store's files."""
    found = insight(store)
    path = store.folder / REPORT_NAME
    write_record(path, found, name="report", version=REPORT_VERSION)
    return found


def insight(store: Store) -> dict[str, Any]:
    """Counts of a store, as JSON; a function of its content."""
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
    """Reasons, the commonest first, each with the first input that has it."""
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
    """Tokens of documents."""
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
    """Windows of each alignment of the train split under `plan`."""
    lengths = store.length[store.rows("train")]
    if not len(lengths):
        return []
    epochs = range(CONTEXT // STRIDE)
    return [WindowPlan(lengths, epoch=epoch).num_windows for epoch in epochs]


def _compression(store: Store) -> list[dict[str, Any]]:
    """Bytes and tokens by top-level key, in documents that are evenly spread.

    A token that several keys share counts for each by the symbols it has there; keys
    that the schema does not name are `*` together.
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
