"""How long does it take to prepare workflows, and where does the time go?

The peer is `simple_pipeline.py`, with as many processes.  Both are commands, so both
pay for their start.
"""

import itertools
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import pyarrow.parquet as pq

from tct import __version__
from tct.data.documents.json_text import canonical_bytes
from tct.data.documents.parse import parse_document
from tct.data.documents.rejects import RejectedError
from tct.data.store import Store
from tct.data.store.writer import write_table
from tct.data.tokenizer import Tokenizer
from tct.pipeline.prepare.encode import Encoder, outcomes_table
from tct.pipeline.prepare.parts import cut
from tct.pipeline.prepare.pool import num_cores
from tct.pipeline.sources import Columns, read_records

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "workflows-100k.parquet"
PEER = Path(__file__).with_name("simple_pipeline.py")


# -- ours ------------------------------------------------------------------------------


def timed(command: list[object], **environment: str) -> float:
    """Wall seconds of a command."""
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - begun


def tct(*arguments: object, cache: Path, native: bool = True) -> float:
    """Wall seconds of a command of tct."""
    environment = {"XDG_CACHE_HOME": str(cache), "TCT_NATIVE": str(int(native))}
    return timed(["-m", "tct", *arguments], **environment)


def newest_versions(corpus: Path, path: Path) -> None:
    """Write the newest version of each file of a corpus: files that all differ."""
    table = pq.read_table(corpus)
    names = zip(table["repo"].to_pylist(), table["path"].to_pylist(), strict=True)
    newest: dict[tuple[str, str], tuple[float, int]] = {}
    times = table["time"].to_pylist()
    for row, name in enumerate(names):
        newest[name] = max(newest.get(name, (times[row], row)), (times[row], row))
    pq.write_table(table.take(sorted(row for _, row in newest.values())), path)


def shares(corpus: Path, folder: Path) -> dict[str, float]:
    """Seconds of each stage in one process, over every tenth part of the corpus."""
    tokenizer, seconds = Tokenizer.default(), dict.fromkeys(_STAGES, 0.0)
    tokenizer.encode({})
    encoder, clock = Encoder(tokenizer), time.perf_counter
    begun = clock()
    for number, part in enumerate(cut(read_records([corpus], Columns()))):
        seconds["read"] += clock() - begun
        if number % 10 == 0:
            for record in part:
                _time_document(record.text, tokenizer, seconds)
            outcomes = [encoder.outcome(record) for record in part]
            begun = clock()
            write_table(folder / "part.arrow", outcomes_table(outcomes))
            seconds["write"] += clock() - begun
        begun = clock()
    seconds["read"] /= 10
    return seconds


_STAGES = ("read", "parse", "canonical form", "encode", "write")


def _time_document(
    text: bytes, tokenizer: Tokenizer, seconds: dict[str, float]
) -> None:
    clock = time.perf_counter
    times = [clock()]
    try:
        value = parse_document(text)
    except RejectedError:
        seconds["parse"] += clock() - times[0]
        return
    times.append(clock())
    canonical_bytes(value)
    times.append(clock())
    tokenizer.encode(value)
    times.append(clock())
    spans = itertools.pairwise(times)
    for name, (start, end) in zip(_STAGES[1:-1], spans, strict=True):
        seconds[name] += end - start


# -- the report ------------------------------------------------------------------------


def compare(corpus: Path, folder: Path, workers: int, rounds: int) -> None:
    """Both pipelines in turn, each as a command of its own."""
    size = sum(len(record.text) for record in read_records([corpus], Columns())) / 1e6
    rows = pq.ParquetFile(corpus).metadata.num_rows
    print(f"\n{rows:,} documents, {size:,.0f} MB of YAML, {workers} processes\n")
    print("| round | tct | documents/s | MB/s | simple | documents/s | ratio |")
    print("|---|---|---|---|---|---|---|")
    ratios = []
    prepare = ("prepare", corpus, "--workers", workers, "-o")
    for number in range(rounds):
        for name in ("store", "simple", "cache"):
            shutil.rmtree(folder / name, ignore_errors=True)
        ours = tct(*prepare, folder / "store", cache=folder / "cache")
        theirs = timed([PEER, corpus, folder / "simple", folder / "bpe.json", workers])
        ratios.append(theirs / ours)
        print(
            f"| {number + 1} | {ours:.2f} s | {rows / ours:,.0f} | {size / ours:.1f} "
            f"| {theirs:.1f} s | {rows / theirs:,.0f} "
            f"| {ratios[-1]:.2f} |",
            flush=True,
        )
    print(f"\nmedian ratio {statistics.median(ratios):.2f}\n")
    slow = tct(*prepare, folder / "python", cache=folder / "cache", native=False)
    digests = {Store.open(folder / name).digest for name in ("store", "python")}
    assert len(digests) == 1
    shutil.rmtree(folder / "python")
    print(
        f"without the compiled core {slow:.1f} s, to the same store {digests.pop()}\n"
    )


def print_shares(corpus: Path, folder: Path) -> None:
    """Print where the time goes."""
    seconds = shares(corpus, folder)
    total = sum(seconds.values())
    print("| stage | share of one process |\n|---|---|")
    for name, value in seconds.items():
        print(f"| {name} | {value / total:.1%} |")


def increments(corpus: Path, folder: Path, workers: int) -> None:
    """The same corpus as a tree of files: cold, unchanged, and with 1 % more."""
    tree = folder / "tree"
    number = 0
    for batch in pq.ParquetFile(corpus).iter_batches(4096, columns=["repo", "text"]):
        for row in batch.to_pylist():
            path = tree / row["repo"].replace("/", "__") / f"{number:06}.yml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(row["text"], newline="")
            number += 1
    time.sleep(3)  # the stat cache does not trust files that have just changed
    more = number // 100
    arguments = ("prepare", tree, "-o", folder / "tree-store", "--workers", workers)
    print(f"\n| {number:,} files | time | tokenized | from the old store |")
    print("|---|---|---|---|")
    for what in ("cold", "unchanged", f"{more:,} files more", "from nothing"):
        if what.endswith("more"):
            for path in list(tree.rglob("*.yml"))[:: number // more][:more]:
                text = path.read_bytes().decode() + f"\nx-{path.stem}: 1\n"
                path.with_name(f"{path.stem}-new.yml").write_text(text, newline="")
        if what == "from nothing":
            digest = Store.open(folder / "tree-store").digest
            shutil.rmtree(folder / "tree-store")
        seconds = tct(*arguments, "--force", cache=folder / "tree-cache")
        store = Store.open(folder / "tree-store", verify="off")
        run = store.manifest["run"]
        counts = f"{run['tokenized']:,} | {run['reused']:,}"
        counts = "none | " if what == "unchanged" else counts
        print(f"| {what} | {seconds:.1f} s | {counts} |", flush=True)
    assert store.digest == digest
    print("\nThe last two stores are the same, byte for byte.")


@click.command()
@click.option("--corpus", type=click.Path(path_type=Path), default=CORPUS)
@click.option("--workers", default=num_cores())
@click.option("--rounds", default=3)
@click.option(
    "--train", is_flag=True, help="Also learn a tokenizer and prepare with it."
)
def main(
    corpus: Path,
    workers: int,
    rounds: int,
    train: bool,
) -> None:
    """Print tables in Markdown."""
    print(
        f"# Preparing workflows\n\ntct {__version__}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}"
    )
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        timed([PEER, corpus, folder / "bpe.json"])
        newest_versions(corpus, folder / "newest.parquet")
        compare(corpus, folder, workers, rounds)
        print("The newest version of each file:")
        compare(folder / "newest.parquet", folder, workers, 2 * rounds + 1)
        print_shares(corpus, folder)
        increments(corpus, folder, workers)
        if train:
            learnt = folder / "tokenizer.json"
            first = tct("tokenizer", "train", corpus, "-o", learnt, cache=folder)
            second = tct(
                *("prepare", corpus, "-o", folder / "other", "--tokenizer", learnt),
                *("--workers", workers),
                cache=folder,
            )
            print(
                f"\nlearning a tokenizer {first:.1f} s, then preparing {second:.1f} s"
            )


if __name__ == "__main__":
    main()
