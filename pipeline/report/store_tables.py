"""Tables for people: what `tct store` reports."""

from collections import Counter

from rich.console import RenderableType

from ...data.display.tables import facts_table
from ...data.store import Store
from ...data.store.verify import Verified
from .tables import Facts, split_rows

__all__ = ["info_table", "verified_table"]

_MAX_FILES = 5


def info_table(store: Store) -> RenderableType:
    """The content of a store, and the inputs, options and versions it was made with."""
    manifest, key = store.manifest, dict(store.manifest["key_inputs"])
    tokens, files = int(store.length.sum()), manifest["files"].values()
    size = sum(file["bytes"] for file in files)
    number, digest = key.pop("input_files"), key.pop("input_sha256")
    tokenizer, run = key.pop("tokenizer"), manifest["run"]
    facts = [
        ("documents", f"{len(store):,} with {tokens:,} tokens"),
        *split_rows(manifest),
        ("groups", f"{len(store.docs['group'].unique()):,}"),
        ("rejected", f"{sum(manifest['rejects'].values()):,}"),
        ("on disk", f"{size / 1e6:,.1f} MB in {len(files) + 1:,} files"),
        ("made from", f"{number:,} input files, sha256 {digest[:12]}"),
        *_file_rows(store),
        ("tokenizer", tokenizer[:16]),
        *((f"option {name}", f"{value}") for name, value in key.items()),
        ("created", run["created"]),
        *((f"made with {name}", version) for name, version in run["versions"].items()),
        ("digest", store.digest[:16]),
    ]
    return facts_table(store.arguments[0], facts)


def _file_rows(store: Store) -> Facts:
    """The input files with most documents; of a row or member, its file counts."""
    paths = store.docs["path"].to_pylist()
    files = Counter(path.partition("#")[0] for path in paths if "#" in path)
    ranked = sorted(files.items(), key=lambda item: (-item[1], item[0]))
    rows = [f"{count:,} documents of {name}" for name, count in ranked[:_MAX_FILES]]
    if alone := len(paths) - files.total():
        rows.append(f"{alone:,} documents that are files")
    if (more := len(files) - _MAX_FILES) > 0:
        rows.append(f"… and {more:,} other files")
    return [("", row) for row in rows]


def verified_table(found: Verified) -> RenderableType:
    """The checks that a store has passed."""
    decoded = f"{found.decoded:,} documents match their ids"
    facts = [
        ("files", f"{found.files:,} have the recorded sha256"),
        ("documents", f"{found.documents:,} fill the shards without gaps"),
        ("tokens", f"{found.tokens:,} are ids of the vocabulary"),
        ("decoded", decoded if found.decoded else "no (--decode)"),
    ]
    return facts_table(f"{found.store}: intact", facts)
