"""Count how often each token is a target, window by window.

Every cut is a multiple of the stride s or the end of a document, so the s tokens of a
block always share one count, and only the last block of a document is shorter.  A
window adds +1 at its first block and -1 after its last; the running sum is the count.

Example: s = 4, a document of 10 tokens, windows [0, 8) and [4, 10):

    blocks       [0, 4)  [4, 8)  [8, 10)
    differences    +1      +1      -1        (-1 behind the last block)
    count           1       2       1
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...data.store import Mixture, stores_in
from ...data.windows import Policy, Windows
from ...data.windows.batches import Batches
from ...data.windows.layouts import Layout
from ...data.windows.policies import Property

__all__ = [
    "Coverage",
    "PolicyCounts",
    "Sentences",
    "StoreCounts",
    "phase_steps",
    "spans",
    "store_counts",
]

Sentences = dict[Property, tuple[str, bool]]
"""What is claimed of a policy, and whether it holds."""


class Coverage:
    """Counts over some epochs of the same documents."""

    def __init__(self, lengths: NDArray[np.int64], stride: int) -> None:
        """Start with no window.

        Args:
            lengths: tokens per document, at least 1 each.
            stride: s, tokens of a block.
        """
        blocks = -(-lengths // stride)
        self._lengths, self._stride = lengths, stride
        self._first = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(blocks, out=self._first[1:])
        self.size = np.full(self._first[-1], stride, dtype=np.int64)
        """Tokens of each block."""
        self.size[self._first[1:] - 1] = lengths - (blocks - 1) * stride
        self.total = np.zeros(len(self.size), dtype=np.int64)
        """How often the tokens of each block were a target so far."""

    @property
    def views(self) -> tuple[int, float, int]:
        """How often a token was a target: fewest, mean and most."""
        mean = float((self.total * self.size).sum() / self.num_tokens)
        return int(self.total.min()), mean, int(self.total.max())

    @property
    def num_tokens(self) -> int:
        """Tokens of all documents."""
        return int(self.size.sum())

    def total_of(self, documents: slice) -> NDArray[np.int64]:
        """(blocks,) `total` of some documents."""
        return self.total[self._first[documents.start] : self._first[documents.stop]]

    def add(self, windows: Windows) -> NDArray[np.int64]:
        """Count the windows of an epoch.

        Args:
            windows: in any order; `document` is an index into the lengths.

        Returns:
            (blocks,) the number of these windows that hold each block.
        """
        ends, lengths = windows.end, self._lengths[windows.document]
        cut_inside = (ends % self._stride != 0) & (ends != lengths)
        if cut_inside.any() or (windows.start % self._stride != 0).any():
            raise ValueError(f"found a cut that is not a multiple of {self._stride}")
        first = self._first[windows.document]
        num = len(self.size) + 1
        change = np.bincount(first + windows.start // self._stride, minlength=num)
        change -= np.bincount(first - (-ends // self._stride), minlength=num)
        counts = np.cumsum(change[:-1])
        self.total += counts
        return counts

    def tokens_where(self, chosen: NDArray[np.bool_]) -> int:
        """Tokens of some blocks."""
        return int(self.size[chosen].sum())


@dataclass(kw_only=True, slots=True)
class StoreCounts:
    """One store over the epochs of a context."""

    name: str
    number: int
    """Among the stores of the mixture, from 0."""
    documents: slice
    """Its documents among those of the mixture."""
    num_alignments: int
    """C / s."""
    before: Fraction
    """Passes before these epochs."""
    begun: NDArray[np.int64]
    """(documents,) how often each has begun."""
    passes: float = 0.0
    """Passes so far."""
    once: int = 0
    """Epochs after which each token has been a target once per pass."""
    beginnings: int = 0
    """Epochs after which each document has begun once per pass."""
    alignments: int | None = None
    """Fewest distinct cuts, modulo C, of a document longer than C; None if there is
    none."""

    def add(
        self, coverage: Coverage, begins: NDArray[np.int64], points: Sequence[Fraction]
    ) -> None:
        """Look at the store after an epoch.

        Args:
            coverage: with the windows of the epoch.
            begins: the documents of all windows of the epoch that begin one.
            points: passes over each store so far; after 2.3, each token has been a
                target 2 or 3 times.
        """
        passes = points[self.number] - self.before
        first, end = self.documents.start, self.documents.stop
        here = begins[(begins >= first) & (begins < end)] - first
        self.begun += np.bincount(here, minlength=end - first)
        self.passes = float(passes)
        self.once += _is_within(coverage.total_of(self.documents), passes)
        self.beginnings += _is_within(self.begun, passes)

    def add_cuts(self, cuts: NDArray[np.bool_], is_long: NDArray[np.bool_]) -> None:
        """Count the cuts of documents longer than C.

        Args:
            cuts: (all documents, C / s) whether a window began there.
            is_long: (all documents,) whether it is longer than C.
        """
        here = cuts[self.documents][is_long[self.documents]].sum(axis=1)
        self.alignments = int(here.min()) if len(here) else None

    def sentences(self, epochs: int, *, is_broken_off: bool) -> Sentences:
        """Three properties a policy can have, in this store.

        Args:
            epochs: number of them.
            is_broken_off: whether another context follows.
        """
        when = f"after each of {epochs} epochs, {self.passes:.4g} passes"
        if is_broken_off and self.passes % 1:
            when += ", the last one broken off"
        least = min(int(self.passes), self.num_alignments)
        return {
            "once": (
                f"each token of {self.name} has been a target once per pass {when}",
                self.once == epochs,
            ),
            "beginnings": (
                f"each document of {self.name} has begun once per pass {when}",
                self.beginnings == epochs,
            ),
            "alignments": (
                f"each document of {self.name} beyond one window is cut in at least "
                f"{least} alignments",
                self.alignments is None or self.alignments >= least,
            ),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyCounts:
    """One policy over C / s epochs, or more if a mixture has stages.

    Of a run with several contexts, over the epochs of one of them.
    """

    policy: Policy
    context: int
    """C, most content tokens of a window."""
    first_epoch: int
    epochs: int
    """C / s, after which the cuts repeat, and those before the last stage."""
    steps: "PhaseSteps | None"
    """The steps of these epochs; None if all steps of the run have one context."""
    documents: int
    tokens: int
    """Content tokens of the documents."""
    windows: tuple[int, int]
    """Fewest and most in an epoch."""
    longest: int
    """Tokens of the longest window."""
    never: int
    """Tokens that are never a target."""
    missed_share: float
    """Share of tokens that are no target in an epoch; mean over epochs."""
    repeated_share: float
    """Share of tokens that are a target twice or more in an epoch; mean over epochs."""
    exact_epochs: int
    """Epochs in which each token is a target exactly once."""
    views: tuple[int, float, int]
    """How often a token is a target over all epochs: fewest, mean and most."""
    alignments: tuple[int, int] | None
    """Distinct cuts, modulo C, of documents longer than C: fewest and most; None if
    there are none."""
    beginnings_share: float
    """Share of (document, epoch) pairs with a window that begins at token 0."""
    pad_share: dict[Layout, float]
    """Share of PAD in all positions of all epochs, by layout."""
    rows: int
    """Most rows of a pass, for `pad_share`."""
    stores: list[StoreCounts] = field(default_factory=list)
    """Of a mixture, or of a run with phases."""

    @property
    def label(self) -> str:
        """The policy, with its context where there are several."""
        return f"{self.policy}, {self.context:,}" if self.steps else self.policy


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseSteps:
    """Where a context begins and ends in a run."""

    begin: int
    """Its first step, counted through all epochs before it."""
    end: int
    """The same of the epochs counted."""
    expected_begin: int
    """Its first step by the settings."""
    is_broken_off: bool
    """Whether another context follows."""


def spans(batches: Batches) -> list[range]:
    """The epochs of each context, and of the last one until its cuts have repeated."""
    schedule = batches.schedule
    end = schedule.last_stage + batches.num_alignments
    return [range(*each) for each in pairwise([*(e for e, _ in schedule.phases), end])]


def phase_steps(batches: Batches, phase: int) -> PhaseSteps | None:
    """Count the steps up to a context, and those of its epochs."""
    if not batches.changes_context:
        return None
    epochs = spans(batches)[phase]
    return PhaseSteps(
        begin=sum(map(batches.num_steps, range(epochs.start))),
        end=sum(map(batches.num_steps, range(epochs.stop))),
        expected_begin=batches.phases[phase][0],
        is_broken_off=phase + 1 < len(batches.phases),
    )


def store_counts(batches: Batches, epoch: int) -> list[StoreCounts]:
    """Nothing counted yet of each store at an epoch.

    Empty for a single store at one context, where an epoch is a pass.
    """
    if not isinstance(batches.store, Mixture) and not batches.changes_context:
        return []
    firsts = [stream.first for stream in batches.schedule.streams]
    bounds = pairwise([*firsts, len(batches.documents)])
    points = batches.schedule.points(epoch)
    return [
        StoreCounts(
            name=name,
            number=number,
            documents=slice(first, end),
            num_alignments=batches.stage(epoch).context // batches.stride,
            before=points[number],
            begun=np.zeros(end - first, dtype=np.int64),
        )
        for number, (name, (first, end)) in enumerate(
            zip(stores_in(batches.store), bounds, strict=True)
        )
    ]


def _is_within(numbers: NDArray[np.int64], passes: Fraction) -> bool:
    """Whether each number is that of the passes, one of which may be in progress."""
    is_whole = (numbers >= math.floor(passes)) & (numbers <= math.ceil(passes))
    return bool(is_whole.all())
