"""Turn an input into an outcome: a document with tokens, or a reject with a reason."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.check import find_problem
from ...data.documents.json_text import canonical_bytes
from ...data.documents.parse import parse_document
from ...data.documents.rejects import Reason, RejectedError
from ...data.tokenizer import Tokenizer
from ...data.tokenizer.findings import violations
from ...data.windows import MAX_DOCUMENT_TOKENS
from ..sources import Record
from .previous_store import Encoded, PreviousStore
from .selection.near_duplicates import SIGNATURE_BYTES, Signer
from .staging import staged_store

__all__ = ["OUTCOMES_SCHEMA", "Encoder", "Outcome", "outcomes_table"]

OUTCOMES_SCHEMA = pa.schema(
    {
        "path": pa.string(),
        "source_sha256": pa.binary(32),
        "n_source_bytes": pa.int64(),
        "group": pa.string(),  # null if unknown
        "file": pa.string(),
        "time": pa.float64(),
        # Null for a document.
        "stage": pa.string(),
        "reason": pa.string(),
        "message": pa.string(),
        # Null, zero or empty for a reject.
        "sha256": pa.binary(32),
        "n_bytes": pa.int64(),
        "on_schema": pa.bool_(),
        "violations": pa.list_(pa.string()),
        # Null unless near-duplicates are searched for.
        "signature": pa.binary(SIGNATURE_BYTES),
        "length": pa.uint32(),
        "tokens": pa.list_(pa.uint16()),
    }
)
_STAGES: dict[Reason, str] = {
    "path_limit": "select",
    "group_limit": "select",
    "too_long": "encode",
    "breaks_rules": "check",
}
_MAX_PROBLEM = 300  # characters of the message of a reject
_NO_TOKENS = np.empty(0, dtype=np.uint16)


@dataclass(frozen=True, kw_only=True, slots=True)
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
    """Found in the previous store, not parsed and encoded; not in the table."""

    @property
    def length(self) -> int:
        """Number of tokens."""
        return len(self.tokens)


class Encoder:
    """Makes the outcome of one input after the other."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        previous: PreviousStore | None = None,
        signer: Signer | None = None,
        *,
        valid_only: bool = False,
    ) -> None:
        """Set what outcomes are made with.

        Args:
            tokenizer: encodes documents.
            previous: supplies the tokens of documents it has; None encodes all.
            signer: computes MinHash signatures; None leaves them out.
            valid_only: reject documents in which `tct check` finds something.
        """
        self.tokenizer = tokenizer
        self.previous = previous
        self.signer = signer
        self.valid_only = valid_only

    @staticmethod
    def of_job(folder: Path, job: dict[str, Any]) -> "Encoder":
        """The encoder that the job of a staging folder asks for."""
        return Encoder(
            Tokenizer.load(folder / "tokenizer.json"),
            PreviousStore(staged_store(folder)) if job["earlier"] else None,
            Signer() if job["near_duplicates"] else None,
            valid_only=job["valid_only"],
        )

    def outcome(self, record: Record) -> Outcome:
        """Parse and encode an input, or record why it is not a document."""
        source_sha256 = hashlib.sha256(record.text).digest()
        outcome = partial(
            Outcome,
            path=record.path,
            source_sha256=source_sha256,
            n_source_bytes=len(record.text),
            group=record.group,
            file=record.file,
            time=record.time,
        )
        try:
            if record.problem is not None:
                raise record.problem
            if self.valid_only:
                _check(record.text)
            known = self.previous.find(source_sha256) if self.previous else None
            found = known or self._encode(record.text)
            signature = self.signer.sign(record.text) if self.signer else None
        except RejectedError as problem:
            stage = _STAGES.get(problem.reason, "read")
            return outcome(stage=stage, reason=problem.reason, message=problem.message)
        on_schema = self.tokenizer.is_on_schema(found.tokens)
        broken = set() if on_schema else violations(self.tokenizer, found.tokens)
        return outcome(
            sha256=found.sha256,
            n_bytes=found.n_bytes,
            tokens=found.tokens,
            on_schema=on_schema,
            violations=sorted(broken),
            signature=signature,
            reused=known is not None,
        )

    def _encode(self, text: bytes) -> Encoded:
        value = parse_document(text)
        canonical = canonical_bytes(value)
        # Encoding stops soon after the limit: a huge document costs no more than that.
        tokens = self.tokenizer.encode(value, MAX_DOCUMENT_TOKENS)
        if len(tokens) > MAX_DOCUMENT_TOKENS:
            message = f"more than {MAX_DOCUMENT_TOKENS:,} tokens"
            raise RejectedError("too_long", message)
        return Encoded(hashlib.sha256(canonical).digest(), len(canonical), tokens)


def _check(text: bytes) -> None:
    """Raise RejectedError if GitHub refuses a document."""
    problem = find_problem(parse_document(text))
    if problem is not None:
        raise RejectedError("breaks_rules", problem[:_MAX_PROBLEM])


def outcomes_table(outcomes: Sequence[Outcome]) -> pa.Table:
    """A table of OUTCOMES_SCHEMA; all its tokens are one contiguous array."""
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
