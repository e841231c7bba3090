"""Sources to a store.

    read      sources → parse → canonical JSON → drop exact duplicates → spool file
    encode    spool → token ids → shards
    write     index, rejects, tokenizer, manifest; then the folder is renamed into place

The store is a function of the inputs and options alone.  Its cache key says which, so
preparing the same again finds the store and does nothing, and a store that was made
from something else is never taken for it, nor overwritten unasked.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ..data.errors import SourceError
from ..data.files import naming, write_json
from ..data.json_text import canonical_bytes
from ..data.tokenizer import Tokenizer
from ..data.windows import MAX_DOCUMENT_TOKENS
from .cache_key import find_store, key_inputs
from .manifest import Document, Reject, complete_manifest, describe_store
from .parse import parse_document
from .progress import Progress
from .rejects import RejectedError
from .sources import Columns, Record, Source, read_records
from .splits import split_of
from .violations import most_common, violations
from .writer import ShardWriter, describe_files, staging, write_docs, write_rejects

__all__ = ["PrepareOptions", "PrepareReport", "prepare"]

_MAX_VIOLATIONS = 1000  # kinds that the manifest lists


@dataclass(frozen=True, kw_only=True, slots=True)
class PrepareOptions:
    """What `prepare` may be told; every field but `force` is part of the cache key."""

    columns: Columns = field(default_factory=Columns)
    tokenizer: Path | None = None
    """A tokenizer.json to use; None takes the one that ships with the package."""
    split_seed: int = 0
    force: bool = False
    """Replace a store that was made from something else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrepareReport:
    """What was made, or found to be there already."""

    store: Path
    up_to_date: bool
    manifest: dict[str, Any]
    seconds: dict[str, float]
    """Wall time by stage; empty if the store was up to date."""


def prepare(
    sources: Sequence[Source], store: Path, options: PrepareOptions, progress: Progress
) -> PrepareReport:
    """Make `store` from `sources`, or find that it is already made.

    Raises:
        SourceError: a source is missing, empty or holds no document.
        StaleStoreError: `store` was made from something else and `force` is not set.
        FormatError: `store` is a folder of something else.
    """
    if store.is_symlink():
        store = store.resolve()  # the folder is replaced, not the link
    progress.stage("hash", None)
    tokenizer = Tokenizer.load_or_default(options.tokenizer)
    inputs = key_inputs(
        sources,
        columns=options.columns,
        split_seed=options.split_seed,
        tokenizer=tokenizer,
    )
    found = find_store(store, inputs, force=options.force)
    if found is not None:
        return PrepareReport(store=store, up_to_date=True, manifest=found, seconds={})
    with staging(store) as folder:
        run = _Run(folder, options, progress)
        run.read(sources)
        run.encode(tokenizer)
        manifest = run.finish(tokenizer, inputs)
    return PrepareReport(
        store=store, up_to_date=False, manifest=manifest, seconds=run.seconds
    )


@dataclass(slots=True)
class _Run:
    folder: Path
    options: PrepareOptions
    progress: Progress
    documents: list[Document] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    violations: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    _begun: float = field(default_factory=time.perf_counter)

    @property
    def spool(self) -> Path:
        """Canonical JSON, one document per line."""
        return self.folder / "documents.jsonl"

    def _end_stage(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = now - self._begun
        self._begun = now

    def read(self, sources: Sequence[Source]) -> None:
        """Parse every input; keep the first of equal documents."""
        self.progress.stage("read", None)
        seen: dict[bytes, str] = {}
        with naming(self.spool), self.spool.open("wb") as spool:
            for record in read_records(sources, self.options.columns):
                self.progress.advance()
                try:
                    self._keep(record, seen, spool)
                except RejectedError as problem:
                    self._reject(record, "read", problem)
        if not self.documents:
            reasons = Counter[str](reject.reason for reject in self.rejects)
            raise SourceError(
                f"{', '.join(map(str, sources))}: no document among "
                f"{len(self.rejects):,} inputs{_counts(reasons)}",
                "check that these are workflows, and --text-column",
            )
        self._end_stage("read")

    def _keep(self, record: Record, seen: dict[bytes, str], spool: BinaryIO) -> None:
        if record.problem is not None:
            raise record.problem
        canonical = canonical_bytes(parse_document(record.text))
        digest = hashlib.sha256(canonical).digest()
        first = seen.setdefault(digest, record.path)
        if first is not record.path:
            raise RejectedError("exact_duplicate", f"same document as {first}")
        group = record.group or digest.hex()
        spool.write(canonical + b"\n")
        self.documents.append(
            Document(
                sha256=digest,
                path=record.path,
                group=group,
                split=split_of(group, seed=self.options.split_seed),
                n_bytes=len(canonical),
                n_source_bytes=len(record.text),
            )
        )

    def _reject(self, record: Record, stage: str, problem: RejectedError) -> None:
        digest = hashlib.sha256(record.text).digest()
        self.rejects.append(
            Reject(record.path, digest, stage, problem.reason, problem.message)
        )

    def _spooled(self) -> Iterator[tuple[Document, Any]]:
        with self.spool.open("rb") as spool:
            for document, line in zip(self.documents, spool, strict=True):
                yield document, json.loads(line)

    def encode(self, tokenizer: Tokenizer) -> None:
        """Token ids into shards; the documents learn where they are."""
        self.progress.stage("encode", len(self.documents))
        writer = ShardWriter(self.folder)
        kept = []
        for document, value in self._spooled():
            self.progress.advance()
            ids = tokenizer.encode(value)
            if len(ids) > MAX_DOCUMENT_TOKENS:
                message = f"{len(ids):,} tokens, at most {MAX_DOCUMENT_TOKENS:,}"
                self.rejects.append(
                    Reject(
                        document.path, document.sha256, "encode", "too_long", message
                    )
                )
                continue
            document.shard, document.offset = writer.add(ids)
            document.length = len(ids)
            document.on_schema = tokenizer.is_on_schema(ids)
            if not document.on_schema:
                self.violations.update(violations(tokenizer, ids))
            kept.append(document)
        writer.close()
        if not kept:
            raise SourceError(
                f"none of {len(self.documents):,} documents has at most "
                f"{MAX_DOCUMENT_TOKENS:,} tokens",
                "prepare smaller ones beside them",
            )
        self.documents = kept
        self._end_stage("encode")

    def finish(self, tokenizer: Tokenizer, inputs: dict[str, Any]) -> dict[str, Any]:
        """Write the index and, last, the manifest."""
        self.progress.stage("write", None)
        self.spool.unlink()
        tokenizer.save(self.folder / "tokenizer.json")
        write_docs(self.folder / "docs.arrow", self.documents)
        write_rejects(self.folder / "rejects.arrow", self.rejects)
        fixed = {
            **describe_store(self.documents, self.rejects),
            "violations": dict(most_common(self.violations, _MAX_VIOLATIONS)),
            "tokenizer": tokenizer.digest,
            "files": describe_files(self.folder),
        }
        self._end_stage("write")
        manifest = complete_manifest(fixed, inputs, self.seconds)
        write_json(self.folder / "manifest.json", manifest)
        return manifest


def _counts(reasons: Counter[str]) -> str:
    names = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
    return f" ({names})" if names else ""
