"""Prepare a store from sources, in stages.

    hash        digest inputs and options; stop if the store was made from the same ones
    select      with a limit per file or group: choose the inputs that are parsed
    tokenize    inputs → parts of some hundred → parse → token ids, in several processes
    write       parts → documents without duplicates → shards, index, manifest

The store depends only on the inputs and options, not on the number of processes or on
interruptions.  The manifest records both as the cache key: preparing the same again is
a no-op, and a store made from anything else is neither reused nor overwritten unasked.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ... import __version__
from ...data.display.progress import Progress, SilentProgress
from ...data.errors import SourceError
from ...data.kinds import Kind
from ...data.records import write_record
from ...data.store import Store
from ...data.store.files import STORE_VERSION
from ...data.store.manifest import complete_manifest, describe_store
from ...data.store.writer import describe_files, write_table
from ...data.tokenizer import Tokenizer
from ...data.tokenizer.findings import most_common
from ..report.summary import write_report
from ..sources import Columns, Location, Source, fingerprint, read_records
from .cache_key import find_store, inputs_digest, key_inputs
from .merge import Merged, merge
from .options import PrepareOptions, PrepareReport
from .parts import (
    PART_BYTES,
    PART_INPUTS,
    PartRecord,
    cut,
    finished_part,
    forget_job,
    make_part,
    part_file,
    write_inputs,
)
from .pool import run_parts
from .previous_store import is_usable
from .selection import Limited, limit
from .staging import Staging, staging, sweep
from .stat_cache import StatCache

__all__ = ["prepare"]

_MAX_VIOLATIONS = 1000  # kinds listed in the manifest


def prepare(
    sources: Source | Iterable[Source],
    store: Path | str,
    options: PrepareOptions | None = None,
    progress: Progress | None = None,
) -> PrepareReport:
    """Make `store` from `sources`, unless it is up to date.

    Args:
        sources: files and folders, or one of them.
        store: the folder to make.
        options: None is the defaults.
        progress: shows each stage; None shows nothing.

    Raises:
        SourceError: a source is missing, empty or holds no document.
        StaleStoreError: `store` was made from other inputs or options, and `force` is
            not set.
        FormatError: `store` exists and is not a store.
        LockedError: another process is making `store`.
        WorkerError: worker processes died repeatedly.
        ValueError: there are no sources.
    """
    sources = _listed(sources)
    store, options = Path(store), options or PrepareOptions()
    progress = progress or SilentProgress()
    if store.is_symlink():
        store = store.resolve()  # the folder is replaced, not the link
    run = _Preparation(sources, options, progress, StatCache(sources))
    run.begin("hash")
    tokenizer = Tokenizer.load_or_default(options.tokenizer)
    inputs = run.key_inputs(tokenizer)
    found = find_store(store, inputs, force=options.force)
    if found is None:
        with staging(store) as work:
            # Another process may have made it between the check and the lock.
            found = find_store(store, inputs, force=options.force)
            if found is None:
                return run.publish(store, work, tokenizer, inputs)
            work.discard()
    sweep(store, inputs)
    return PrepareReport(
        store=store, up_to_date=True, manifest=found, seconds={}, summary=None
    )


def _listed(sources: Source | Iterable[Source]) -> list[Source]:
    """A list, because sources are read more than once and an iterator is not."""
    if isinstance(sources, str | Path | Location):
        return [sources]
    if not (listed := list(sources)):
        raise ValueError("sources: found none, expected at least one")
    return listed


@dataclass(slots=True)
class _Preparation:
    """Makes one store, and times its stages."""

    sources: Sequence[Source]
    options: PrepareOptions
    progress: Progress
    hashes: StatCache
    seconds: dict[str, float] = field(default_factory=dict)
    _stage: str = ""
    _begun: float = 0

    def begin(self, stage: str) -> None:
        """End the current stage and begin another."""
        self.end()
        self._stage, self._begun = stage, time.perf_counter()
        self.progress.stage(stage, None)

    def end(self) -> None:
        """Record the time of the current stage."""
        if self._stage:
            seconds = time.perf_counter() - self._begun
            self.seconds[self._stage] = round(seconds, 3)

    def key_inputs(self, tokenizer: Tokenizer) -> dict[str, Any]:
        """The cache key; hashes are kept for the next run, whatever comes of this."""
        inputs = key_inputs(
            self.sources,
            columns=self.options.columns,
            rules=self.options.rules,
            tokenizer=tokenizer,
            sha256=self.hashes.sha256,
        )
        self.hashes.save()
        return inputs

    def publish(
        self, store: Path, work: Staging, tokenizer: Tokenizer, inputs: dict[str, Any]
    ) -> PrepareReport:
        """Make the store and its report, and let both appear at once."""
        manifest = self.make(work, tokenizer, inputs)
        summary = write_report(Store.open(work.made, verify="sizes"))
        work.publish()
        return PrepareReport(
            store=store,  # as it was given; the one of `work` is absolute
            up_to_date=False,
            manifest=manifest,
            seconds=self.seconds,
            summary=summary,
        )

    def make(
        self, work: Staging, tokenizer: Tokenizer, inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Make the store in a staging folder; return its manifest."""
        job = {
            "version": __version__,
            "key_inputs": inputs,
            "near_duplicates": self.options.rules.near_duplicates,
            "valid_only": self.options.rules.valid_only,
            "part": [PART_INPUTS, PART_BYTES],
            "earlier": is_usable(work.store, tokenizer),
        }
        work.take_up(job, tokenizer)
        columns = self.options.columns.of(tokenizer.kind, tokenizer.grammar)
        limited = self._limit(columns)
        self.begin("tokenize")
        try:
            records = self._tokenize(work, columns, limited)
        finally:
            forget_job()
        self._check_inputs(inputs)
        self.begin("write")
        parts = [part_file(work.folder, r.number, "arrow") for r in records]
        merged = merge(parts, work.made, self.options.rules, limited)
        self._check_documents(merged, tokenizer.kind)
        return self._write(work.made, merged, tokenizer, inputs, records)

    def _limit(self, columns: Columns) -> Limited:
        """Read all inputs once to choose among them, if there are limits."""
        rules = self.options.rules
        if not rules.has_limits:
            return limit((), rules)
        self.begin("select")
        return limit(read_records(self.sources, columns), rules)

    def _tokenize(
        self, work: Staging, columns: Columns, limited: Limited
    ) -> list[PartRecord]:
        """Do the parts that are missing; return the records of all, in order."""
        records: list[PartRecord] = []

        def missing() -> Iterator[int]:
            """Spool the inputs of each missing part; yield its number."""
            inputs = limited.of(read_records(self.sources, columns))
            for number, part in enumerate(cut(inputs, PART_INPUTS)):
                done = finished_part(work.folder, number)
                if done is None:
                    write_inputs(work.folder, number, part)
                    yield number
                else:
                    records.append(done)
                    self.progress.advance(done.inputs)

        task = partial(make_part, str(work.folder))
        workers, engine = self.options.workers, self.options.engine
        for record in run_parts(task, missing(), workers=workers, engine=engine):
            part_file(work.folder, record.number, "in").unlink(missing_ok=True)
            records.append(record)
            self.progress.advance(record.inputs)
        return sorted(records, key=lambda record: record.number)

    def _check_inputs(self, inputs: dict[str, Any]) -> None:
        """Refuse inputs that changed while they were read: the key would be wrong."""
        texts = self.options.columns.texts
        now = fingerprint(self.sources, self.hashes.sha256, texts=texts)
        if inputs_digest(now) != inputs["input_sha256"]:
            raise SourceError(
                f"{', '.join(map(str, self.sources))}: changed while it was read",
                "prepare again when nothing writes there",
            )

    def _check_documents(self, merged: Merged, kind: Kind) -> None:
        if not merged.docs.num_rows:
            reasons = Counter[str](merged.rejects["reason"].to_pylist())
            raise SourceError(
                f"{', '.join(map(str, self.sources))}: no document among "
                f"{merged.rejects.num_rows:,} inputs{_counts(reasons)}",
                f"check that these are {kind.many}, and --text-column",
            )

    def _write(
        self,
        folder: Path,
        merged: Merged,
        tokenizer: Tokenizer,
        inputs: dict[str, Any],
        records: Sequence[PartRecord],
    ) -> dict[str, Any]:
        """Write the tables, the tokenizer and, last, the manifest."""
        tokenizer.save(folder / "tokenizer.json")
        write_table(folder / "docs.arrow", merged.docs)
        write_table(folder / "rejects.arrow", merged.rejects)
        fixed = {
            **describe_store(merged.docs, merged.rejects),
            "duplicates": merged.duplicates,
            "violations": dict(most_common(merged.violations, _MAX_VIOLATIONS)),
            "tokenizer": tokenizer.digest,
            "files": describe_files(folder),
        }
        self.end()
        run = {
            "seconds": self.seconds,
            "parts": len(records),
            "tokenized": sum(record.tokenized for record in records),
            "reused": sum(record.reused for record in records),
        }
        manifest = complete_manifest(fixed, inputs, run)
        path = folder / "manifest.json"
        write_record(path, manifest, name="store", version=STORE_VERSION)
        return manifest


def _counts(reasons: Counter[str]) -> str:
    names = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
    return f" ({names})" if names else ""
