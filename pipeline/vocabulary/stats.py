"""Measure a tokenizer on documents."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...data.display.progress import Progress
from ...data.documents.json_text import Json, canonical_bytes
from ...data.documents.parse import parse_document
from ...data.documents.rejects import RejectedError
from ...data.errors import SourceError
from ...data.tokenizer import VOCAB_SIZE, Tokenizer
from ...data.tokenizer.findings import violations
from ...data.tokenizer.symbols import kind
from ..sources import Columns, Source, read_records

__all__ = ["TokenizerStats", "measure"]


@dataclass(kw_only=True, slots=True)
class TokenizerStats:
    """Measurements of a tokenizer on some documents."""

    tokenizer: Tokenizer
    inputs: int = 0
    """Files and rows that were read."""
    lengths: list[int] = field(default_factory=list)
    """Tokens of each document."""
    bytes: int = 0
    """Of canonical JSON."""
    lossless: int = 0
    """Documents whose tokens decode to the same canonical text."""
    on_schema: int = 0
    """Documents without an escape."""
    uses: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(VOCAB_SIZE, dtype=np.int64)
    )
    """(8192,) int64: how often each id occurs."""
    violations: Counter[str] = field(default_factory=Counter)
    """Number of documents with each violation, see `violations`."""
    encode_seconds: float = 0
    decode_seconds: float = 0

    def add(self, value: Json) -> None:
        """Encode and decode a document, and add it to the measurements."""
        text = canonical_bytes(value)
        begun = time.perf_counter()
        ids = self.tokenizer.encode(value)
        encoded = time.perf_counter()
        decoded = self.tokenizer.decode(ids)
        self.decode_seconds += time.perf_counter() - encoded
        self.encode_seconds += encoded - begun
        self.bytes += len(text)
        self.lengths.append(len(ids))
        self.uses += np.bincount(ids, minlength=VOCAB_SIZE)
        self.lossless += canonical_bytes(decoded) == text
        if self.tokenizer.is_on_schema(ids):
            self.on_schema += 1
        else:
            self.violations.update(violations(self.tokenizer, ids))

    @property
    def kinds(self) -> dict[str, int]:
        """Number of tokens that hold text, structure or both."""
        kinds = {"text": 0, "structure": 0, "both": 0}
        for number, symbols in self.tokenizer.vocabulary.items():
            kinds[kind(symbols)] += int(self.uses[number])
        return kinds


def measure(
    tokenizer: Tokenizer,
    sources: Sequence[Source],
    columns: Columns,
    progress: Progress,
) -> TokenizerStats:
    """Encode and decode every document of some sources.

    Raises:
        SourceError: a source is missing, empty or holds no document.
    """
    progress.stage("measure", None)
    tokenizer.decode(tokenizer.encode({}))  # builds the tables, which is not measured
    stats = TokenizerStats(tokenizer=tokenizer)
    columns = columns.of(tokenizer.kind, tokenizer.grammar)
    for record in read_records(sources, columns):
        progress.advance()
        stats.inputs += 1
        if record.problem is None:
            with suppress(RejectedError):
                stats.add(parse_document(record.text))
    if not stats.lengths:
        raise SourceError(
            f"{', '.join(map(str, sources))}: no document among {stats.inputs:,} "
            "inputs",
            f"check that these are {tokenizer.kind.many}, and --text-column",
        )
    return stats
