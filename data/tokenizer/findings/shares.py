"""The tokens of a document by top-level key."""

import re
from collections import defaultdict
from collections.abc import Iterable

from ..tokenizer import Tokenizer

__all__ = ["key_shares"]

_RUN = re.compile("[^\ue000-\uf8ff]+|.", re.DOTALL)  # text, or what may change the key


def key_shares(tokenizer: Tokenizer, ids: Iterable[int]) -> dict[str, float]:
    """Count the tokens of each top-level key of a document.

    A token that several keys share counts for each by its symbols there; keys that the
    schema does not name are `*` together.
    """
    reader, key = tokenizer.codec.reader(), "*"
    shares = defaultdict[str, float](float)
    for token in ids:
        symbols = tokenizer.vocabulary[token]
        for run in _RUN.findall(symbols):
            reader.feed(run)
            key = reader.top_key or key
            shares[key] += len(run) / len(symbols)
    return shares
