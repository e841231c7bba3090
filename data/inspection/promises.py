"""What each policy does with every token over C / s epochs, counted and judged.

Nothing here knows how a policy cuts: all numbers are counted from the windows that
`WindowPlan` gives and the steps that `Batches` makes of them.  Afterwards three claims
are checked against the counts, and `plan` and `spread` promise all three.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..windows import Policy
from ..windows.batches import Batches
from ..windows.layouts import LAYOUTS, Layout
from .coverage import Coverage
from .epochs import count_positions

__all__ = ["Claim", "PolicyCounts", "claims", "count_policy"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyCounts:
    """One policy over C / s epochs."""

    policy: Policy
    epochs: int
    """C / s; after so many the cuts come back."""
    documents: int
    tokens: int
    """Content tokens of the documents."""
    windows: tuple[int, int]
    """Fewest and most in an epoch."""
    never: int
    """Tokens that are a target in no epoch."""
    missed_share: float
    """Tokens that are no target in an epoch, as a share; mean over epochs."""
    repeated_share: float
    """Tokens that are a target more than once in an epoch; mean over epochs."""
    exact_epochs: int
    """Epochs in which each token is a target exactly once."""
    views: tuple[int, float, int]
    """Times that a token is a target in all epochs: fewest, mean and most."""
    alignments: tuple[int, int] | None
    """Distinct cuts of a document longer than C, modulo C: fewest and most.  None if
    no document is that long."""
    beginnings_share: float
    """Pairs of document and epoch in which some window begins at token 0."""
    pad_share: dict[Layout, float]
    """PAD among all positions of all epochs by layout."""
    rows: int
    """Most rows of a pass, for `pad_share`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A sentence about a policy, and whether the counts bear it out."""

    policy: Policy
    text: str
    holds: bool
    is_promised: bool
    """Whether the policy is of no use if it does not hold."""


def count_policy(
    batches: Batches, advance: Callable[[], None] = lambda: None
) -> PolicyCounts:
    """Count all alignments of a policy; some seconds for 100,000 documents.

    Args:
        batches: of at least one document.
        advance: called after each epoch.
    """
    views = batches.context // batches.stride
    lengths = batches.plan(0).lengths
    coverage = Coverage(lengths, batches.stride)
    cuts = np.zeros((len(lengths), views), dtype=np.bool_)
    num_windows, exact, missed, repeated, beginnings = [], 0, 0, 0, 0
    targets, positions = 0, dict.fromkeys(LAYOUTS, 0)
    for epoch in range(views):
        windows = batches.plan(epoch).all()
        counts = coverage.add(windows)
        num_windows.append(len(windows))
        exact += bool((counts == 1).all())
        missed += coverage.tokens_where(counts == 0)
        repeated += coverage.tokens_where(counts > 1)
        beginnings += len(np.unique(windows.document[windows.start == 0]))
        cuts[windows.document, windows.start % batches.context // batches.stride] = True
        targets += int(windows.length.sum())
        for layout, number in count_positions(batches, epoch).items():
            positions[layout] += number
        advance()
    return PolicyCounts(
        policy=batches.policy,
        epochs=views,
        documents=len(lengths),
        tokens=coverage.num_tokens,
        windows=(min(num_windows), max(num_windows)),
        never=coverage.tokens_where(coverage.total == 0),
        missed_share=missed / (coverage.num_tokens * views),
        repeated_share=repeated / (coverage.num_tokens * views),
        exact_epochs=exact,
        views=_views(coverage),
        alignments=_range(cuts[lengths > batches.context].sum(axis=1)),
        beginnings_share=beginnings / (len(lengths) * views),
        pad_share={
            layout: 1 - targets / number if number else 0.0
            for layout, number in positions.items()
        },
        rows=batches.rows,
    )


def _views(coverage: Coverage) -> tuple[int, float, int]:
    total = coverage.total
    mean = float((total * coverage.size).sum() / coverage.num_tokens)
    return int(total.min()), mean, int(total.max())


def _range(numbers: NDArray[np.int64]) -> tuple[int, int] | None:
    return (int(numbers.min()), int(numbers.max())) if len(numbers) else None


def claims(counts: PolicyCounts) -> Iterator[Claim]:
    """What one would like to say of every policy, and whether it is so."""
    epochs, alignments = counts.epochs, counts.alignments
    sentences = {
        f"each of the {counts.tokens:,} tokens is a target exactly once in each of "
        f"{epochs} epochs": counts.exact_epochs == epochs,
        f"each of the {counts.documents:,} beginnings is in each of {epochs} "
        "epochs": counts.beginnings_share == 1,
        f"each document beyond one window is cut in {epochs} alignments": (
            alignments is None or alignments == (epochs, epochs)
        ),
    }
    for text, holds in sentences.items():
        yield Claim(
            policy=counts.policy,
            text=text,
            holds=holds,
            is_promised=counts.policy in ("plan", "spread"),
        )
