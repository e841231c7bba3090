"""Compare all policies over C / s epochs, and check what each guarantees.

Nothing here knows how a policy cuts: all numbers are counted from the windows of
`WindowPlan` and the steps of `Batches`.  Three sentences are checked against the
counts; `Cutting.guarantees` says which of them a policy promises.  For a mixture they
are about each store: what is once per epoch for a single store is once per pass, so
after x passes it has been floor(x) or ceil(x) times.  Where the context changes, each
context is counted by itself, and a fourth sentence says where it holds.

`--json` gives an object per context and policy: the fields of `PolicyCounts`, and
`claims`, a list of objects with `text`, `holds` and `is_promised`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from ...data.display.progress import Progress
from ...data.windows import Policy
from ...data.windows.batches import Batches
from ...data.windows.layouts import LAYOUTS, Layout
from ...data.windows.policies import cutting
from .coverage import (
    Coverage,
    PhaseSteps,
    PolicyCounts,
    Sentences,
    phase_steps,
    spans,
    store_counts,
)
from .epoch import count_positions
from .view import WIDTH, Line, Record, View, count, rows, wrapped

if TYPE_CHECKING:  # an optional dependency
    from matplotlib.figure import Figure

__all__ = [
    "Guarantee",
    "count_policy",
    "guarantee_view",
    "guarantees",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Guarantee:
    """A sentence about a policy, and whether the counts bear it out."""

    policy: Policy
    text: str
    holds: bool
    is_promised: bool
    """Whether the policy guarantees it; the command fails if it then does not hold."""


def count_policy(
    batches: Batches, advance: Callable[[], None] = lambda: None, *, phase: int = 0
) -> PolicyCounts:
    """Count all alignments of a policy; a few seconds for 100,000 documents.

    Args:
        batches: of at least one document.
        advance: called after each epoch.
        phase: number of the context whose epochs are counted.
    """
    epochs, lengths = spans(batches)[phase], batches.lengths
    context = batches.stage(epochs.start).context
    coverage = Coverage(lengths, batches.stride)
    cuts = np.zeros((len(lengths), context // batches.stride), dtype=np.bool_)
    stores = store_counts(batches, epochs.start)
    num_windows, exact, missed, repeated, beginnings = [], 0, 0, 0, 0
    targets, longest, positions = 0, 0, Counter[Layout]()
    for epoch in epochs:
        windows = batches.plan(epoch).all()
        counts = coverage.add(windows)
        num_windows.append(len(windows))
        exact += bool((counts == 1).all())
        missed += coverage.tokens_where(counts == 0)
        repeated += coverage.tokens_where(counts > 1)
        beginnings += len(np.unique(begins := windows.document[windows.start == 0]))
        cuts[windows.document, windows.start % context // batches.stride] = True
        targets += int(windows.length.sum())
        longest = max(longest, int(windows.length.max(initial=0)))
        for store in stores:
            store.add(coverage, begins, batches.schedule.read(epoch))
        positions.update(count_positions(batches, epoch))
        advance()
    is_long = lengths > context
    for store in stores:
        store.add_cuts(cuts, is_long)
    return PolicyCounts(
        **_scope(batches, phase),
        tokens=coverage.num_tokens,
        windows=(min(num_windows), max(num_windows)),
        longest=longest,
        never=coverage.tokens_where(coverage.total == 0),
        missed_share=missed / (coverage.num_tokens * len(epochs)),
        repeated_share=repeated / (coverage.num_tokens * len(epochs)),
        exact_epochs=exact,
        views=coverage.views,
        alignments=_range(cuts[is_long].sum(axis=1)),
        beginnings_share=beginnings / (len(lengths) * len(epochs)),
        pad_share=_pad_shares(targets, positions),
        stores=stores,
    )


def _scope(batches: Batches, phase: int) -> dict[str, Any]:
    """What is counted, as arguments of `PolicyCounts`."""
    epochs = spans(batches)[phase]
    return {
        "policy": batches.policy,
        "context": batches.stage(epochs.start).context,
        "first_epoch": epochs.start,
        "epochs": len(epochs),
        "steps": phase_steps(batches, phase),
        "documents": len(batches.documents),
        "rows": batches.rows,
    }


def _pad_shares(targets: int, positions: Counter[Layout]) -> dict[Layout, float]:
    return {
        layout: 1 - targets / number if (number := positions[layout]) else 0.0
        for layout in LAYOUTS
    }


def _range(numbers: NDArray[np.int64]) -> tuple[int, int] | None:
    return (int(numbers.min()), int(numbers.max())) if len(numbers) else None


def guarantees(counts: PolicyCounts) -> Iterator[Guarantee]:
    """The properties a policy can have, as sentences checked against counts."""
    promised, steps = cutting(counts.policy).guarantees, counts.steps
    is_broken_off = steps is not None and steps.is_broken_off
    each = [
        store.sentences(counts.epochs, is_broken_off=is_broken_off)
        for store in counts.stores
    ] or [_of_all(counts)]
    if steps is not None:
        each.append(_of_context(counts, steps))
    for sentences in each:
        for name, (text, holds) in sentences.items():
            yield Guarantee(
                policy=counts.policy,
                text=text,
                holds=holds,
                is_promised=name in promised,
            )


def _of_all(counts: PolicyCounts) -> Sentences:
    epochs, alignments = counts.epochs, counts.alignments
    return {
        "once": (
            f"each of the {counts.tokens:,} tokens is a target exactly once in each of "
            f"{epochs} epochs",
            counts.exact_epochs == epochs,
        ),
        "beginnings": (
            f"each of the {counts.documents:,} beginnings is in each of {epochs} "
            "epochs",
            counts.beginnings_share == 1,
        ),
        "alignments": (
            f"each document beyond one window is cut in {epochs} alignments",
            alignments is None or alignments == (epochs, epochs),
        ),
    }


def _of_context(counts: PolicyCounts, steps: PhaseSteps) -> Sentences:
    holds = counts.longest <= counts.context and steps.begin == steps.expected_begin
    return {
        "context": (
            f"no window of the steps {steps.begin:,} to {steps.end - 1:,} has more "
            f"than {counts.context:,} tokens",
            holds,
        )
    }


def guarantee_view(each: Sequence[Batches], progress: Progress) -> View:
    """Show a column per policy, then a line per sentence.

    Args:
        each: the batches of each policy.
        progress: counts epochs.
    """
    progress.stage("count", sum(spans(batches)[-1].stop for batches in each))
    phases = [
        [count_policy(batches, progress.advance, phase=phase) for batches in each]
        for phase in range(len(each[0].phases))
    ]
    counts = [policy for phase in phases for policy in phase]
    found = [guarantee for policy in counts for guarantee in guarantees(policy)]

    def figure() -> "Figure":
        from .figures import policies_figure

        return policies_figure(counts)

    return View(
        lines=(line for phase in phases for line in _lines(each[0], phase)),
        records=map(_record, counts),
        figure=figure,
        is_fine=all(one.holds for one in found if one.is_promised),
    )


def _record(counts: PolicyCounts) -> Record:
    claims = [asdict(each) for each in guarantees(counts)]
    for claim in claims:
        del claim["policy"]
    record = {**asdict(counts), "claims": claims}
    for store in record["stores"]:
        del store["begun"], store["documents"], store["before"]
    return record


def _lines(batches: Batches, counts: Sequence[PolicyCounts]) -> Iterator[Line]:
    """A context, with a column per policy."""
    first, stage = counts[0], batches.stage(counts[0].first_epoch)
    if first.first_epoch:
        yield ""
    line = f"context {first.context:,} · " if first.steps else ""
    line += (
        f"{count(first.epochs, 'epoch')} of {count(first.documents, 'document')} "
        f"({batches.split}), {count(first.tokens, 'token')}"
    )
    yield Text(line, style="bold")
    yield (
        f"{stage.batch_size} windows per step, seed {batches.seed}, "
        f"passes of at most {count(first.rows, 'row')}"
    )
    yield ""
    yield from rows(_table(counts))
    yield ""
    for each in counts:
        yield from _guarantee_lines(guarantees(each))


def _table(counts: Sequence[PolicyCounts]) -> list[list[str]]:
    """Rows of cells: the policies, then a row per number."""
    columns = [_column(each) for each in counts]
    table = [["", *(each.policy for each in counts)]]
    for name in columns[0]:
        table.append([name, *(column[name] for column in columns)])
    return table


def _column(counts: PolicyCounts) -> dict[str, str]:
    fewest, mean, most = counts.views
    pads = {f"PAD, {layout}": f"{counts.pad_share[layout]:.1%}" for layout in LAYOUTS}
    return {
        **({"first epoch": f"{counts.first_epoch:,}"} if counts.steps else {}),
        **({"epochs": f"{counts.epochs:,}"} if counts.steps else {}),
        "windows, fewest": f"{counts.windows[0]:,}",
        "windows, most": f"{counts.windows[1]:,}",
        "tokens never seen": f"{counts.never:,}",
        "missed per epoch": f"{counts.missed_share:.2%}",
        "again in an epoch": f"{counts.repeated_share:.2%}",
        "views, fewest": f"{fewest:,}",
        "views, mean": f"{mean:,.1f}",
        "views, most": f"{most:,}",
        "alignments": _from_to(counts.alignments),
        "beginnings": f"{counts.beginnings_share:.1%}",
        **pads,
    }


def _from_to(numbers: tuple[int, int] | None) -> str:
    if numbers is None:
        return "none"
    fewest, most = numbers
    return f"{fewest}" if fewest == most else f"{fewest} to {most}"


def _guarantee_lines(found: Iterable[Guarantee]) -> Iterator[Line]:
    for each in found:
        word = "holds" if each.holds else "fails"
        style = "green" if each.holds else ""
        if each.is_promised and not each.holds:
            word, style = "BROKEN", "bold red"
        lines = wrapped(f"{each.policy}: {each.text}", WIDTH - 8, "  ")
        for index, line in enumerate(lines):
            yield Text.assemble(((word if not index else "").ljust(8), style), line)
