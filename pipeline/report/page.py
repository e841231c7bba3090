"""Show the summary of a store as a page of HTML."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from ...data.display import html as pages
from ...data.files import write_atomic
from ...data.store import Store
from ..prepare import PrepareReport
from .summary import insight
from .tables import duplicate_rows, prepare_table

__all__ = ["page", "show", "write_page"]


def write_page(path: Path, store: Path, found: dict[str, Any]) -> None:
    """Write the page atomically.

    Args:
        path: the page's.
        store: the store's folder, named in the title.
        found: the `insight` into the store.
    """
    text = page(store.name, found)
    write_atomic(path, lambda file: file.write(text.encode()))


def show(report: PrepareReport, path: Path | None) -> RenderableType | None:
    """Write the page, if `path` is given.

    Returns:
        The table for the terminal; None if the store was up to date.
    """
    if report.up_to_date and path is None:
        return None
    store = Store.open(report.store, verify="sizes")
    found = report.summary or insight(store)
    if path is not None:
        write_page(path, report.store, found)
    return None if report.up_to_date else prepare_table(report, store, found)


def page(name: str, found: dict[str, Any]) -> str:
    """The page as HTML."""
    sections = [
        pages.table(["", ""], _facts(found)),
        "<h2>Tokens per document</h2>",
        pages.bars(_length_bars(found["lengths"]["histogram"])),
        "<h2>Bytes per token, by top-level key</h2>",
        pages.bars(_compression_bars(found["compression"])),
        "<h2>Rejected inputs</h2>",
        *_rejects(found["rejects"]),
        "<h2>What breaks the schema</h2>",
        pages.table(
            ["documents", "what"],
            [(f"{v['documents']:,}", v["what"]) for v in found["violations"]],
        ),
    ]
    return pages.page(f"Store {name}", sections)


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    lengths, windows = found["lengths"], found["windows_per_epoch"]
    rows = [
        ("inputs", f"{found['inputs']:,}"),
        ("documents", f"{found['documents']:,}"),
    ]
    for split, part in found["splits"].items():
        rows.append(
            (split, f"{part['documents']:,} documents, {part['tokens']:,} tokens")
        )
    rows += [
        ("on schema", f"{found['on_schema']['share']:.1%} of documents"),
        (
            "tokens per document",
            f"{lengths['mean']:,.0f} mean, {lengths['median']:,.0f} median, "
            f"{lengths['p90']:,.0f} p90, {lengths['p99']:,.0f} p99, "
            f"{lengths['most']:,} max",
        ),
        *duplicate_rows(found["duplicates"]),
    ]
    if windows:
        count = f"{min(windows):,} to {max(windows):,}"
        rows.append(
            ("windows per epoch", f"{count} (train, {len(windows)} alignments)")
        )
    rows.append(("digest", found["store"]))
    return rows


def _length_bars(histogram: dict[str, int]) -> list[pages.Bar]:
    limits = list(histogram)
    while not histogram[limits[0]]:
        limits.pop(0)
    return [
        pages.Bar(f"up to {int(limit):,}", histogram[limit], f"{histogram[limit]:,}")
        for limit in limits
    ]


def _compression_bars(keys: Sequence[dict[str, Any]]) -> list[pages.Bar]:
    bars = []
    for key in keys:
        ratio = key["bytes"] / key["tokens"]
        counts = f"{key['bytes']:,} bytes, {key['tokens']:,.0f} tokens"
        bars.append(pages.Bar(key["key"], ratio, f"{ratio:.1f}  ({counts})"))
    return bars


def _rejects(rejects: Sequence[dict[str, Any]]) -> list[str]:
    if not rejects:
        return ["<p>None.</p>"]
    bars = [pages.Bar(r["reason"], r["count"], f"{r['count']:,}") for r in rejects]
    rows = [(r["reason"], r["example"], r["message"]) for r in rejects]
    return [pages.bars(bars), pages.table(["reason", "the first", "message"], rows)]
