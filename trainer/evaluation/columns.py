"""Judge and count sets of documents, real and written ones alike."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...data.documents.json_text import Json, canonical_bytes
from ...data.store import Store
from ...data.tokenizer import Tokenizer
from .distributions import Profile, distances, fields_of, profile
from .documents import Document
from .funnel import Funnel, Judged, funnel, judge_all, most_common
from .judges import Judge
from .novelty import Text, reuse

__all__ = ["NEAR", "Column", "DocumentSet", "Example", "Novelty", "make_columns"]

NEAR = 0.9
"""Known share from which a document is called a near copy."""

_EXAMPLES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentSet:
    """A named set of documents."""

    name: str
    by_seed: list[list[Document]]
    """Real documents count as one seed."""

    @property
    def documents(self) -> list[Document]:
        """The documents of all seeds."""
        return [document for of_seed in self.by_seed for document in of_seed]


@dataclass(frozen=True, kw_only=True, slots=True)
class Novelty:
    """How much of a set's whole documents is copied from training; see novelty.py."""

    documents: int
    exact: int
    """Copies of a training document."""
    near: int
    """Documents with a known share of at least NEAR, exact copies included."""
    known: float | None
    """Mean known share; None without a document of 8 tokens."""
    longest_median: float | None
    """Tokens of the longest known run."""
    longest_most: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One document to read."""

    ending: str
    text: str
    complaints: dict[str, list[str]]
    is_exact: bool
    known: float | None
    longest: int
    """Tokens of the longest run copied from a training document."""
    tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """The figures of one set."""

    name: str
    funnel: Funnel
    audits: list[tuple[str, int]] | None
    """The most frequent findings of zizmor; None if it is not asked."""
    novelty: Novelty
    median_tokens: float | None
    """Of whole documents."""
    longest_text: float | None
    """Median number of characters of the longest text of a whole document."""
    values: dict[str, dict[str, int]]
    """For each field, the number of documents with each value, most frequent first; see
    distributions.py."""
    distances: dict[str, float | None]
    """For each field, the distance from the first set."""
    examples: list[Example]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Measured:
    """A document with its complaints and its copied share."""

    judged: Judged
    is_exact: bool
    known: float
    longest: int


def make_columns(
    sets: Sequence[DocumentSet],
    store: Store,
    *,
    judges: Sequence[Judge],
    auditor: Judge | None,
) -> list[Column]:
    """Judge and count some sets; the first is the reference for distances.

    Args:
        sets: of documents.
        store: whose "train" split is searched for copies.
        judges: the stages of the funnel.
        auditor: describes documents, without being a stage; None for no such judge.
    """
    everyone = [document for one in sets for document in one.documents]
    asked = [*judges, *([] if auditor is None else [auditor])]
    measured = iter(_measure(everyone, store, asked))
    reference = profile(sets[0].documents, store.tokenizer)
    columns = []
    for one in sets:
        by_seed = [[next(measured) for _ in of_seed] for of_seed in one.by_seed]
        columns.append(
            _column(one, by_seed, reference, judges, auditor, store.tokenizer)
        )
    return columns


def _measure(
    documents: Sequence[Document], store: Store, judges: Sequence[Judge]
) -> Iterator[_Measured]:
    rows = store.rows("train")
    found = reuse(
        [document.ids for document in documents],
        Text([store.tokens(row) for row in rows.tolist()]),
    )
    known_ids = set(store.docs["sha256"].take(rows).to_pylist())
    judged = judge_all(documents, judges)
    for one, known, longest in zip(judged, found.known, found.longest, strict=True):
        document = one.document
        digest = hashlib.sha256(canonical_bytes(document.value)).digest()
        yield _Measured(
            judged=one,
            is_exact=document.is_whole and digest in known_ids,
            known=float(known),
            longest=int(longest),
        )


def _column(
    of: DocumentSet,
    by_seed: Sequence[Sequence[_Measured]],
    reference: Profile,
    judges: Sequence[Judge],
    auditor: Judge | None,
    tokenizer: Tokenizer,
) -> Column:
    judged = [[one.judged for one in of_seed] for of_seed in by_seed]
    flat = [one for of_seed in by_seed for one in of_seed]
    audits = None
    if auditor is not None and auditor.version is not None:
        audits = most_common([one.judged for one in flat], auditor.name)
    counts = profile(of.documents, tokenizer)
    fields = fields_of(tokenizer.kind, reference)
    lengths = [len(one.ids) for one in of.documents if one.is_whole]
    return Column(
        name=of.name,
        funnel=funnel(judged, judges),
        audits=audits,
        novelty=_novelty(flat),
        median_tokens=_median(lengths),
        longest_text=_median(
            [_longest_text(one.value) for one in of.documents if one.is_whole]
        ),
        values={field: _ordered(counts.get(field, Counter())) for field in fields},
        distances=distances(counts, reference, fields),
        examples=[_example(one) for one in flat[:_EXAMPLES]],
    )


def _novelty(measured: Sequence[_Measured]) -> Novelty:
    whole = [one for one in measured if one.judged.document.is_whole]
    known: NDArray[np.float64] = np.array([one.known for one in whole])
    known = known[~np.isnan(known)]
    longest = [one.longest for one in whole]
    return Novelty(
        documents=len(whole),
        exact=sum(one.is_exact for one in whole),
        near=sum(one.is_exact or one.known >= NEAR for one in whole),
        known=float(known.mean()) if len(known) else None,
        longest_median=_median(longest),
        longest_most=max(longest, default=None),
    )


def _longest_text(value: Json) -> int:
    if isinstance(value, dict):
        return max(map(_longest_text, value.values()), default=0)
    if isinstance(value, list):
        return max(map(_longest_text, value), default=0)
    return len(value) if isinstance(value, str) else 0


def _median(values: Sequence[int]) -> float | None:
    return float(np.median(values)) if values else None


def _example(one: _Measured) -> Example:
    document = one.judged.document
    return Example(
        ending=document.ending,
        text=document.text,
        complaints={
            name: found for name, found in one.judged.complaints.items() if found
        },
        is_exact=one.is_exact,
        known=None if np.isnan(one.known) else one.known,
        longest=one.longest,
        tokens=len(document.ids),
    )


def _ordered(counts: Counter[str]) -> dict[str, int]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(ordered)
