"""Compare batches of 32 x 1,024 from a store with what a user would pick instead.

Opening is measured in fresh processes, rates in turn in this one, on one thread;
`loader_peers.py` holds the peers.  Every design reads the same documents.
"""

import contextlib
import gc
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, count, islice, product, repeat
from operator import truediv
from pathlib import Path
from typing import Any

import click
import loader_peers as peers
import numpy as np
import pyarrow as pa
import torch
from loader_peers import BATCH, Epochs
from numpy.typing import NDArray

from tct import __version__
from tct.data.store import DOCS_SCHEMA, GUARD_TOKENS, REJECTS_SCHEMA, SPLITS, Store
from tct.data.store.files import Verify, shard_name
from tct.data.store.writer import write_table
from tct.data.tokenizer import PAD, Tokenizer
from tct.data.windows import CONTEXT, STRIDE, Policy, WindowPlan
from tct.data.windows.batches import Batch, Batches
from tct.data.windows.permutation import Permutation
from tct.tests.stores import write_manifest
from tct.trainer.training.loader import Loader

COMPARED = (
    "| | ids | batches/s | x best peer | x memcpy | targets/s | x best peer "
    "| x same windows | open | first batch | next epoch | memory |"
)
SCALED = (
    "| documents | index | per document | order and look-up | batches/s "
    "| the author's index |"
)


@dataclass(eq=False)
class Design:
    """One way to get batches, and its measurements, one entry per round."""

    name: str
    prepare: Callable[[Store, Path], Path]
    """Writes what the design reads below a folder; not timed."""
    open: Callable[[Path], Epochs]
    """Opens what `prepare` wrote."""
    module: str | None = None
    """The package that must be installed."""
    like: str | None = None
    """A peer that gives the same windows."""
    folder: Path = Path()
    fresh: list[dict[str, Any]] = field(default_factory=list)
    """The result of `measure_fresh`."""
    rates: list[float] = field(default_factory=list)
    next_epoch: list[float] = field(default_factory=list)

    def opened(self, fact: str) -> Any:
        """The median of a measurement in fresh processes."""
        return statistics.median_low(found[fact] for found in self.fresh)


def in_place(store: Store, work: Path) -> Path:
    """The store itself."""
    return store.folder


def open_ours(
    folder: Path,
    *,
    epoch: int,
    verify: Verify = "full",
    **options: Any,
) -> Epochs:
    """`Batches` with some options, in epochs that all cut where `epoch` does."""
    store, numbers = Store.open(folder, verify=verify), count(epoch, CONTEXT // STRIDE)
    batches = Batches(store, "train", batch_size=BATCH, seed=0, **options)

    def epochs() -> Iterator[Any]:
        number = next(numbers)
        for step in range(batches.num_steps(number)):
            yield batches.batch(number, step)

    return epochs


def open_loader(folder: Path, *, epoch: int, policy: Policy) -> Epochs:
    """Training's loader on a CPU: int64 tensors, made by a thread and the caller."""
    batches = Batches(
        Store.open(folder), "train", batch_size=BATCH, seed=0, policy=policy
    )

    def epochs() -> Iterator[Any]:
        with Loader(batches, torch.device("cpu")) as loader:
            state = loader.state_dict()
            loader.load_state_dict({**state, "epoch": epoch})
            yield from islice(loader, batches.num_steps(epoch))

    return epochs


plan = partial(open_ours, epoch=3)
original = partial(open_ours, epoch=1, policy="original")
author, documents = peers.open_author, partial(peers.save_rows, policy=None)
windows = partial(peers.save_rows, policy="original", epoch=1)
padded_windows = partial(peers.save_rows, policy="plan", epoch=3)
packed, by_sizes = partial(plan, layout="packed"), partial(plan, verify="sizes")
original_xy = partial(open_loader, epoch=1, policy="original")
plan_xy = partial(open_loader, epoch=3, policy="plan")
FULL, ALL = "datasets, windows", "datasets, `plan` cut once"
OURS = (
    Design("`original`, epoch 1", in_place, original, like=FULL),
    Design("`plan`, padded", in_place, plan, like=ALL),
    Design("`plan`, packed", in_place, packed, like=ALL),
    Design("`plan`, opened by sizes", in_place, by_sizes, like=ALL),
    Design("`original`, `Loader`", in_place, original_xy, like=FULL),
    Design("`plan`, `Loader`", in_place, plan_xy, like=ALL),
)
PEERS = (
    Design("the author's, epoch 1", peers.save_tensors, partial(author, number=1)),
    Design("the author's, epoch 0", peers.save_tensors, partial(author, number=0)),
    Design("nanoGPT's rule", peers.write_stream, peers.open_crops),
    Design(FULL, windows, peers.open_rows, "datasets"),
    Design(ALL, padded_windows, peers.open_rows, "datasets"),
    Design("datasets, documents", documents, peers.open_documents, "datasets"),
    Design("litdata", peers.write_chunks, peers.open_chunks, "litdata"),
    Design("MosaicML streaming", peers.write_mds, peers.open_mds, "streaming"),
    Design("Megatron", peers.write_megatron, peers.open_megatron, peers.MEGATRON),
)
MEMCPY = Design("memcpy", in_place, partial(peers.open_copies, scattered=False))
GATHER = Design("gather of rows", in_place, partial(peers.open_copies, scattered=True))
DESIGNS = (*OURS, *PEERS, MEMCPY, GATHER)

# -- synthetic documents ---------------------------------------------------------------


def synthetic_lengths(documents: int) -> NDArray[np.int64]:
    """Draw lengths like those of real workflows: log-normal, median 450 tokens."""
    drawn = np.random.default_rng(0).normal(np.log(450), 1.0, documents)
    return np.exp(drawn).astype(np.int64).clip(8, 60_000)


def synthetic_store(folder: Path, documents: int, *, seed: int = 0) -> Store:
    """A store of random tokens with the lengths of real workflows."""
    rng, lengths = np.random.default_rng(seed), synthetic_lengths(documents)
    ids = rng.integers(0, PAD, lengths.sum() + GUARD_TOKENS, dtype=np.uint16)
    ids[-GUARD_TOKENS:] = PAD
    folder.mkdir()
    np.save(folder / shard_name(0), ids)
    names = pa.array(np.arange(documents)).cast(pa.string())
    digests = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(32), documents, [None, pa.py_buffer(rng.bytes(32 * documents))]
    )
    columns: dict[str, Any] = {
        "sha256": digests,
        "path": names,
        "group": names,
        "split": pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(documents, dtype=np.int8)), list(SPLITS)
        ),
        "n_bytes": 5 * lengths,
        "n_source_bytes": 6 * lengths,
        "shard": np.zeros(documents, dtype=int),
        "offset": np.cumsum(lengths) - lengths,
        "length": lengths,
        "on_schema": np.ones(documents, dtype=bool),
        "source_sha256": digests,
    }
    arrays = [pa.array(columns[f.name]).cast(f.type) for f in DOCS_SCHEMA]
    with pa.ipc.new_file(str(folder / "docs.arrow"), DOCS_SCHEMA) as file:
        file.write_table(pa.table(arrays, schema=DOCS_SCHEMA))
    write_table(folder / "rejects.arrow", REJECTS_SCHEMA.empty_table())
    Tokenizer.default().save(folder / "tokenizer.json")
    write_manifest(folder)
    return Store.open(folder)


# -- measuring -------------------------------------------------------------------------


def measure_fresh(design: Design) -> dict[str, Any]:
    """Measure opening in a process that has done nothing but imports."""
    peers.missing(design.module)
    before, begun = anonymous_bytes(), time.perf_counter()
    epochs = design.open(design.folder)
    opened = time.perf_counter() - begun
    batches = chain.from_iterable(epochs() for _ in repeat(None))
    next(batches)
    first = time.perf_counter() - begun - opened
    for _ in islice(batches, 199):
        pass
    memory = anonymous_bytes() - before
    found = [describe(batch) for batch in islice(batches, 200)]
    targets, ids = statistics.mean(targets for _, targets in found), found[0][0]
    return {
        "open": opened,
        "first": first,
        "memory": memory,
        "targets": targets,
        "ids": ids,
    }


def describe(batch: Any) -> tuple[str, int]:
    """The type of a batch's ids, and how many tokens there are to predict."""
    if isinstance(batch, Batch):
        return str(batch.inputs.dtype), batch.num_targets
    return peers.describe(batch)


def anonymous_bytes() -> int:
    """Memory of this process that no file backs."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def rate(epochs: Epochs, seconds: float) -> float:
    """Batches per second over as many epochs as fit, including the start of each."""
    batches, num, begun = epochs(), 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        got = sum(1 for _ in islice(batches, 64))
        num += got
        if got < 64:
            batches = epochs()
    return num / spent


def measure(designs: list[Design], *, rounds: int, seconds: float) -> None:
    """Measure each design in turn."""
    for number, design in product(range(min(rounds, 3)), designs):
        click.echo(f"opening {design.name}, round {number}", err=True)
        arguments = ["--fresh", design.name, "--store", str(design.folder)]
        command = [sys.executable, __file__, *arguments]
        found = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        design.fresh.append(json.loads(found.stdout.splitlines()[-1]))
    opened = [(design, design.open(design.folder)) for design in designs]
    for number, (design, epochs) in product(range(rounds), opened):
        click.echo(f"batches of {design.name}, round {number}", err=True)
        design.rates.append(rate(epochs, seconds))
        begun = time.perf_counter()
        next(epochs())
        design.next_epoch.append(time.perf_counter() - begun)


def timed(call: Callable[[], Any], times: int) -> tuple[float, Any]:
    """Median seconds of a call, and what it returns."""
    return statistics.median(
        timeit.repeat(call, gc.enable, number=1, repeat=times)
    ), call()


# -- tables ----------------------------------------------------------------------------


def print_table(head: str, lines: Iterable[Sequence[str]]) -> None:
    """Print Markdown; `head` has its bars."""
    click.echo(f"{head}\n{'|---' * (head.count('|') - 1)}|")
    for cells in lines:
        click.echo(f"| {' | '.join(cells)} |")


def compare(designs: Sequence[Design]) -> Iterator[Sequence[str]]:
    """One line per design: absolute numbers, and medians of ratios within a round."""
    enough = 0.99 * BATCH * CONTEXT
    full = [d for d in designs if d in PEERS and d.opened("targets") > enough]
    best = max(full, key=lambda design: statistics.median(design.rates))
    by_name = {design.name: design for design in designs}
    for design in designs:
        median = statistics.median(design.rates)
        over_best, over_memcpy = (
            statistics.median(map(truediv, design.rates, other.rates))
            for other in (best, MEMCPY)
        )
        yield (
            design.name + " (best peer)" * (design is best),
            design.opened("ids"),
            f"{median:,.0f}",
            f"{over_best:.2f}",
            f"{over_memcpy:.4f}",
            f"{median * design.opened('targets') / 1e6:,.0f} M",
            _over(design, best),
            _over(design, by_name.get(design.like or "")),
            f"{design.opened('open') * 1e3:,.1f} ms",
            f"{design.opened('first') * 1e3:,.1f} ms",
            f"{statistics.median(design.next_epoch) * 1e3:,.1f} ms",
            f"{design.opened('memory') / 1e6:,.1f} MB",
        )


def _over(design: Design, other: Design | None) -> str:
    """Median ratio of targets per second."""
    if other is None:
        return "-"
    ratio = statistics.median(map(truediv, design.rates, other.rates))
    return f"{ratio * design.opened('targets') / other.opened('targets'):.2f}"


def scale(work: Path) -> Iterator[Sequence[str]]:
    """Print what grows with the number of documents; the last line is arithmetic."""
    for documents in (10_000, 100_000, 1_000_000, 10**9):
        batches = "-"
        if documents <= 1_000_000:
            lengths = synthetic_lengths(documents)
            index, plan = timed(partial(WindowPlan, lengths, epoch=3), 20)
            author, _ = timed(partial(peers.list_windows, lengths.tolist(), 0), 3)
            order = Permutation(plan.num_windows, seed=0, epoch=3)
            steps = np.arange(64 * BATCH)  # what `Batches` looks up at once
            looked_up, _ = timed(lambda: plan.locate(order(steps)), 200)  # noqa: B023
            size = sum(getattr(each, "nbytes", 0) for each in vars(plan).values())
            if documents <= 100_000:
                store = synthetic_store(work / f"store-{documents}", documents)
                batches = f"{rate(open_ours(store.folder, epoch=3), 2):,.0f}"
        else:  # bisection takes log n steps, all else grows with n
            index, author, size = 1000 * index, 1000 * author, 1000 * size
            looked_up *= math.log(1e9) / math.log(1e6)
        yield (
            f"{documents:,}",
            f"{index * 1e3:,.2f} ms",
            f"{size / documents:.0f} B",
            f"{looked_up / 64 * 1e6:.1f} µs",
            batches,
            f"{author * 1e3:,.0f} ms",
        )


@click.command()
@click.option("--store", type=Path, help="A prepared store.")
@click.option("--synthetic", default=20_000, help="Without one: random documents.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--seconds", default=2.0, show_default=True, help="Per design and round.")
@click.option("--fresh", hidden=True)
def main(
    store: Path | None, synthetic: int, rounds: int, seconds: float, fresh: str | None
) -> None:
    """Print tables in Markdown."""
    torch.set_num_threads(1)
    pa.set_cpu_count(1)
    if fresh and store:
        design = next(design for design in DESIGNS if design.name == fresh)
        click.echo(json.dumps(measure_fresh(replace(design, folder=store))))
        return
    missing = {each.name: peers.missing(each.module) for each in DESIGNS}
    designs = [design for design in DESIGNS if not missing[design.name]]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        data = Store.open(store) if store else synthetic_store(work / "s", synthetic)
        with contextlib.redirect_stdout(sys.stderr):
            for design in designs:
                design.folder = design.prepare(data, work)
            measure(designs, rounds=rounds, seconds=seconds)
        click.echo(
            f"# Batches of {BATCH} x {CONTEXT}\n\n"
            f"tct {__version__}, Python {platform.python_version()}, "
            f"{peers.versions()}; {platform.machine()}, {os.cpu_count()} cores, "
            f"one thread, {rounds} interleaved rounds of {seconds:g} s, medians; "
            f"{len(data.rows('train')):,} documents, "
            f"{data.length[data.rows('train')].sum():,} tokens\n\n"
            f"    python {' '.join(sys.argv)}\n"
        )
        print_table(COMPARED, compare(designs))
        for name, reason in missing.items():
            if reason:
                click.echo(f"| {name} | {reason} |" + " |" * 10)
        click.echo("\n## More documents\n")
        print_table(SCALED, scale(work))


if __name__ == "__main__":
    main()
