"""Tables and JSON Lines that are damaged, or made to be: read, rejected or refused."""

import datetime
import decimal
import gzip
import io
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tct.data.documents.parse import MAX_DOCUMENT_BYTES
from tct.pipeline.prepare.parts import cut, part_file, write_inputs
from tct.pipeline.sources import Columns, Condition, fingerprint, read_records
from tct.tests.boundaries.harness import (
    NUM_SHORT,
    NUM_SLOW,
    attack_apart,
    mutate,
    overwrite,
)

TEXT = "name: ü\non: push\njobs:\n  t:\n    uses: ./a.yml\n"
NUM_ROWS = 40
WHERE = tuple(map(Condition.parse, ("stars>=2", "at<2026-01-31T12:00", "repo!=x")))


def table() -> pa.Table:
    """Rows whose columns are of many types."""
    numbers = range(NUM_ROWS)
    days = [datetime.date(2026, 1, 1 + n % 28) for n in numbers]
    prices = pa.array([decimal.Decimal(n) for n in numbers], pa.decimal128(9, 2))
    texts = [TEXT.replace("push", f"push # {n}") if n % 7 else None for n in numbers]
    return pa.table(
        {
            "text": texts,
            "repo": pa.array([f"o/{n % 3}" for n in numbers]).dictionary_encode(),
            "path": pa.array([f"{n % 5}.yml" for n in numbers], pa.large_string()),
            "time": pa.array(days, pa.date32()),
            "at": pa.array(days).cast(pa.timestamp("ns", "Europe/Berlin")),
            "stars": pa.array(numbers, pa.uint64()),
            "price": prices,
            "tags": [[str(n)] * (n % 3) for n in numbers],
        }
    )


def parquet(**options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table(), buffer, row_group_size=16, **options)
    return buffer.getvalue()


def arrow(new: Callable[..., Any], compression: str | None = None) -> bytes:
    buffer = io.BytesIO()
    made = table()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with new(buffer, made.schema, options=options) as writer:
        writer.write_table(made, max_chunksize=16)
    return buffer.getvalue()


def lines() -> bytes:
    rows = table().to_pylist()
    return "\n".join(json.dumps(row, default=str) for row in rows).encode()


KINDS: dict[str, Callable[[], list[bytes]]] = {
    ".parquet": lambda: [
        parquet(compression="none", use_dictionary=False),
        parquet(compression="none", data_page_version="2.0"),
        parquet(compression="snappy", write_page_checksum=True),
        parquet(compression="zstd"),
        parquet(compression="gzip", store_schema=False),
        parquet(
            compression="lz4",
            use_dictionary=False,
            column_encoding={
                "text": "DELTA_BYTE_ARRAY",
                "stars": "DELTA_BINARY_PACKED",
            },
        ),
    ],
    ".arrow": lambda: [
        arrow(pa.ipc.new_file),
        arrow(pa.ipc.new_file, "zstd"),
        arrow(pa.ipc.new_file, "lz4"),
        arrow(pa.ipc.new_stream),
        arrow(pa.ipc.new_stream, "zstd"),
    ],
    ".jsonl": lambda: [lines()],
    ".jsonl.gz": lambda: [gzip.compress(lines(), mtime=0)],
    ".jsonl.zst": lambda: [bytes(pa.compress(lines(), "zstd", asbytes=True))],
}


def read_all(path: Path) -> None:
    """Do what `prepare` does with a source before it tokenizes."""
    fingerprint([path])
    for where in ((), WHERE):
        records = read_records([path], Columns(where=where))
        for number, part in enumerate(cut(records)):
            write_inputs(path.parent, number, part)
            for record in part:
                assert record.path.startswith(f"{path.name}#")
                assert len(record.text) <= MAX_DOCUMENT_BYTES + 1
                assert math.isfinite(record.time)
            part_file(path.parent, number, "in").unlink()


def damage_footer(data: bytes, others: Sequence[bytes], choose: random.Random) -> bytes:
    """Overwrite only what a file of Parquet says of itself.

    There pyarrow 26 ends the process: where what is said of the levels of a column does
    not fit, and the column is looked at before it is read.
    """
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    return data[:start] + overwrite(data[start:-8], others, choose) + data[-8:]


def attack_kind(suffix: str, folder: Path, number: int) -> None:
    (folder / "parts").mkdir()
    path = folder / f"rows{suffix}"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        read_all(path)

    valid = KINDS[suffix]()
    for data in valid:
        read(data)
    outcomes: Counter[str] = Counter()
    changes = [mutate, overwrite, damage_footer][: 3 if suffix == ".parquet" else 2]
    for change in changes:
        name = f"table{suffix}-{change.__name__}"
        outcomes += attack_apart(name, valid, read, number // len(changes), change)
    print(suffix, dict(outcomes))
    assert outcomes["read"] or suffix == ".jsonl.gz"  # gzip has a checksum
    assert outcomes["SourceError"] or suffix == ".jsonl"


@pytest.mark.parametrize("suffix", KINDS)
def test_damaged_rows_are_read_rejected_or_refused(suffix: str, tmp_path: Path) -> None:
    attack_kind(suffix, tmp_path, NUM_SHORT)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", KINDS)
def test_a_million_damaged_rows_are_read_rejected_or_refused(
    suffix: str, tmp_path: Path
) -> None:
    attack_kind(suffix, tmp_path, NUM_SLOW // len(KINDS))
