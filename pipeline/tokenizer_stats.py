"""Measure a tokenizer on workflows."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.errors import SourceError
from ..data.json_text import canonical_bytes
from ..data.tokenizer import VOCAB_SIZE, Tokenizer
from ..data.tokenizer.symbols import is_text
from .parse import parse_document
from .progress import Progress
from .rejects import RejectedError
from .sources import Columns, read_records
from .violations import violations

__all__ = ["TokenizerStats", "measure"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerStats:
    """What a tokenizer does with some workflows."""

    inputs: int
    """Files and rows that were read."""
    lengths: NDArray[np.int64]
    """(D,) tokens of each document."""
    bytes: int
    """Of canonical JSON."""
    lossless: int
    """Documents that decode to the very same text."""
    on_schema: int
    """Documents without an escape."""
    uses: NDArray[np.int64]
    """(8192,) how often each id occurs."""
    kinds: dict[str, int]
    """Tokens by what they hold: text, structure or both."""
    violations: Counter[str]
    """Documents by what they break, see `pipeline.violations`."""
    encode_seconds: float
    decode_seconds: float


def measure(
    tokenizer: Tokenizer,
    sources: Sequence[Path],
    columns: Columns,
    progress: Progress,
) -> TokenizerStats:
    """Encode and decode every document of some sources.

    Raises:
        SourceError: a source is missing, empty or holds no document.
    """
    progress.stage("measure", None)
    tokenizer.decode(tokenizer.encode({}))  # builds its tables
    inputs = size = lossless = on_schema = 0
    encode_seconds = decode_seconds = 0.0
    lengths: list[int] = []
    uses = np.zeros(VOCAB_SIZE, dtype=np.int64)
    broken = Counter[str]()
    for record in read_records(sources, columns):
        progress.advance()
        inputs += 1
        try:
            if record.problem is not None:
                raise record.problem
            value = parse_document(record.text)
        except RejectedError:
            continue
        text = canonical_bytes(value)
        begun = time.perf_counter()
        ids = tokenizer.encode(value)
        encoded = time.perf_counter()
        decoded = tokenizer.decode(ids)
        decode_seconds += time.perf_counter() - encoded
        encode_seconds += encoded - begun
        size += len(text)
        lengths.append(len(ids))
        uses += np.bincount(ids, minlength=VOCAB_SIZE)
        lossless += canonical_bytes(decoded) == text
        on_schema += tokenizer.is_on_schema(ids)
        if not tokenizer.is_on_schema(ids):
            broken.update(violations(tokenizer, ids))
    if not lengths:
        raise SourceError(
            f"{', '.join(map(str, sources))}: no document among {inputs:,} inputs",
            "check that these are workflows, and --text-column",
        )
    return TokenizerStats(
        inputs=inputs,
        lengths=np.array(lengths),
        bytes=size,
        lossless=lossless,
        on_schema=on_schema,
        uses=uses,
        kinds=_kinds(tokenizer, uses),
        violations=broken,
        encode_seconds=encode_seconds,
        decode_seconds=decode_seconds,
    )


def _kinds(tokenizer: Tokenizer, uses: NDArray[np.int64]) -> dict[str, int]:
    kinds = {"text": 0, "structure": 0, "both": 0}
    for number, symbols in tokenizer.vocabulary.items():
        texts = sum(map(is_text, symbols))
        pure = "text" if texts == len(symbols) else "structure"
        kinds["both" if 0 < texts < len(symbols) else pure] += int(uses[number])
    return kinds
