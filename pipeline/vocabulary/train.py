"""Learn a tokenizer from documents.

Repositories repeat themselves, and merges that learn the repetition serve unseen files
badly: learnt from every version of a file, they make unseen files 2–3 % longer.  So
only the newest version of a file is used, and at most MAX_PER_GROUP documents of a
group, evenly spaced.  A chunk counts once for each group that has it, which makes
unseen repositories another 0.8 % shorter.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ...data.display.progress import Progress
from ...data.documents.json_text import Json, canonical_bytes
from ...data.documents.parse import parse_document
from ...data.documents.rejects import RejectedError
from ...data.errors import ConfigError, SchemaError, SourceError
from ...data.kinds import KINDS, WORKFLOW, Format, Kind
from ...data.tokenizer import VOCAB_SIZE, Tokenizer
from ...data.tokenizer.codec import Codec
from ...data.tokenizer.symbols import (
    BYTES,
    ESCAPES,
    MAX_CHARACTERS,
    MAX_LITERALS,
    base_symbols,
    byte_symbol,
)
from ..compiler import CompiledSchema, compile_schema
from ..sources import Columns, Record, Source, read_records
from ..workflow_schema import workflow_schema
from .prune import learn_vocabulary

__all__ = [
    "MAX_DOCUMENTS",
    "MAX_PER_GROUP",
    "Training",
    "train_from_sources",
    "train_tokenizer",
    "training_rows",
]

MAX_PER_GROUP = 60
MAX_DOCUMENTS = 12_000
"""More documents hardly improve the vocabulary, but take minutes longer."""

# Escapes stay tokens of their own, so that masks can forbid them by three ids; bytes
# above ASCII do, so that merged tokens never end inside a character.
_NEVER_MERGED = ESCAPES | {byte_symbol(byte) for byte in BYTES if byte >= 0x80}


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """A tokenizer, and the counts of its inputs."""

    tokenizer: Tokenizer
    inputs: int
    """Files and rows that were read."""
    rejected: int
    """Inputs that are not documents."""
    documents: int
    """Documents that were learnt from."""
    groups: int
    """Repositories of these documents."""
    on_schema: int
    """Documents of these without an escape."""
    notes: tuple[str, ...]
    """What the grammar narrows, one line each; see `CompiledSchema`."""


def train_from_sources(
    sources: Sequence[Source],
    output: Path,
    columns: Columns,
    progress: Progress,
    *,
    kind: Kind = WORKFLOW,
    style: Format | None = None,
    force: bool = False,
) -> Training:
    """Learn a tokenizer from the newest version of each document and save it.

    Args:
        sources: files and folders.
        output: the tokenizer.json to write.
        columns: what the fields of rows mean.
        progress: shows each stage.
        kind: of the documents.
        style: the language of documents of somebody's own kind; None is that of most.
        force: replace `output`.

    Raises:
        SchemaError: the schema cannot be compiled; names the JSON pointer.
        SourceError: a source is missing, empty or holds no document.
        ConfigError: `output` exists and `force` is not set.
    """
    _check_place(output, force=force)
    compiled = _compiled(kind)
    progress.stage("read", None)
    records = read_records(sources, columns.of(kind, compiled.grammar))
    newest, counts, num_json = _newest(records, progress)
    if not newest:
        where = ", ".join(map(str, sources))
        raise SourceError(
            f"{where}: no document among {counts.total():,} inputs",
            f"check that these are {kind.many}, and --text-column",
        )
    chosen = [newest[row] for row in training_rows([group for group, _ in newest])]
    progress.stage("learn", None)
    most: Format = "json" if 2 * num_json > counts[""] else "yaml"
    is_own = kind not in KINDS.values()
    tokenizer = train_tokenizer(
        lambda: ((group, json.loads(text)) for group, text in chosen),
        compiled=compiled,
        kind=replace(kind, format=style or most) if is_own else kind,
        progress=lambda count: progress.advance(),
    )
    tokenizer.save(output)
    return _training(tokenizer, counts, chosen, compiled.notes)


def _training(
    tokenizer: Tokenizer,
    counts: Counter[str],
    chosen: Sequence[tuple[str, bytes]],
    notes: tuple[str, ...],
) -> Training:
    encoded = (tokenizer.encode(json.loads(text)) for _, text in chosen)
    return Training(
        tokenizer=tokenizer,
        inputs=counts.total(),
        rejected=counts.total() - counts[""],
        documents=len(chosen),
        groups=len({group for group, _ in chosen}),
        on_schema=sum(map(tokenizer.is_on_schema, encoded)),
        notes=notes,
    )


def _check_place(output: Path, *, force: bool) -> None:
    if output.is_dir():
        raise ConfigError(
            f"{output}: found a folder, expected a file",
            f"write to {output / 'tokenizer.json'}",
        )
    if output.exists() and not force:
        raise ConfigError(
            f"{output}: exists already, and stores may have been made with it",
            "give another file with -o, or replace this one with --force",
        )


def _newest(
    records: Iterable[Record], progress: Progress
) -> tuple[list[tuple[str, bytes]], Counter[str], int]:
    """Group and canonical text of the newest version of each file, in input order.

    Also counts the inputs by reason of rejection, with "" for documents, and documents
    that are written as JSON.
    """
    found: dict[tuple[str, str | int | None], tuple[float, bytes]] = {}
    counts, num_json = Counter[str](), 0
    for record in records:
        progress.advance()
        try:
            if record.problem is not None:
                raise record.problem
            text = canonical_bytes(parse_document(record.text))
        except RejectedError as problem:
            counts[problem.reason] += 1
            continue
        counts[""] += 1
        num_json += record.text.lstrip().startswith(b"{")
        # Without group and file, no other input is known to be a version of this one.
        number = counts.total()
        known = record.group is not None and record.file is not None
        key = record.group or str(number), record.file if known else number
        if key not in found or record.time >= found[key][0]:
            found[key] = record.time, text
    newest = [(group, text) for (group, _), (_, text) in found.items()]
    return newest, counts, num_json


def training_rows(groups: Sequence[str]) -> list[int]:
    """Choose the documents to learn from: ascending indices, at most MAX_DOCUMENTS.

    Args:
        groups: the group of each document.
    """
    members: defaultdict[str, list[int]] = defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row)
    rows = sorted(
        row for group in members.values() for row in _evenly(group, MAX_PER_GROUP)
    )
    return _evenly(rows, MAX_DOCUMENTS)


def _evenly(rows: list[int], most: int) -> list[int]:
    """At most `most` of the rows, evenly spaced."""
    count = min(len(rows), most)
    return [rows[index * len(rows) // count] for index in range(count)]


def train_tokenizer(
    documents: Callable[[], Iterable[tuple[str, Json]]],
    *,
    compiled: CompiledSchema | None = None,
    kind: Kind = WORKFLOW,
    progress: Callable[[int], None] = lambda count: None,
) -> Tokenizer:
    """Learn the vocabulary.

    Args:
        documents: called twice; returns the same (group, document) pairs each time.
        compiled: the schema; None is that of workflows.
        kind: of the documents.
        progress: called with the number of merged tokens made so far.

    Returns:
        A tokenizer that depends on the documents alone, not on their order or on the
        machine.  If they are too few to fill 8,192 ids, the last ids are unused.
    """
    compiled = compiled or _official()
    characters = _common_characters(value for _, value in documents())
    codec = Codec(compiled.grammar, characters)
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for group, value in documents():
        for chunk in codec.encode(value):
            groups[chunk].add(group)
    base = base_symbols(characters, num_literals=MAX_LITERALS)
    merges = learn_vocabulary(
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
        kind=kind,
    )


def _compiled(kind: Kind) -> CompiledSchema:
    if kind is WORKFLOW:
        return _official()
    try:
        return compile_schema(kind.schema())
    except SchemaError as error:
        raise SchemaError(
            f"schema {kind.name}: {error.problem}",
            "give --schema a copy that leaves this out or says it otherwise, see "
            "docs/kinds.md",
        ) from error


@cache
def _official() -> CompiledSchema:
    """The compiled workflow schema; cached, since compiling takes a second."""
    return compile_schema(workflow_schema())


def _common_characters(documents: Iterable[Json]) -> str:
    """The most frequent non-ASCII characters; others are encoded as bytes.

    A character that occurs only once is not worth a symbol.
    """
    counts = Counter(_other_characters(documents))
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    return "".join(c for c in ranked[:MAX_CHARACTERS] if counts[c] > 1)


def _other_characters(documents: Iterable[Json]) -> Iterator[str]:
    for value in documents:
        text = canonical_bytes(value).decode()
        if not text.isascii():
            for character in text:
                # Private-use characters denote symbols, see `symbols.py`.
                if character > "\x7f" and not "\ue000" <= character <= "\uf8ff":
                    yield character
