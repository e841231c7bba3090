"""Measure how fast values become ids, and ids values, with and without the core.

Each round is a process of its own for each of the two, so documents are new to it: its
first pass encodes them, the second decodes the ids.  Seconds are CPU time.
"""

import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import click

from tct import __version__
from tct.data.documents.json_text import Json, canonical_bytes
from tct.data.documents.parse import parse_document
from tct.data.documents.rejects import RejectedError
from tct.data.tokenizer import Tokenizer
from tct.pipeline.sources import Columns, read_records

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "workflows-head.parquet"


def values(corpus: Path) -> list[Json]:
    """The documents of a source of tct prepare."""
    found = []
    for record in read_records([corpus], Columns()):
        try:
            found.append(parse_document(record.text))
        except RejectedError:
            continue
    return found


def measure(corpus: Path) -> tuple[float, float]:
    """MB of canonical JSON per second that this process encodes, and decodes."""
    documents, tokenizer, clock = values(corpus), Tokenizer.default(), time.process_time
    size = sum(len(canonical_bytes(value)) for value in documents) / 1e6
    tokenizer.encode({})  # tables are made
    begun = clock()
    ids = [tokenizer.encode(value) for value in documents]
    encoded = clock()
    again = [tokenizer.decode(part) for part in ids]
    decoded = clock()
    assert again == documents
    return size / (encoded - begun), size / (decoded - encoded)


@click.command()
@click.option("--corpus", type=Path, default=CORPUS, help="Any source of tct prepare.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--here", is_flag=True, hidden=True, help="Measure this process.")
def main(corpus: Path, rounds: int, here: bool) -> None:
    """Print a table in Markdown."""
    if here:
        print(*measure(corpus))
        return
    print(
        f"# Encoding and decoding\n\ntct {__version__}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}, "
        f"{len(values(corpus)):,} documents, medians of {rounds}\n"
    )
    rates: dict[str, list[list[float]]] = {"1": [], "0": []}
    for _ in range(rounds):
        for native, found in rates.items():
            command = [sys.executable, __file__, "--corpus", str(corpus), "--here"]
            environment = {**os.environ, "TCT_NATIVE": native}
            run = subprocess.run(
                command, env=environment, check=True, capture_output=True, text=True
            )
            found.append([float(figure) for figure in run.stdout.split()])
    print("| MB of canonical JSON/s | with the core | without | x |\n|---|---|---|---|")
    for column, what in enumerate(("encode, new documents", "decode")):
        ours, python = ([row[column] for row in found] for found in rates.values())
        ratio = statistics.median(a / b for a, b in zip(ours, python, strict=True))
        print(
            f"| {what} | {statistics.median(ours):.1f} "
            f"| {statistics.median(python):.1f} | {ratio:.1f} |"
        )


if __name__ == "__main__":
    main()
