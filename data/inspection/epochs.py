"""One epoch: its windows, and what they add up to."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError
from ..windows import Policy, WindowPlan, Windows
from ..windows.batches import Batches
from ..windows.layouts import LAYOUTS, Layout, arrange
from .coverage import Coverage

__all__ = [
    "EpochSummary",
    "count_positions",
    "document_windows",
    "epoch_windows",
    "summarize",
    "window_records",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochSummary:
    """Counts over all windows of an epoch."""

    epoch: int
    policy: Policy
    offset: int | None
    """Where long documents are cut first; None if each has its own."""
    documents: int
    windows: int
    steps: int
    """Optimiser steps."""
    tokens: int
    """Content tokens of the documents."""
    targets: int
    """Content tokens of the windows."""
    covered: int
    """Content tokens that are in at least one window."""
    repeated: int
    """Content tokens that are in more than one."""
    rows: int
    """Most rows of a pass, for `positions`."""
    positions: dict[Layout, int]
    """Positions of all steps by layout, PAD included."""

    @property
    def unseen(self) -> int:
        """Content tokens that no window holds."""
        return self.tokens - self.covered

    def pad_share(self, layout: Layout) -> float:
        """PAD positions among all positions; 0 if there are none."""
        positions = self.positions[layout]
        return 1 - self.targets / positions if positions else 0.0


def epoch_windows(batches: Batches, epoch: int) -> Windows:
    """All windows of an epoch, by document; `document` is a row of docs.arrow.

    Raises:
        ConfigError: the split has no document.
    """
    rows = batches.documents
    if not len(rows):
        raise ConfigError(
            f"{batches.store.folder}: the {batches.split} split has no document",
            "choose the other one with --split",
        )
    found = batches.plan(epoch).all()
    return Windows(
        document=rows[found.document],
        start=found.start,
        end=found.end,
        position=found.position,
    )


def document_windows(batches: Batches, row: int, epoch: int) -> Windows:
    """The windows of one document in an epoch, whatever its split."""
    part, store = slice(row, row + 1), batches.store
    is_spread = batches.policy == "spread"
    found = WindowPlan(
        store.length[part],
        epoch=epoch,
        policy=batches.policy,
        context=batches.context,
        stride=batches.stride,
        phase=store.phase[part] if is_spread else None,
    ).all()
    return Windows(
        document=np.full(len(found), row),
        start=found.start,
        end=found.end,
        position=found.position,
    )


def count_positions(batches: Batches, epoch: int) -> dict[Layout, int]:
    """Positions that each layout gives the steps of an epoch, in their real order."""
    positions = dict.fromkeys(LAYOUTS, 0)
    for step in range(batches.num_steps(epoch)):
        lengths = batches.windows(epoch, step).length.tolist()
        for layout in LAYOUTS:
            positions[layout] += arrange(
                lengths,
                layout,
                batch=batches.batch_size,
                rows=batches.rows,
                context=batches.context,
            ).num_positions
    return positions


def summarize(batches: Batches, epoch: int) -> EpochSummary:
    """Count an epoch from its windows, not from the formulas that they come from."""
    plan = batches.plan(epoch)
    windows = plan.all()
    coverage = Coverage(plan.lengths, batches.stride)
    counts = coverage.add(windows)
    return EpochSummary(
        epoch=epoch,
        policy=batches.policy,
        offset=plan.offset,
        documents=len(batches.documents),
        windows=len(windows),
        steps=batches.num_steps(epoch),
        tokens=coverage.num_tokens,
        targets=int(windows.length.sum()),
        covered=coverage.tokens_where(counts > 0),
        repeated=coverage.tokens_where(counts > 1),
        rows=batches.rows,
        positions=count_positions(batches, epoch),
    )


def window_records(
    windows: Windows, *, epoch: int, batches: Batches
) -> Iterator[dict[str, int | str]]:
    """One flat record per window, for JSON lines."""
    columns = (windows.document, windows.start, windows.end, windows.position)
    for document, start, end, position in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        yield {
            "epoch": epoch,
            "document": document,
            "start": start,
            "end": end,
            "position": position,
            "pad": batches.context - (end - start),
            "policy": batches.policy,
        }
