"""Tables for people: what `tct prepare` and `tct tokenizer` report."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from rich.console import RenderableType
from rich.table import Table

from ...data.display.screen import Screen
from ...data.display.tables import facts_table
from ...data.kinds import WORKFLOW
from ...data.store import SPLITS, Store
from ...data.tokenizer import VOCAB_SIZE, TracedToken
from ...data.tokenizer.findings import most_common
from ...data.windows import CONTEXT
from ..prepare import PrepareReport
from ..vocabulary.stats import TokenizerStats
from ..vocabulary.train import Training

__all__ = [
    "Facts",
    "duplicate_rows",
    "prepare_table",
    "print_table",
    "split_rows",
    "stats_table",
    "tokens_table",
    "training_table",
]

Facts: TypeAlias = list[tuple[str, str]]
"""Rows of a name and a value."""

_MAX_VIOLATIONS = 5
_MAX_NAMES = 6
_MAX_NOTES = 5
_BAR = 24  # characters of the longest bar


def print_table(renderable: Any) -> None:
    """Print to stdout; as plain text unless it is a terminal."""
    Screen().print(renderable)


# -- tct prepare -----------------------------------------------------------------------


def prepare_table(
    report: PrepareReport, store: Store, found: dict[str, Any]
) -> RenderableType:
    """The summary of `tct prepare`.

    Args:
        report: of the run.
        store: the store that it made.
        found: the `insight` into the store.
    """
    manifest, run = report.manifest, report.manifest["run"]
    documents, tokens, size = (
        sum(split[name] for split in manifest["splits"].values())
        for name in ("documents", "tokens", "bytes")
    )
    rejected = sum(manifest["rejects"].values())
    facts = [
        ("inputs", f"{documents + rejected:,}"),
        ("documents", f"{documents:,}"),
        *split_rows(manifest),
        ("rejected", f"{rejected:,}"),
        *_reject_rows(found["rejects"]),
        *duplicate_rows(manifest["duplicates"]),
        ("on schema", f"{manifest['on_schema'] / documents:.1%} of documents"),
        *_violation_rows(manifest["violations"]),
        ("tokens", f"{tokens:,}"),
        *_length_rows(found["lengths"]),
        ("bytes per token", f"{size / tokens:.2f} of canonical JSON"),
        _short_row(manifest["up_to_context"] / documents),
        ("windows per epoch", _windows_per_epoch(found["windows_per_epoch"])),
        ("tokenizer", store.tokenizer.digest[:12]),
    ]
    if run["reused"]:
        counts = f"{run['reused']:,} documents, {run['tokenized']:,} tokenized"
        facts.append(("from the old store", counts))
    facts += [(f"time: {name}", f"{s:.1f} s") for name, s in report.seconds.items()]
    return facts_table(f"{report.store}", facts)


def split_rows(manifest: Mapping[str, Any]) -> Facts:
    """The size of each split of a store."""
    parts = [(split, manifest["splits"][split]) for split in SPLITS]
    return [
        (f"  {split}", f"{part['documents']:,} documents, {part['tokens']:,} tokens")
        for split, part in parts
    ]


def _reject_rows(rejects: Iterable[Mapping[str, Any]]) -> Facts:
    """Reasons for rejects, each with its first example."""
    return [
        (f"  {reject['reason']}", f"{reject['count']:,}, such as {reject['example']}")
        for reject in rejects
    ]


def duplicate_rows(counts: Mapping[str, int]) -> Facts:
    """Duplicates inside splits and across, see `Selection.duplicates`."""
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


def _length_rows(lengths: Mapping[str, Any]) -> Facts:
    """Tokens per document, and a histogram by powers of two without empty low ones."""
    mean, median, longest = (lengths[name] for name in ("mean", "median", "most"))
    rows = [
        (
            "tokens per document",
            f"{mean:,.0f} mean, {median:,.0f} median, {longest:,} max",
        )
    ]
    histogram: dict[str, int] = lengths["histogram"]
    most = max(histogram.values())
    shown = list(histogram)
    while shown and not histogram[shown[0]]:
        shown.pop(0)
    for limit in shown:
        count = histogram[limit]
        bar = "█" * round(_BAR * count / most) or "▏" * bool(count)
        rows.append((f"  up to {int(limit):,}", f"{bar} {count:,}".strip()))
    return rows


def _violation_rows(violations: Mapping[str, int]) -> Facts:
    """The commonest violations with their numbers of documents."""
    rows = [
        ("  breaks it", f"{count:,}  {violation}")
        for violation, count in most_common(Counter(violations), _MAX_VIOLATIONS)
    ]
    if (more := len(violations) - _MAX_VIOLATIONS) > 0:
        rows.append(("", f"… and {more:,} other kinds"))
    return rows


def _short_row(share: float) -> tuple[str, str]:
    """The share of documents that fit into one window."""
    return f"up to {CONTEXT:,} tokens", f"{share:.1%} of documents"


def _windows_per_epoch(counts: list[int]) -> str:
    if not counts:
        return "none: the train split is empty"
    return f"{min(counts):,} to {max(counts):,} (train, over {len(counts)} alignments)"


# -- tct tokenizer ---------------------------------------------------------------------


def training_table(training: Training, output: Path) -> RenderableType:
    """The summary of `tct tokenizer train`."""
    learnt = f"{training.documents:,} documents of {training.groups:,} repositories"
    used = len(training.tokenizer.vocabulary)
    facts = [
        ("inputs", f"{training.inputs:,}, {training.rejected:,} no documents"),
        ("learnt from", learnt),
        ("on schema", f"{training.on_schema / training.documents:.1%} of documents"),
        *_kind_rows(training),
        ("ids", f"{used:,} of {VOCAB_SIZE:,} used"),
        ("digest", training.tokenizer.digest),
    ]
    return facts_table(f"{output}", facts)


def _kind_rows(training: Training) -> Facts:
    """The kind, and what its grammar narrows; nothing for the kind that tct knows."""
    kind = training.tokenizer.kind
    if kind is WORKFLOW:
        return []
    rows = [("kind", f"{kind.name}, written as {kind.format.upper()}")]
    for note in training.notes[:_MAX_NOTES]:
        rows.append(("narrowed" if len(rows) == 1 else "", note))
    if (more := len(training.notes) - _MAX_NOTES) > 0:
        rows.append(("", f"and {more:,} more"))
    return rows


def stats_table(stats: TokenizerStats) -> RenderableType:
    """The summary of `tct tokenizer stats`."""
    documents, tokens = len(stats.lengths), sum(stats.lengths)
    median, p90, p99 = np.percentile(stats.lengths, [50, 90, 99])
    kinds = (f"{count / tokens:.0%} {kind}" for kind, count in stats.kinds.items())
    facts = [
        ("inputs", f"{stats.inputs:,}"),
        ("documents", f"{documents:,}"),
        ("lossless", f"{stats.lossless / documents:.2%} of documents"),
        ("on schema", f"{stats.on_schema / documents:.1%} of documents"),
        *_violation_rows(stats.violations),
        ("tokens", f"{tokens:,}"),
        (
            "tokens per document",
            f"{tokens / documents:,.0f} mean, {median:,.0f} median, {p90:,.0f} p90, "
            f"{p99:,.0f} p99, {max(stats.lengths):,} max",
        ),
        ("bytes per token", f"{stats.bytes / tokens:.2f} of canonical JSON"),
        _short_row(sum(size <= CONTEXT for size in stats.lengths) / documents),
        ("tokens hold", ", ".join(kinds)),
        ("ids used", f"{(stats.uses > 0).sum():,} of {VOCAB_SIZE:,}"),
        ("encode", f"{documents / stats.encode_seconds:,.0f} documents/s"),
        ("decode", f"{documents / stats.decode_seconds:,.0f} documents/s"),
    ]
    return facts_table("", facts)


def tokens_table(steps: Iterable[TracedToken]) -> RenderableType:
    """The tokens of a document, one per line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("id", justify="right")
    for name in ("token", "then at", "allowed"):
        table.add_column(name, overflow="fold")
    for step in steps:
        where = f"{step.position}", f"{step.id}"
        table.add_row(*where, step.text, step.path, _allowed(step))
    return table


def _allowed(step: TracedToken) -> str:
    if step.num_allowed is None:
        return "off the schema"
    names = ", ".join(step.allowed[:_MAX_NAMES])
    more = ", …" if len(step.allowed) > _MAX_NAMES else ""
    return f"{step.num_allowed:,}: {names}{more}"
