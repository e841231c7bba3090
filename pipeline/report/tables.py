"""Tables for people: what was prepared, learnt and measured."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.table import Table

from ...data.display.screen import Screen
from ...data.display.tables import facts_table
from ...data.store import SPLITS, Store
from ...data.tokenizer import VOCAB_SIZE, TracedToken
from ...data.tokenizer.violations import most_common
from ...data.windows import CONTEXT
from ..prepare import PrepareReport
from ..vocabulary.stats import TokenizerStats
from ..vocabulary.train import Training

__all__ = [
    "duplicate_rows",
    "prepare_table",
    "print_table",
    "stats_table",
    "tokens_table",
    "training_table",
]

_MAX_VIOLATIONS = 5
_MAX_NAMES = 6
_BAR = 24  # characters of the longest bar


def prepare_table(
    report: PrepareReport, store: Store, found: dict[str, Any]
) -> RenderableType:
    """The summary of `tct prepare`.

    Args:
        report: what it did.
        store: what it made.
        found: the `insight` into it.
    """
    manifest = report.manifest
    splits: dict[str, dict[str, int]] = manifest["splits"]
    documents, tokens, size = (
        sum(split[name] for split in splits.values())
        for name in ("documents", "tokens", "bytes")
    )
    rejects: dict[str, int] = manifest["rejects"]
    table = facts_table(f"{report.store}")
    table.add_row("inputs", f"{documents + sum(rejects.values()):,}")
    table.add_row("documents", f"{documents:,}")
    for split in SPLITS:
        part = splits[split]
        counts = f"{part['documents']:,} documents, {part['tokens']:,} tokens"
        table.add_row(f"  {split}", counts)
    table.add_row("rejected", f"{sum(rejects.values()):,}")
    _add_rejects(table, found["rejects"])
    for row in duplicate_rows(manifest["duplicates"]):
        table.add_row(*row)
    table.add_row("on schema", f"{manifest['on_schema'] / documents:.1%} of documents")
    _add_violations(table, manifest["violations"])
    table.add_row("tokens", f"{tokens:,}")
    _add_lengths(table, found["lengths"])
    table.add_row("bytes per token", f"{size / tokens:.2f} of canonical JSON")
    share = manifest["up_to_context"] / documents
    table.add_row(f"up to {CONTEXT:,} tokens", f"{share:.1%} of documents")
    table.add_row("windows per epoch", _windows_per_epoch(found["windows_per_epoch"]))
    table.add_row("tokenizer", store.tokenizer.digest[:12])
    run = manifest["run"]
    if run["reused"]:
        known, new = f"{run['reused']:,}", f"{run['tokenized']:,}"
        table.add_row("from the old store", f"{known} documents, {new} tokenized")
    for stage, seconds in report.seconds.items():
        table.add_row(f"time: {stage}", f"{seconds:.1f} s")
    return table


def _add_rejects(table: Table, rejects: Iterable[Mapping[str, Any]]) -> None:
    """Why inputs are not in the store, with the first of each kind."""
    for reject in rejects:
        example = f"{reject['count']:,}, such as {reject['example']}"
        table.add_row(f"  {reject['reason']}", example)


def duplicate_rows(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """What came again, inside and across splits; see `Selection.duplicates`."""
    inside, across = counts["exact_inside_splits"], counts["exact_across_splits"]
    rows = []
    if inside or across:
        text = f"{inside:,} inside splits, {across:,} across; none is in the store"
        rows.append(("exact duplicates", text))
    if "near_inside_splits" in counts:
        inside, across = counts["near_inside_splits"], counts["near_across_splits"]
        text = f"{inside:,} inside splits; {across:,} across, not in the store"
        rows.append(("near duplicates", text))
    return rows


def _add_lengths(table: Table, lengths: Mapping[str, Any]) -> None:
    """Documents by length, in powers of two, from the first that there are."""
    mean, median, longest = (lengths[name] for name in ("mean", "median", "most"))
    facts = f"{mean:,.0f} mean, {median:,.0f} median, {longest:,} most"
    table.add_row("tokens per document", facts)
    histogram: dict[str, int] = lengths["histogram"]
    most = max(histogram.values())
    shown = list(histogram)
    while shown and not histogram[shown[0]]:
        shown.pop(0)
    for limit in shown:
        count = histogram[limit]
        bar = "█" * round(_BAR * count / most) or "▏" * bool(count)
        table.add_row(f"  up to {int(limit):,}", f"{bar} {count:,}".strip())


def _add_violations(table: Table, violations: Mapping[str, int]) -> None:
    """The commonest violations, with the number of documents that have them."""
    for violation, count in most_common(Counter(violations), _MAX_VIOLATIONS):
        table.add_row("  breaks it", f"{count:,}  {violation}")
    more = len(violations) - _MAX_VIOLATIONS
    if more > 0:
        table.add_row("", f"… and {more:,} other kinds")


def training_table(training: Training, output: Path) -> RenderableType:
    """The summary of `tct tokenizer train`."""
    table = facts_table(f"{output}")
    table.add_row("inputs", f"{training.inputs:,}, {training.rejected:,} no documents")
    learnt = f"{training.documents:,} documents of {training.groups:,} repositories"
    table.add_row("learnt from", learnt)
    used = len(training.tokenizer.vocabulary)
    table.add_row("ids", f"{used:,} of {VOCAB_SIZE:,} used")
    table.add_row("digest", training.tokenizer.digest)
    return table


def stats_table(stats: TokenizerStats) -> RenderableType:
    """The summary of `tct tokenizer stats`."""
    documents, tokens = len(stats.lengths), sum(stats.lengths)
    median, p90, p99 = np.percentile(stats.lengths, [50, 90, 99])
    table = facts_table("")
    table.add_row("inputs", f"{stats.inputs:,}")
    table.add_row("documents", f"{documents:,}")
    table.add_row("lossless", f"{stats.lossless / documents:.2%} of documents")
    table.add_row("on schema", f"{stats.on_schema / documents:.1%} of documents")
    _add_violations(table, stats.violations)
    table.add_row("tokens", f"{tokens:,}")
    table.add_row(
        "tokens per document",
        f"{tokens / documents:,.0f} mean, {median:,.0f} median, {p90:,.0f} p90, "
        f"{p99:,.0f} p99, {max(stats.lengths):,} most",
    )
    table.add_row("bytes per token", f"{stats.bytes / tokens:.2f} of canonical JSON")
    share = sum(size <= CONTEXT for size in stats.lengths) / documents
    table.add_row(f"up to {CONTEXT:,} tokens", f"{share:.1%} of documents")
    kinds = (f"{count / tokens:.0%} {kind}" for kind, count in stats.kinds.items())
    table.add_row("tokens hold", ", ".join(kinds))
    table.add_row("ids used", f"{(stats.uses > 0).sum():,} of {VOCAB_SIZE:,}")
    table.add_row("encode", f"{documents / stats.encode_seconds:,.0f} documents/s")
    table.add_row("decode", f"{documents / stats.decode_seconds:,.0f} documents/s")
    return table


def tokens_table(steps: Iterable[TracedToken]) -> RenderableType:
    """The tokens of a document, one per line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("id", justify="right")
    table.add_column("token", overflow="fold")
    table.add_column("then at", overflow="fold")
    table.add_column("allowed", overflow="fold")
    for step in steps:
        table.add_row(
            f"{step.position}",
            f"{step.id}",
            step.text,
            step.path,
            _allowed(step),
        )
    return table


def _allowed(step: TracedToken) -> str:
    if step.num_allowed is None:
        return "off the schema"
    names = ", ".join(step.allowed[:_MAX_NAMES])
    more = ", …" if len(step.allowed) > _MAX_NAMES else ""
    return f"{step.num_allowed:,}: {names}{more}"


def _windows_per_epoch(counts: list[int]) -> str:
    if not counts:
        return "none: the train split is empty"
    return f"{min(counts):,} to {max(counts):,} (train, over {len(counts)} alignments)"


def print_table(renderable: Any) -> None:
    """Print to stdout; as plain text where it is no terminal."""
    Screen().print(renderable)
