"""Tables for people: what a store holds, and what was proven of it."""

from collections import Counter
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table

from ...data.display.tables import facts_table
from ...data.store import SPLITS, Store
from ...data.store.verify import Verified

__all__ = ["info_table", "verified_table"]

_MAX_FILES = 5


def info_table(store: Store) -> RenderableType:
    """What is in a store, from which inputs, with which tokenizer."""
    manifest, table = store.manifest, facts_table(str(store.folder))
    key = dict(manifest["key_inputs"])
    tokens, sizes = int(store.length.sum()), manifest["files"].values()
    table.add_row("documents", f"{len(store):,} with {tokens:,} tokens")
    for split in SPLITS:
        part = manifest["splits"][split]
        counts = f"{part['documents']:,} documents, {part['tokens']:,} tokens"
        table.add_row(f"  {split}", counts)
    groups = len(store.docs["group"].unique())
    table.add_row("groups", f"{groups:,}")
    table.add_row("rejected", f"{sum(manifest['rejects'].values()):,}")
    size = sum(file["bytes"] for file in sizes)
    table.add_row("on disk", f"{size / 1e6:,.1f} MB in {len(sizes) + 1:,} files")
    number, digest = key.pop("input_files"), key.pop("input_sha256")
    table.add_row("made from", f"{number:,} input files, sha256 {digest[:12]}")
    _add_files(table, store)
    table.add_row("tokenizer", key.pop("tokenizer")[:16])
    for name, value in key.items():
        table.add_row(f"option {name}", f"{value}")
    table.add_row("created", manifest["run"]["created"])
    for package, version in manifest["run"]["versions"].items():
        table.add_row(f"made with {package}", version)
    table.add_row("digest", store.digest[:16])
    return table


def _add_files(table: Table, store: Store) -> None:
    """The files that give most documents: of a row or member, the file it is in."""
    paths = store.docs["path"].to_pylist()
    files = Counter(path.partition("#")[0] for path in paths if "#" in path)
    for name, count in sorted(files.items(), key=lambda f: (-f[1], f[0]))[:_MAX_FILES]:
        table.add_row("", f"{count:,} documents of {name}")
    if alone := len(paths) - files.total():
        table.add_row("", f"{alone:,} documents that are files")
    if (more := len(files) - _MAX_FILES) > 0:
        table.add_row("", f"… and {more:,} other files")


def verified_table(folder: Path, found: Verified) -> RenderableType:
    """What was proven of a store."""
    table = facts_table(f"{folder}: as it should be")
    table.add_row("files", f"{found.files:,} have the recorded sha256")
    table.add_row("documents", f"{found.documents:,} fill the shards without gaps")
    table.add_row("tokens", f"{found.tokens:,} are ids of the vocabulary")
    decoded = f"{found.decoded:,} documents are those of their ids"
    table.add_row("decoded", decoded if found.decoded else "no (--decode)")
    return table
