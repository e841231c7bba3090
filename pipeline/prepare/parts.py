"""Parts: some hundred inputs each, the unit of work that can be repeated.

    part-00007.in      inputs, as the sources gave them; removed when the part is done
    part-00007.arrow   the outcome of each input, in the same order
    part-00007.json    the record: counts, size and sha256; written last, so a part with
                       a record is done

`make_part` depends on the staging folder and the part's number alone, so any process
or machine can do it, more than once.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from ...data.documents.rejects import RejectedError
from ...data.errors import FormatError
from ...data.files import naming, sha256_file
from ...data.records import read_record, typed, write_record
from ...data.store.writer import write_arrow, write_table
from ..sources import Record
from ..sources.records import as_utf8
from .encode import Encoder, outcomes_table

__all__ = [
    "PART_BYTES",
    "PART_INPUTS",
    "PartRecord",
    "cut",
    "finished_part",
    "forget_job",
    "make_part",
    "part_file",
    "write_inputs",
]

PART_INPUTS = 512
PART_BYTES = 16 << 20
"""Most text in a part, unless a single input is longer; bounds a worker's memory."""

_INPUTS_SCHEMA = pa.schema(
    {
        "path": pa.string(),
        "text": pa.large_binary(),
        "group": pa.string(),
        "file": pa.string(),
        "time": pa.float64(),
        "reason": pa.string(),  # null unless the input cannot be read
        "message": pa.string(),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PartRecord:
    """The record of a part that is done."""

    number: int
    inputs: int
    tokenized: int
    """Documents that were parsed and encoded."""
    reused: int
    """Documents whose tokens come from the previous store."""
    bytes: int
    """Size of the part's Arrow file."""
    sha256: str


def cut(records: Iterable[Record], most: int = PART_INPUTS) -> Iterator[list[Record]]:
    """Cut inputs into parts of at most `most` inputs and PART_BYTES of text."""
    part, size = list[Record](), 0
    for record in records:
        if part and (len(part) == most or size + len(record.text) > PART_BYTES):
            yield part
            part, size = [], 0
        part.append(record)
        size += len(record.text)
    if part:
        yield part


def part_file(folder: Path, number: int, kind: str) -> Path:
    """The path of a part's file; `kind` is `in`, `arrow` or `json`."""
    return folder / "parts" / f"part-{number:05d}.{kind}"


def write_inputs(folder: Path, number: int, records: Iterable[Record]) -> None:
    """Spool the inputs of a part; not synced, since they can be read again."""
    path, rows = part_file(folder, number, "in"), list(records)
    problems = [row.problem for row in rows]
    columns = [
        [row.path for row in rows],
        [row.text for row in rows],
        [row.group for row in rows],
        [row.file and as_utf8(row.file) for row in rows],
        [row.time for row in rows],
        [problem and problem.reason for problem in problems],
        [problem and as_utf8(problem.message) for problem in problems],
    ]
    table = pa.table(columns, schema=_INPUTS_SCHEMA)
    with naming(path), path.open("wb") as file:
        write_arrow(file, table)


def _read_inputs(path: Path) -> Iterator[Record]:
    with pa.OSFile(os.fsencode(path)) as file:
        rows = pa.ipc.open_file(file).read_all().to_pylist()
    for row in rows:
        reason, message = row.pop("reason"), row.pop("message")
        yield Record(**row, problem=reason and RejectedError(reason, message))


def make_part(folder: str, number: int) -> PartRecord:
    """Do a part: read its inputs, write their outcomes, then its record.

    Args:
        folder: the staging folder.
        number: the part's.
    """
    home = Path(folder)
    done = finished_part(home, number)
    if done is not None:
        return done
    encoder = _encoder(folder, (home / "job.json").read_text())
    outcomes = [encoder.outcome(r) for r in _read_inputs(part_file(home, number, "in"))]
    path = part_file(home, number, "arrow")
    write_table(path, outcomes_table(outcomes))
    documents = [outcome for outcome in outcomes if outcome.reason is None]
    reused = sum(outcome.reused for outcome in documents)
    record = PartRecord(
        number=number,
        inputs=len(outcomes),
        tokenized=len(documents) - reused,
        reused=reused,
        bytes=path.stat().st_size,
        sha256=sha256_file(path),
    )
    path = part_file(home, number, "json")
    write_record(path, {"part": asdict(record)}, name="part", version=1)
    return record


@lru_cache(maxsize=1)
def _encoder(folder: str, job: str) -> Encoder:
    """The encoder of a job, kept between parts: opening a tokenizer costs time."""
    return Encoder.of_job(Path(folder), json.loads(job))


def forget_job() -> None:
    """Drop the encoder, and with it the map of the previous store."""
    _encoder.cache_clear()


def finished_part(folder: Path, number: int) -> PartRecord | None:
    """The record of a part; None unless the part is done and undamaged."""
    try:
        path = part_file(folder, number, "json")
        found = read_record(path, name="part", version=1, remake="do it again")
        record = typed(PartRecord, found["part"], "part")
        path = part_file(folder, number, "arrow")
        is_whole = record.bytes == path.stat().st_size
        return record if is_whole and sha256_file(path) == record.sha256 else None
    except (FileNotFoundError, FormatError, KeyError, ValueError):
        return None
