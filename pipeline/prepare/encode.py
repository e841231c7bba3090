"""What becomes of an input: a document with its tokens, or a reject with its reason."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.documents.json_text import canonical_bytes
from ...data.documents.parse import parse_document
from ...data.documents.rejects import Reason, RejectedError
from ...data.tokenizer import Tokenizer
from ...data.tokenizer.violations import violations
from ...data.windows import MAX_DOCUMENT_TOKENS
from ..sources import Record
from .near_duplicates import SIGNATURE_BYTES, Signer
from .previous_store import Earlier
from .staging import staged_store

__all__ = ["OUTCOMES_SCHEMA", "Encoder", "Outcome", "outcomes_table"]

OUTCOMES_SCHEMA = pa.schema(
    {
        "path": pa.string(),
        "source_sha256": pa.binary(32),
        "n_source_bytes": pa.int64(),
        "group": pa.string(),  # null where nothing is known
        "file": pa.string(),
        "time": pa.float64(),
        # A reject has these.
        "stage": pa.string(),
        "reason": pa.string(),
        "message": pa.string(),
        # A document has these.
        "sha256": pa.binary(32),
        "n_bytes": pa.int64(),
        "on_schema": pa.bool_(),
        "violations": pa.list_(pa.string()),
        "signature": pa.binary(SIGNATURE_BYTES),  # null unless asked for
        "length": pa.uint32(),
        "tokens": pa.list_(pa.uint16()),
    }
)
_NO_TOKENS = np.empty(0, dtype=np.uint16)


@dataclass(kw_only=True, slots=True)
class Outcome:
    """A row of OUTCOMES_SCHEMA."""

    path: str
    source_sha256: bytes
    n_source_bytes: int
    group: str | None
    file: str | None
    time: float
    stage: str | None = None
    reason: Reason | None = None
    message: str | None = None
    sha256: bytes | None = None
    n_bytes: int = 0
    on_schema: bool = False
    violations: list[str] = field(default_factory=list)
    signature: bytes | None = None
    tokens: NDArray[np.uint16] = field(default_factory=lambda: _NO_TOKENS)
    reused: bool = False
    """Not parsed and encoded, but found in the earlier store; not in the table."""

    @property
    def length(self) -> int:
        """Number of tokens."""
        return len(self.tokens)


class Encoder:
    """Makes outcomes of inputs, one after the other."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        earlier: Earlier | None = None,
        signer: Signer | None = None,
    ) -> None:
        """Take what is needed for it.

        Args:
            tokenizer: encodes.
            earlier: documents whose tokens are known, if there are any.
            signer: makes what near-duplicates are known by, if that is wanted.
        """
        self.tokenizer = tokenizer
        self.earlier = earlier
        self.signer = signer

    @staticmethod
    def of_job(folder: Path, job: dict[str, Any]) -> "Encoder":
        """What a staging's job asks for."""
        return Encoder(
            Tokenizer.load(folder / "tokenizer.json"),
            Earlier(staged_store(folder)) if job["earlier"] else None,
            Signer() if job["near_duplicates"] else None,
        )

    def outcome(self, record: Record) -> Outcome:
        """Parse and encode an input, or say why it is no document."""
        outcome = Outcome(
            path=record.path,
            source_sha256=hashlib.sha256(record.text).digest(),
            n_source_bytes=len(record.text),
            group=record.group,
            file=record.file,
            time=record.time,
        )
        try:
            if record.problem is not None:
                raise record.problem
            if not self._reuse(outcome):
                self._encode(record.text, outcome)
            if self.signer is not None:
                outcome.signature = self.signer.sign(record.text)
        except RejectedError as problem:
            too_long = problem.reason == "too_long"
            outcome.stage = "encode" if too_long else "read"
            outcome.reason, outcome.message = problem.reason, problem.message
        return outcome

    def _encode(self, text: bytes, outcome: Outcome) -> None:
        value = parse_document(text)
        canonical = canonical_bytes(value)
        tokens = self.tokenizer.encode(value, MAX_DOCUMENT_TOKENS)
        if len(tokens) > MAX_DOCUMENT_TOKENS:
            message = f"more than {MAX_DOCUMENT_TOKENS:,} tokens"
            raise RejectedError("too_long", message)
        outcome.sha256 = hashlib.sha256(canonical).digest()
        outcome.n_bytes = len(canonical)
        self._set_tokens(outcome, tokens)

    def _reuse(self, outcome: Outcome) -> bool:
        if self.earlier is None:
            return False
        found = self.earlier.find(outcome.source_sha256)
        if found is None:
            return False
        outcome.sha256, outcome.n_bytes, tokens = found
        outcome.reused = True
        self._set_tokens(outcome, tokens)
        return True

    def _set_tokens(self, outcome: Outcome, tokens: NDArray[np.uint16]) -> None:
        outcome.tokens = tokens
        outcome.on_schema = self.tokenizer.is_on_schema(tokens)
        if not outcome.on_schema:
            outcome.violations = sorted(violations(self.tokenizer, tokens))


def outcomes_table(outcomes: Sequence[Outcome]) -> pa.Table:
    """The table of some outcomes; its tokens are one array behind the other."""
    offsets = np.zeros(len(outcomes) + 1, dtype=np.int32)
    np.cumsum([outcome.length for outcome in outcomes], out=offsets[1:])
    values = np.concatenate([_NO_TOKENS, *(outcome.tokens for outcome in outcomes)])
    tokens = pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))
    columns = [
        pa.array([getattr(outcome, column.name) for outcome in outcomes], column.type)
        for column in OUTCOMES_SCHEMA
        if column.name != "tokens"
    ]
    return pa.table([*columns, tokens], schema=OUTCOMES_SCHEMA)
