"""Choose the tokens of a vocabulary: learn too many merges, then drop the idle ones.

Byte-pair encoding keeps every step on the way to a long token, though once the long one
is there the steps are rarely used.  So twice as many merges are learnt as there is room
for, and then, a quarter at a time, those are dropped that cost the fewest tokens:

    cost of a token = how often it is used × (tokens that would take its place - 1)

which makes unseen repositories 5 % shorter than the first merges do.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from ...data.tokenizer.segmenter import Segmenter
from .bpe import learn_merges

__all__ = ["learn_vocabulary"]

_SURPLUS = 2  # merges learnt for each that is kept
_DROPPED = 0.25  # share of the merges that are dropped before they are counted again


def learn_vocabulary(
    chunks: Mapping[str, int],
    alphabet: Sequence[str],
    *,
    size: int,
    frozen: frozenset[str] = frozenset(),
    progress: Callable[[int], None] = lambda count: None,
) -> list[str]:
    """The symbol strings of new tokens, in the order in which they were learnt.

    Args:
        chunks: chunk to its weight, such as how often it occurs.
        alphabet: every symbol that occurs; its order decides between equal counts.
        size: most tokens to choose.
        frozen: symbols that stay tokens of their own.
        progress: called with the number of merges learnt so far.

    Returns:
        At most `size` distinct strings of two symbols or more.
    """
    tokens = learn_merges(
        chunks, alphabet, size=_SURPLUS * size, frozen=frozen, progress=progress
    )
    while len(tokens) > size:
        costs = _costs(chunks, alphabet, tokens)
        ranked = sorted(range(len(tokens)), key=lambda index: (-costs[index], index))
        kept = max(size, int(len(tokens) * (1 - _DROPPED)))
        tokens = [tokens[index] for index in sorted(ranked[:kept])]
    return tokens


def _costs(
    chunks: Mapping[str, int], alphabet: Sequence[str], tokens: Sequence[str]
) -> list[int]:
    """How many more tokens the chunks would take without each token."""
    vocabulary = [*tokens, *alphabet]
    segmenter = Segmenter(
        (symbols, number) for number, symbols in enumerate(vocabulary)
    )
    uses: Counter[int] = Counter()
    for chunk, weight in chunks.items():
        for number in segmenter.segment(chunk):
            uses[number] += weight
    return [
        uses[number] * (segmenter.num_without(symbols) - 1)
        for number, symbols in enumerate(tokens)
    ]
