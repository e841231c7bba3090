"""What mixing costs: batches of several stores, and of the same documents in one.

Rates are in CPU time, in turn, on one thread; the index is that of an epoch which no
epoch before prepared.
"""

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from fractions import Fraction
from itertools import count, islice
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
from loader_peers import BATCH
from loaders import print_table, synthetic_store

from tct import __version__
from tct.data.store import Store, open_stores
from tct.data.windows import CONTEXT, STRIDE, Policy
from tct.data.windows.batches import Batches
from tct.data.windows.schedule import Schedule
from tct.data.windows.stages import Stage
from tct.data.windows.streams import Stream

HEAD = "| stores | weights | batches/s of CPU time | x one store | quartiles |"
INDEX_HEAD = "| policy | weight | index of an epoch | of the next one |"


def as_one(mixture: Store) -> Store:
    """The same documents in one store."""
    return Store(**{each.name: getattr(mixture, each.name) for each in fields(Store)})


def rate(store: Store, seed: int, batches: int) -> float:
    """Batches per second of CPU time, from the first step on."""
    made = Batches(store, "train", batch_size=BATCH, seed=seed)
    out = np.empty(made.max_positions, dtype=np.uint16)
    begun = time.process_time()
    steps = ((e, s) for e in count() for s in range(made.num_steps(e)))
    for epoch, step in islice(steps, batches):
        made.batch(epoch, step, out)
    return batches / (time.process_time() - begun)


def compare(folders: list[str], rounds: int, batches: int) -> Iterator[list[str]]:
    """A line for each number of stores and weights."""
    for number in (2, 10):
        here = folders[:number]
        for weights in ("1", "1 and 0.3"):
            light = [f"{each}=0.3" if weights != "1" else each for each in here[1::2]]
            mixture = open_stores([*here[::2], *light])
            one, found, ratios = as_one(mixture), list[float](), list[float]()
            for seed in range(rounds):
                found.append(rate(mixture, seed, batches))
                ratios.append(found[-1] / rate(one, seed, batches))
            low, middle, high = statistics.quantiles(ratios, n=4)
            yield [
                f"{number}",
                weights,
                f"{statistics.median(found):,.0f}",
                f"{middle:.2f}",
                f"{low:.2f} to {high:.2f}",
            ]


def index(lengths: list[np.ndarray], rounds: int) -> Iterator[list[str]]:
    """A line for each policy and weight."""
    policies: list[Policy] = ["plan", "spread"]
    for policy in policies:
        for weight in ("1", "0.3"):
            times = [
                _index_once(lengths, policy, Fraction(weight)) for _ in range(rounds)
            ]
            first, following = (
                statistics.median(each) for each in zip(*times, strict=True)
            )
            yield [policy, weight, f"{first * 1e3:.1f} ms", f"{following * 1e3:.1f} ms"]


def _index_once(
    lengths: list[np.ndarray], policy: Policy, weight: Fraction
) -> tuple[float, float]:
    streams = [
        Stream(
            0,
            each,
            np.arange(len(each)).astype(np.uint16),
            policy=policy,
            context=CONTEXT,
            stride=STRIDE,
            seed=0,
        )
        for each in lengths
    ]
    weights = (weight,) * len(streams)
    stage = Stage(step=0, weights=weights, streams=streams, batch_size=BATCH)
    schedule = Schedule([stage])
    # With weight 0.3, epoch 3 ends one pass and begins the next.
    return _timed(lambda: schedule.epoch(3)), _timed(lambda: schedule.epoch(4))


def _timed(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


@click.command()
@click.option("--documents", default=20_000, show_default=True, help="Of each store.")
@click.option("--indexed", default=100_000, show_default=True, help="For the index.")
@click.option("--rounds", default=15, show_default=True)
@click.option("--batches", default=5_120, show_default=True, help="Of a round.")
def main(documents: int, indexed: int, rounds: int, batches: int) -> None:
    """Print tables in Markdown."""
    pa.set_cpu_count(1)
    draws = [np.random.default_rng(seed) for seed in range(10)]
    lengths = [
        np.exp(each.normal(np.log(450), 1.0, indexed)).astype(np.int64).clip(8, 60_000)
        for each in draws
    ]
    with tempfile.TemporaryDirectory() as work:
        folders = [str(Path(work) / f"store-{seed}") for seed in range(10)]
        for seed, folder in enumerate(folders):
            synthetic_store(Path(folder), documents, seed=seed)
        click.echo(
            f"# Mixtures\n\ntct {__version__}, Python {platform.python_version()}, "
            f"NumPy {np.__version__}; {platform.machine()}, {os.cpu_count()} cores, "
            f"one thread, {rounds} rounds in turn, medians; stores of {documents:,} "
            f"documents, batches of {BATCH} x {CONTEXT}\n\n"
            f"    python {' '.join(sys.argv)}\n"
        )
        print_table(HEAD, compare(folders, rounds, batches))
        click.echo(f"\n## Index of ten stores of {indexed:,} documents\n")
        print_table(INDEX_HEAD, index(lengths, rounds))


if __name__ == "__main__":
    main()
