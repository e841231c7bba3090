"""Count what documents consist of, and measure the distance between two sets.

What is counted depends on the kind of the documents: of workflows their triggers,
runners and actions; of other kinds the choices that their schema lists.
"""

from collections import Counter
from collections.abc import Sequence

from ...data.kinds import Kind
from ...data.tokenizer import Tokenizer
from ...data.tokenizer.findings import choices
from .documents import Document

__all__ = ["LENGTH", "Profile", "distance", "distances", "fields_of", "profile"]

LENGTH = "tokens"
"""The field of every kind: the number of tokens."""

Profile = dict[str, Counter[str]]
"""For each field, the number of documents with each value.  Numbers are rounded up to a
power of two."""

_MOST_FIELDS = 8


def profile(documents: Sequence[Document], tokenizer: Tokenizer) -> Profile:
    """Count each value once per whole document."""
    kind = tokenizer.kind
    counts: Profile = {field: Counter() for field in (*kind.fields, LENGTH)}
    for document in documents:
        value = document.value
        if not document.is_whole or not isinstance(value, dict):
            continue
        if kind.values is None:
            found = choices(tokenizer.grammar, value)
        else:
            found = kind.values(value)
        for field, values in found.items():
            if field in kind.numbers:
                values = {_up_to(int(number)) for number in values}
            counts.setdefault(field, Counter()).update(values)
        counts[LENGTH].update([_up_to(len(document.ids))])
    return counts


def fields_of(kind: Kind, reference: Profile) -> list[str]:
    """The fields to compare: those of the kind, or else the commonest choices.

    Args:
        kind: of the documents.
        reference: of the documents that others are compared with.
    """
    if kind.fields:
        return [*kind.fields, LENGTH]
    found = [field for field in reference if field != LENGTH and reference[field]]
    ranked = sorted(found, key=lambda field: (-reference[field].total(), field))
    return [*ranked[:_MOST_FIELDS], LENGTH]


def distance(one: Counter[str], other: Counter[str]) -> float | None:
    """Total variation distance: 0 for equal, 1 for disjoint distributions.

    None if one of them is empty.
    """
    sums = one.total(), other.total()
    if not all(sums):
        return None
    values = sorted(one.keys() | other.keys())
    apart = (abs(one[key] / sums[0] - other[key] / sums[1]) for key in values)
    return sum(apart) / 2


def distances(
    one: Profile, other: Profile, fields: Sequence[str]
) -> dict[str, float | None]:
    """The distance of each field."""
    none = Counter[str]()
    return {
        field: distance(one.get(field, none), other.get(field, none))
        for field in fields
    }


def _up_to(number: int) -> str:
    """Round a number up to a power of two, or 0."""
    return f"{1 << (number - 1).bit_length():,}" if number else "0"
