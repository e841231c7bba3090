"""Ids of tokens: base symbols first, then merged tokens in their order."""

from collections.abc import Sequence

from .symbols import FIRST_CHARACTER_ID, base_symbols

__all__ = ["MODEL_VOCAB", "PAD", "VOCAB_SIZE", "number_tokens"]

VOCAB_SIZE = 8192
PAD = 8192
"""Id outside the vocabulary that fills the end of an input."""
MODEL_VOCAB = 8193


def number_tokens(
    characters: str, merges: Sequence[str], *, num_literals: int
) -> dict[int, str]:
    """Id to symbols; reserved ids are absent.

    Args:
        characters: common non-ASCII characters, most frequent first.
        merges: symbol strings of the merged tokens, in the order of their ids.
        num_literals: keys and enum values of the grammar.

    Raises:
        ValueError: merges that do not fit in, repeat or hold an unknown symbol.
    """
    base = base_symbols(characters, num_literals=num_literals)
    first_merge = FIRST_CHARACTER_ID + len(characters)
    if first_merge + len(merges) > VOCAB_SIZE:
        raise ValueError(f"{len(merges):,} merges do not fit into {VOCAB_SIZE:,} ids")
    known = set(base.values())
    if len(known.union(merges)) < len(base) + len(merges):
        raise ValueError("a duplicate token")
    if not all(merges) or not known.issuperset("".join(merges)):
        raise ValueError("a token that is empty or has an unknown symbol")
    return base | dict(enumerate(merges, first_merge))
