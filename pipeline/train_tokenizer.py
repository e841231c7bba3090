"""Learn a tokenizer from documents.

Repositories repeat themselves: merges learnt from every version of a file make unseen
files 2–3 % longer.  So at most MAX_PER_GROUP documents of a group are used, spread
evenly over those it has, and a chunk counts once for each group that has it, which
makes unseen repositories another 0.8 % shorter.  Validation documents are not used.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from ..data.codec import Codec
from ..data.json_text import Json, canonical_bytes
from ..data.symbols import (
    BYTES,
    ESCAPES,
    MAX_CHARACTERS,
    MAX_LITERALS,
    base_symbols,
    byte_symbol,
)
from ..data.tokenizer import VOCAB_SIZE, Tokenizer
from .merges import learn_merges
from .schema import compile_schema
from .workflow_schema import workflow_schema

__all__ = ["MAX_PER_GROUP", "TRAINING_VERSION", "train_tokenizer", "training_rows"]

TRAINING_VERSION = 1
"""Changes whenever the same documents would give another tokenizer."""

MAX_PER_GROUP = 60

# Escapes stay symbols of their own, so masks only have to leave out three ids; bytes
# above ASCII too, so a token never ends inside a character.
_NEVER_MERGED = ESCAPES | {byte_symbol(byte) for byte in BYTES if byte >= 0x80}


def training_rows(groups: Sequence[str]) -> list[int]:
    """Indices of the documents to learn from, ascending.

    Args:
        groups: the group of each document.
    """
    members: defaultdict[str, list[int]] = defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row)
    return sorted(
        rows[index * len(rows) // min(len(rows), MAX_PER_GROUP)]
        for rows in members.values()
        for index in range(min(len(rows), MAX_PER_GROUP))
    )


def train_tokenizer(
    documents: Callable[[], Iterable[tuple[str, Json]]],
    *,
    progress: Callable[[int], None] = lambda count: None,
) -> Tokenizer:
    """Compile the workflow schema and learn the vocabulary.

    Args:
        documents: called twice; gives the same pairs of a group and a document.
        progress: called with the number of merged tokens made so far.

    Returns:
        A tokenizer that depends on the documents alone, not on their order or on the
        machine.  Where they are too few for 8,192 ids, the last ones are reserved.
    """
    compiled = compile_schema(workflow_schema())
    characters = _common_characters(value for _, value in documents())
    codec = Codec(compiled.grammar, characters)
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for group, value in documents():
        for chunk in codec.encode(value):
            groups[chunk].add(group)
    base = base_symbols(characters, num_literals=MAX_LITERALS)
    merges = learn_merges(
        {chunk: len(names) for chunk, names in groups.items()},
        list(base.values()),
        size=VOCAB_SIZE - max(base) - 1,
        frozen=frozenset(_NEVER_MERGED),
        progress=progress,
    )
    return Tokenizer(
        compiled.grammar,
        characters=characters,
        merges=merges,
        schema_sha256=compiled.sha256,
    )


def _common_characters(documents: Iterable[Json]) -> str:
    """The most frequent non-ASCII characters; those that occur once stay bytes."""
    counts = Counter(_other_characters(documents))
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    return "".join(c for c in ranked[:MAX_CHARACTERS] if counts[c] > 1)


def _other_characters(documents: Iterable[Json]) -> Iterator[str]:
    for value in documents:
        text = canonical_bytes(value).decode()
        if not text.isascii():
            for character in text:
                # Private use characters stand for symbols, see `data.symbols`.
                if character > "\x7f" and not "\ue000" <= character <= "\uf8ff":
                    yield character
