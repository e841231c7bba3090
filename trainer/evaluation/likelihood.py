"""Likelihood of held-out documents, one by one, with bootstrap intervals.

The windows are those of the validation in training, so the sum over all documents is
the figure that training reports.  Intervals are by bootstrap over groups: documents of
one repository resemble each other, so a resample draws whole groups, as many as there
are, with replacement.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ...data.store import Store
from ...data.tokenizer import VOCAB_SIZE
from ...data.tokenizer.symbols import REFERENCES, Control, kind
from ...data.windows.batches import Batch, Batches
from ..config import Config
from ..model import GPT, IGNORE_INDEX
from ..training.distributed import World
from ..training.splits import validation_batches

__all__ = [
    "KINDS",
    "Diagnosis",
    "GroupFigures",
    "Interval",
    "Likelihood",
    "diagnose",
    "likelihood",
    "nats_of_documents",
    "ratio_interval",
]

KINDS = ("structure", "text", "both", "reference")
"""Kinds of tokens; "both" begins or ends a text, too."""

_RESAMPLES = 2000
_DIAGNOSED = 64  # documents
_LIKELY = 1e-6  # less cannot add up to anything
_TAIL = 2.5  # per cent on each side, for an interval of 95 %


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A figure and its 95 % interval."""

    value: float
    low: float | None
    """None if there is only one group."""
    high: float | None

    def map(self, function: Callable[[float], float]) -> "Interval":
        """The interval of an increasing function of this figure."""
        return Interval(
            value=function(self.value),
            low=None if self.low is None else function(self.low),
            high=None if self.high is None else function(self.high),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupFigures:
    """One group of held-out documents, such as a repository."""

    group: str
    documents: int
    canonical_bytes: int
    bits_per_byte: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Likelihood:
    """Figures of the validation split; intervals are over its groups."""

    documents: int
    tokens: int
    canonical_bytes: int
    bits_per_byte: Interval
    """Bits per byte of canonical JSON."""
    nats_per_document: Interval
    perplexity: Interval
    """Equally likely choices per token."""
    groups: list[GroupFigures]
    """The largest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """Why samples may fail, seen on held-out documents that are on the schema.

    Only the first context of a document is read.
    """

    documents: int
    inadmissible: float
    """Mean probability of tokens that the grammar's masks exclude."""
    ends_before: float
    """Predicted ends per document before its end; a sharp model has few."""
    ends_there: float
    """Predicted ends per document at its end, 1 at best."""
    bits: dict[str, float]
    """Share of the bits of each of KINDS."""


def likelihood(model: GPT, config: Config, store: Store, *, seed: int) -> Likelihood:
    """Compute the likelihood of the validation split.

    Args:
        model: in eval mode, on its device.
        config: that it was trained with.
        store: whose "val" split is not empty.
        seed: of the bootstrap.
    """
    # One window per row, which `nats_of_documents` requires.
    alone = replace(config, run=replace(config.run, layout="bucketed"))
    world = World(device=model.lm_head.weight.device)
    batches = validation_batches(store, alone, world)
    nats = nats_of_documents(model, batches)
    return _figures(store, batches.documents, nats, seed=seed)


@torch.inference_mode()
def nats_of_documents(model: GPT, batches: Batches) -> NDArray[np.float64]:
    """Sum the loss over each document.

    Args:
        model: in eval mode, on its device.
        batches: in rows of one window each; epoch 0 is read.

    Returns:
        (D,) nats, in the order of `batches.documents`.
    """
    found = np.zeros(len(batches.documents), dtype=np.float64)
    for step in range(batches.num_steps(0)):
        batch = batches.batch(0, step)
        sums = np.concatenate(([0.0], np.cumsum(_nats_of_positions(model, batch))))
        begin = np.array(batch.arrangement.at, dtype=np.int64)
        of_windows = sums[batch.ends + 1] - sums[begin]
        document = np.searchsorted(batches.documents, batch.windows.document)
        np.add.at(found, document, of_windows)
    return found


def _nats_of_positions(model: GPT, batch: Batch) -> NDArray[np.float64]:
    """(positions,) loss of each target, 0 where there is none."""
    device = model.lm_head.weight.device
    targets, is_target = batch.targets()
    wanted = np.where(is_target, targets.astype(np.int64), IGNORE_INDEX)
    parts, begin = [], 0
    for rows, width in batch.arrangement.passes:
        part = slice(begin, begin := begin + rows * width)
        ids = torch.from_numpy(batch.inputs[part].astype(np.int64)).to(device)
        losses = F.cross_entropy(
            model(ids.view(rows, width)).flatten(0, 1),
            torch.from_numpy(wanted[part]).to(device),
            ignore_index=IGNORE_INDEX,
            reduction="none",
        )
        parts.append(losses.double().cpu().numpy())
    found: NDArray[np.float64] = np.concatenate(parts)
    return found


def _figures(
    store: Store, rows: NDArray[np.int64], nats: NDArray[np.float64], *, seed: int
) -> Likelihood:
    sizes = store.docs["n_bytes"].to_numpy()[rows]
    tokens = store.length[rows]
    names, group = np.unique(
        store.docs["group"].take(rows).to_pylist(), return_inverse=True
    )
    bits = nats / math.log(2)
    return Likelihood(
        documents=len(rows),
        tokens=int(tokens.sum()),
        canonical_bytes=int(sizes.sum()),
        bits_per_byte=ratio_interval(bits, sizes, group, seed=seed),
        nats_per_document=ratio_interval(nats, np.ones_like(sizes), group, seed=seed),
        perplexity=ratio_interval(nats, tokens, group, seed=seed).map(math.exp),
        groups=_by_group(names.tolist(), group, bits, sizes),
    )


def _by_group(
    names: list[str],
    group: NDArray[np.int64],
    bits: NDArray[np.float64],
    sizes: NDArray[np.int64],
) -> list[GroupFigures]:
    documents, all_bits, all_sizes = (
        np.bincount(group, part) for part in (np.ones_like(sizes), bits, sizes)
    )
    figures = [
        GroupFigures(
            group=name,
            documents=int(documents[number]),
            canonical_bytes=int(all_sizes[number]),
            bits_per_byte=float(all_bits[number] / all_sizes[number]),
        )
        for number, name in enumerate(names)
    ]
    return sorted(figures, key=lambda one: (-one.canonical_bytes, one.group))


def ratio_interval(
    numerator: NDArray[np.float64],
    denominator: NDArray[np.int64],
    group: NDArray[np.int64],
    *,
    seed: int = 0,
) -> Interval:
    """The ratio of two sums over documents, with its interval.

    A pure function of its arguments.

    Args:
        numerator: (D,) of each document.
        denominator: (D,) of each document, more than 0.
        group: (D,) number of the document's group, from 0 without gaps.
        seed: of the resamples.
    """
    above, below = (np.bincount(group, part) for part in (numerator, denominator))
    value, groups = float(above.sum() / below.sum()), len(above)
    if groups == 1:
        return Interval(value=value, low=None, high=None)
    draw, even = np.random.default_rng(seed), np.full(groups, 1 / groups)
    ratios = np.empty(_RESAMPLES)
    for number in range(_RESAMPLES):
        times = draw.multinomial(groups, even)
        ratios[number] = (times @ above) / (times @ below)
    low, high = np.percentile(ratios, [_TAIL, 100 - _TAIL])
    return Interval(value=value, low=float(low), high=float(high))


@torch.inference_mode()
def diagnose(model: GPT, store: Store) -> Diagnosis | None:
    """Look for what makes samples fail; None without a document on the schema.

    Args:
        model: in eval mode, on its device.
        store: whose "val" split is read, 64 documents of it, evenly spaced.
    """
    rows = store.rows("val")
    rows = rows[store.docs["on_schema"].to_numpy()[rows]]
    rows = rows[:: max(1, -(-len(rows) // _DIAGNOSED))]
    if not len(rows):
        return None
    vocabulary, bits = store.tokenizer.vocabulary, dict.fromkeys(KINDS, 0.0)
    closing = np.zeros(VOCAB_SIZE, dtype=np.bool_)
    for number, symbols in vocabulary.items():
        closing[number] = symbols.endswith(Control.CLOSE_OBJECT)
    num_tokens, inadmissible, ends = 0, 0.0, {False: 0.0, True: 0.0}
    documents = [store.tokens(row)[: model.config.context].tolist() for row in rows]
    # Masks may leave out documents that are only checked.
    documents = [tokens for tokens in documents if _is_written(store, tokens)]
    if not documents:
        return None
    for tokens in documents:
        ids = torch.tensor([[0, *tokens[:-1]]], device=model.cos.device)
        found = F.softmax(model(ids)[0].double(), dim=-1).cpu().numpy()
        state = store.tokenizer.start()
        for token, chances in zip(tokens, found[:, :VOCAB_SIZE], strict=True):
            allowed, following = state.allowed(), state.advance(token)
            inadmissible += 1 - float(chances[allowed].sum())
            closers = np.flatnonzero(allowed & closing & (chances > _LIKELY))
            ends[following.is_complete] += sum(
                float(chances[closer])
                for closer in closers.tolist()
                if state.advance(closer).is_complete
            )
            bits[_kind(vocabulary[token])] -= math.log2(chances[token])
            state = following
        num_tokens += len(tokens)
    return Diagnosis(
        documents=len(documents),
        inadmissible=inadmissible / num_tokens,
        ends_before=ends[False] / len(documents),
        ends_there=ends[True] / len(documents),
        bits={name: bits[name] / sum(bits.values()) for name in KINDS},
    )


def _is_written(store: Store, tokens: list[int]) -> bool:
    """Whether masks allow each of the tokens."""
    state = store.tokenizer.start()
    for token in tokens:
        if not state.allowed()[token]:
            return False
        state = state.advance(token)
    return True


def _kind(symbols: str) -> str:
    return "reference" if REFERENCES & set(symbols) else kind(symbols)
