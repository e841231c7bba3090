"""Compare tokens and masks with byte-pair encoding and grammar engines.

All tokenizers learn from the same workflows and are measured on other repositories;
`schemes.py` holds the tokenizers, `masks.py` measures the grammar engines.
"""

import os
import platform
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path

import click
import masks
import numpy as np
from schemes import (
    BASELINE,
    CORPUS,
    SCHEMES,
    Pair,
    Scheme,
    read_corpus,
    read_ranks,
    say,
)

from tct import __version__
from tct.data.documents.json_text import Json, canonical_bytes

CONTEXT = 1024
PEERS = ("tokenizers", "tiktoken", "xgrammar", "llguidance")


@dataclass(kw_only=True)
class Row:
    """Measurements of one tokenizer; times in seconds for all test documents."""

    name: str
    scheme: Scheme
    train: float
    counts: dict[str, list[int]] = field(default_factory=dict)
    first: float = 0.0
    encode: list[float] = field(default_factory=list)
    decode: list[float] = field(default_factory=list)


def train_all(train: list[Pair], ranks: Iterable[Path]) -> list[Row]:
    """Every tokenizer that is installed."""
    rows = []
    for name, module, trainer in SCHEMES:
        if util.find_spec(module) is None:
            continue
        say(f"training {name}")
        begun = time.perf_counter()
        scheme = trainer(train)
        rows.append(Row(name=name, scheme=scheme, train=time.perf_counter() - begun))
    if util.find_spec("tiktoken") is not None:
        rows += [Row(name=p.stem, scheme=read_ranks(p), train=0.0) for p in ranks]
    return rows


# -- table 1 ---------------------------------------------------------------------------


def measure(
    rows: list[Row], train: list[Json], test: list[Json], rounds: int
) -> dict[str, int]:
    """Fill `rows`; canonical JSON bytes of each split.

    Caches are filled by the training documents, so `first` is for new documents and
    the rounds after it are for documents that were seen before.
    """
    for row in rows:
        say(f"encoding with {row.name}")
        row.counts["train"] = [len(row.scheme.encode(value)) for value in train]
        begun = time.perf_counter()
        ids = [row.scheme.encode(value) for value in test]
        row.first = time.perf_counter() - begun
        row.counts["test"] = [len(numbers) for numbers in ids]
        for value, numbers in zip(test, ids, strict=True):
            back = canonical_bytes(row.scheme.decode(numbers))
            assert back == canonical_bytes(value), f"{row.name} changed a document"
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for row in rows:
            begun = time.perf_counter()
            ids = [row.scheme.encode(value) for value in test]
            middle = time.perf_counter()
            for numbers in ids:
                row.scheme.decode(numbers)
            row.encode.append(middle - begun)
            row.decode.append(time.perf_counter() - middle)
    splits = {"test": test, "train": train}
    return {
        split: sum(len(canonical_bytes(value)) for value in values)
        for split, values in splits.items()
    }


def print_tokens(rows: list[Row], num_bytes: dict[str, int]) -> None:
    """Tokens per document and per byte."""
    click.echo("## Tokens\n")
    click.echo(
        "| | documents | JSON bytes/token | mean | median | p90 | p99 | <= 1,024 |"
    )
    click.echo("|---|---|---|---|---|---|---|---|")
    for split, size in num_bytes.items():
        for row in rows:
            counts = row.counts[split]
            middle, p90, p99 = np.percentile(counts, [50, 90, 99])
            click.echo(
                f"| {row.name} | {split} | {size / sum(counts):.3f} "
                f"| {statistics.mean(counts):,.1f} | {middle:,.0f} | {p90:,.0f} "
                f"| {p99:,.0f} | {np.mean(np.array(counts) <= CONTEXT):.1%} |"
            )


def print_speed(rows: list[Row], documents: int) -> None:
    """Documents per second on one thread, and ratios within a round."""
    click.echo("\n## Speed on the test documents, writing and parsing text included\n")
    click.echo(
        "| | training | encode, new | encode, seen | x TCT | decode | x TCT |\n"
        "|---|---|---|---|---|---|---|"
    )
    for row in rows:
        rates = [documents / statistics.median(t) for t in (row.encode, row.decode)]
        ratios = [
            statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            for ours, theirs in (
                (rows[0].encode, row.encode),
                (rows[0].decode, row.decode),
            )
        ]
        train = f"{row.train:.1f} s" if row.train else "-"
        click.echo(
            f"| {row.name} | {train} | {documents / row.first:,.0f}/s "
            f"| {rates[0]:,.0f}/s | {ratios[0]:.2f} "
            f"| {rates[1]:,.0f}/s | {ratios[1]:.2f} |"
        )


# -- command ---------------------------------------------------------------------------


def version(name: str) -> str:
    found = util.find_spec(name) is not None
    return f"{name} {metadata.version(name)}" if found else f"{name} not installed"


@click.command()
@click.option("--corpus", type=Path, default=CORPUS, help="Any source of tct prepare.")
@click.option("--ranks", type=Path, multiple=True, help="js-tiktoken ranks, .js.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--documents", default=200, show_default=True, help="For the masks.")
@click.option(
    "--warm", default=200, show_default=True, help="Fill caches with so many."
)
@click.option("--tokens-only", is_flag=True, help="Leave the masks out.")
def main(
    corpus: Path,
    ranks: tuple[Path, ...],
    rounds: int,
    documents: int,
    warm: int,
    tokens_only: bool,
) -> None:
    """Print tables in Markdown."""
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}
    train, test = read_corpus(corpus)
    click.echo(
        f"# Tokenizers, {len(train):,} training and {len(test):,} test documents"
    )
    click.echo(
        f"\ntct {__version__}, {', '.join(map(version, PEERS))}, "
        f"Python {platform.python_version()}, {platform.machine()}, "
        f"one thread, {rounds} interleaved rounds, medians\n"
    )
    rows = train_all(train, ranks)
    values = [value for _, value in test]
    num_bytes = measure(rows, [value for _, value in train], values, rounds)
    print_tokens(rows, num_bytes)
    print_speed(rows, len(test))
    if not tokens_only:
        plain = next((r.scheme.model for r in rows if r.name == BASELINE), None)
        trained = [value for _, value in train]
        spread = trained[:: max(1, len(trained) // warm)][:warm]
        masks.compare(
            rows[0].scheme, plain, spread, values, documents=documents, say=say
        )


if __name__ == "__main__":
    main()
