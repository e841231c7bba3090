"""Batches per second: `Batches`, a plain loop over a list of windows, and memcpy.

The corpus is synthetic (log-normal lengths, median 450 tokens, as real workflows have);
all three fill uint16 rows of 32 x 1,025 and are measured in turn, five rounds each.
"""

import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from tct import __version__
from tct.data.batches import Batches
from tct.data.files import write_json
from tct.data.store import Store
from tct.data.tokenizer import PAD
from tct.data.windows import CONTEXT, STRIDE
from tct.pipeline.manifest import Document, complete_manifest
from tct.pipeline.writer import ShardWriter, describe_files, write_docs, write_rejects

BATCH = 32
EPOCH = 3
Rows = NDArray[np.uint16]


def synthetic_store(folder: Path, documents: int) -> Store:
    """A store of random tokens with the lengths of real workflows."""
    rng = np.random.default_rng(0)
    lengths = (
        np.exp(rng.normal(np.log(450), 1.0, documents)).astype(int).clip(8, 60_000)
    )
    writer, rows = ShardWriter(folder), []
    for number, length in enumerate(lengths.tolist()):
        ids = rng.integers(0, 8192, length, dtype=np.uint16)
        shard, offset = writer.add(ids)
        rows.append(
            Document(
                sha256=number.to_bytes(32, "big"),
                path=str(number),
                group=str(number),
                split="train",
                n_bytes=5 * length,
                n_source_bytes=6 * length,
                shard=shard,
                offset=offset,
                length=length,
            )
        )
    writer.close()
    write_docs(folder / "docs.arrow", rows)
    write_rejects(folder / "rejects.arrow", [])
    fixed = {"files": describe_files(folder)}
    write_json(folder / "manifest.json", complete_manifest(fixed, {}, {}))
    return Store.open(folder)


def ours(store: Store) -> Iterator[Rows]:
    """Windows by arithmetic, rows by one strided gather."""
    batches = Batches(store, "train", batch_size=BATCH, seed=0)
    for step in range(batches.num_steps(EPOCH)):
        yield batches.batch(EPOCH, step).rows


def plain_loop(store: Store) -> Iterator[Rows]:
    """The same windows as a shuffled list of tuples, rows filled one by one."""
    offset, windows = STRIDE * EPOCH % CONTEXT, []
    for row, length in enumerate(store.length.tolist()):
        cuts = (
            [0, *range(offset or CONTEXT, length, CONTEXT)] if length > CONTEXT else [0]
        )
        windows += [(row, a, b) for a, b in zip(cuts, [*cuts[1:], length], strict=True)]
    np.random.default_rng(0).shuffle(windows)
    documents = [store.tokens(row) for row in range(len(store))]
    for first in range(0, len(windows), BATCH):
        rows = np.full((BATCH, CONTEXT + 1), PAD, dtype=np.uint16)
        for line, (row, a, b) in enumerate(windows[first : first + BATCH]):
            rows[line, 0] = a // STRIDE
            rows[line, 1 : 1 + b - a] = documents[row][a:b]
        yield rows


def memcpy(store: Store) -> Iterator[Rows]:
    """The limit: copy as many bytes, one block after the other."""
    tokens, size = store.shards[0], BATCH * (CONTEXT + 1)
    steps = Batches(store, "train", batch_size=BATCH, seed=0).num_steps(EPOCH)
    for step in range(steps):
        start = step * size % (len(tokens) - size)
        yield tokens[start : start + size].copy().reshape(BATCH, -1)


def rate(
    loader: Callable[[Store], Iterator[Rows]], store: Store
) -> tuple[float, float]:
    """Batches per second, and seconds to the first batch."""
    begun = time.perf_counter()
    iterator = loader(store)
    next(iterator)
    first = time.perf_counter() - begun
    count = 1 + sum(1 for _ in iterator)
    return count / (time.perf_counter() - begun), first


@click.command()
@click.option("--documents", default=20_000, show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(documents: int, rounds: int) -> None:
    """Print a table in Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        store = synthetic_store(Path(folder), documents)
        loaders = {"Batches": ours, "plain loop": plain_loop, "memcpy": memcpy}
        measured: dict[str, list[tuple[float, float]]] = {name: [] for name in loaders}
        for _ in range(rounds):
            for name, loader in loaders.items():
                measured[name].append(rate(loader, store))
        click.echo(f"# Batches of {BATCH} x {CONTEXT}, {documents:,} documents\n")
        click.echo(
            f"tct {__version__}, NumPy {np.__version__}, "
            f"Python {platform.python_version()}, {platform.machine()}, "
            f"{rounds} interleaved rounds, medians\n"
        )
        click.echo("| | batches/s | x plain loop | first batch |")
        click.echo("|---|---|---|---|")
        plain = [rate for rate, _ in measured["plain loop"]]
        for name, results in measured.items():
            rates = [rate for rate, _ in results]
            ratio = statistics.median(a / b for a, b in zip(rates, plain, strict=True))
            first = statistics.median(first for _, first in results) * 1000
            click.echo(
                f"| {name} | {statistics.median(rates):,.0f} | {ratio:.2f} "
                f"| {first:.1f} ms |"
            )


if __name__ == "__main__":
    main()
