"""Measure what a token costs besides the model: its mask, the draw, and advancing.

Every engine follows the same valid documents, as if a model had written them: it makes
the mask of the next token and applies it to logits of 8,192 ids, a token is drawn from
them, and the document's own token is taken.  `engines.py` has the engines.
"""

import platform
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import click
import jsonschema_rs
import numpy as np
import torch
from engines import Engine, peer_engines, tct_engines
from schema import SCHEMA
from schemes import CORPUS, read_corpus, say, train_bpe, train_tct
from tokenizer import PEERS, version
from torch import Tensor

from tct import __version__
from tct.data.documents.json_text import Json
from tct.data.tokenizer import VOCAB_SIZE

TOP_P = 0.95
_LOGITS = torch.randn(64, VOCAB_SIZE, generator=torch.Generator().manual_seed(0)) * 3


@dataclass(kw_only=True)
class Row:
    """Measurements of one engine, in nanoseconds."""

    engine: Engine
    documents: int = 0
    """Documents accepted to their end; only these are counted."""
    tokens: int = 0
    seconds: list[float] = field(default_factory=list)
    """Of each document that was accepted."""
    parts: list[tuple[int, int, int]] = field(default_factory=list)
    """Mask, drawing and going on, of each token."""


def draw(logits: Tensor) -> int:
    """A token by top-p, the likeliest 256 sorted."""
    weights, ids = torch.softmax(logits, 0).topk(256)
    inside = weights.cumsum(0) - weights < TOP_P
    weights = torch.where(inside, weights, 0.0)
    return int(ids[torch.multinomial(weights, 1)])


def lead(engine: Engine, value: Json) -> list[tuple[int, int, int]] | None:
    """The nanoseconds of each token of a document; None if one is refused."""
    cursor, clock, times = engine.start(), time.perf_counter_ns, []
    for number, token in enumerate(engine.ids(value)):
        logits = _LOGITS[number % len(_LOGITS)].clone()
        begun = clock()
        cursor.fill()
        cursor.apply(logits)
        masked = clock()
        draw(logits)
        drawn = clock()
        if not cursor.advance(token):
            return None
        times.append((masked - begun, drawn - masked, clock() - drawn))
    return times if cursor.is_complete else None


def measure(engines: list[Engine], values: list[Json]) -> list[Row]:
    """Run all engines along all documents, in turn."""
    rows = [Row(engine=engine) for engine in engines]
    for number, value in enumerate(values):
        if number % 20 == 0:
            say(f"document {number} of {len(values)}")
        for row in rows:
            times = lead(row.engine, value)
            if times is not None:
                row.documents += 1
                row.tokens += len(times)
                row.seconds.append(np.array(times).sum() / 1e9)
                row.parts += times
    return rows


def print_rows(rows: list[Row], num_documents: int) -> None:
    """Microseconds per token, and milliseconds per document."""
    click.echo(
        "| | keys | accepted | tokens/document | mask | drawing | going on "
        "| mask p99 | per token | per document |\n"
        "|---|---|---|---|---|---|---|---|---|---|"
    )
    for row in rows:
        keys = "sorted" if row.engine.in_order else "as written"
        head = f"| {row.engine.name} | {keys} | {row.documents} of {num_documents} "
        if not row.documents:
            click.echo(head + "| - " * 7 + "|")
            continue
        parts = np.array(row.parts) / 1000
        means = " | ".join(f"{mean:,.1f}" for mean in parts.mean(axis=0))
        click.echo(
            f"{head}| {row.tokens / row.documents:,.0f} | {means} "
            f"| {np.percentile(parts[:, 0], 99):,.1f} "
            f"| {parts.sum(axis=1).mean():,.1f} us "
            f"| {1000 * np.mean(row.seconds):,.1f} ms |"
        )


@click.command()
@click.option("--corpus", type=Path, default=CORPUS, help="Any source of tct prepare.")
@click.option("--documents", default=200, show_default=True)
@click.option(
    "--warm", default=200, show_default=True, help="Fill caches with so many."
)
def main(corpus: Path, documents: int, warm: int) -> None:
    """Print a table in Markdown."""
    torch.set_num_threads(1)
    train, test = read_corpus(corpus)
    say("training the tokenizers")
    tokenizer, bpe = train_tct(train), train_bpe(train)
    judge = jsonschema_rs.Draft7Validator(SCHEMA)
    valid = [value for _, value in test if judge.is_valid(value)]
    values = random.Random(0).sample(valid, min(documents, len(valid)))
    click.echo(f"# Masks and drawing, {len(values)} valid test documents\n")
    click.echo(
        f"tct {__version__}, torch {torch.__version__}, "
        f"{', '.join(map(version, PEERS))}, Python {platform.python_version()}, "
        f"{platform.machine()}, one thread, {VOCAB_SIZE:,} ids, top-p {TOP_P}\n"
    )
    engines = peer_engines(bpe.model, lambda *cells: say(" ".join(cells)))
    spread = [value for _, value in train[:: max(1, len(train) // warm)]]
    known, _ = tct_engines(tokenizer, spread)
    print_rows(measure([known, *engines], values), len(values))


if __name__ == "__main__":
    main()
