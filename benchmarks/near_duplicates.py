"""What does removing near-duplicates across splits cost, and does any remain?

`tct prepare --near-dup` compares MinHash signatures, which are estimates.  Here texts
are compared: every validation document with every training document, by the Jaccard
similarity of their five-word shingles.  Two sets that are 0.8 alike share one of the
n // 5 + 1 rarest shingles of each; only pairs that do are compared in full (prefix
filtering, exact).
"""

import math
import os
import platform
import re
import tempfile
from collections import defaultdict
from pathlib import Path

import click
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tct import __version__
from tct.data.display.progress import SilentProgress
from tct.data.store import Store
from tct.pipeline.prepare import PrepareOptions, prepare
from tct.pipeline.prepare.selection import Rules

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "workflows-100k.parquet"
ALIKE = 0.8

Sets = list[NDArray[np.int64]]


def ranked_shingles(texts: list[str]) -> Sets:
    """The shingles of each text as numbers, the rarest ones first."""
    sets = []
    for text in texts:
        words = re.findall(r"\w+", text)
        places = range(max(1, len(words) - 4))
        found = {hash(tuple(words[at : at + 5])) for at in places}
        sets.append(np.fromiter(found, dtype=np.int64, count=len(found)))
    names, counts = np.unique(np.concatenate(sets), return_counts=True)
    rank = np.empty(len(names), dtype=np.int64)
    rank[np.argsort(counts, kind="stable")] = np.arange(len(names))
    return [np.sort(rank[np.searchsorted(names, one)]) for one in sets]


def alike(ours: Sets, theirs: Sets) -> list[tuple[int, int, float]]:
    """Find all pairs of sets that are at least 0.8 alike, with their similarity."""
    index = defaultdict[int, list[int]](list)
    for place, one in enumerate(theirs):
        for shingle in _prefix(one):
            index[shingle].append(place)
    pairs = []
    for place, one in enumerate(ours):
        near = {other for shingle in _prefix(one) for other in index.get(shingle, ())}
        for other in near:
            common = len(np.intersect1d(one, theirs[other], assume_unique=True))
            similarity = common / (len(one) + len(theirs[other]) - common)
            if similarity >= ALIKE:
                pairs.append((place, other, similarity))
    return pairs


def _prefix(one: NDArray[np.int64]) -> list[int]:
    return one[: len(one) - math.ceil(ALIKE * len(one) - 1e-9) + 1].tolist()


def measure(corpus: Path, store: Path, *, near_duplicates: bool) -> None:
    """Prepare, compare, print a row."""
    options = PrepareOptions(rules=Rules(near_duplicates=near_duplicates))
    report = prepare([corpus], store, options, SilentProgress())
    texts = pq.read_table(corpus, columns=["text"])["text"].to_pylist()
    opened = Store.open(store, verify="sizes")
    rows = [int(path.rpartition("#")[2]) for path in opened.docs["path"].to_pylist()]
    shingles = ranked_shingles([texts[row] for row in rows])
    train, val = (opened.rows(split).tolist() for split in ("train", "val"))
    pairs = alike([shingles[row] for row in train], [shingles[row] for row in val])
    found = report.manifest["duplicates"]
    kinds = ("exact_inside", "exact_across", "near_inside", "near_across")
    counts = [found.get(f"{kind}_splits") for kind in kinds]
    cells = " | ".join("" if count is None else f"{count:,}" for count in counts)
    name = "`--near-dup`" if near_duplicates else "by group alone"
    print(
        f"| {name} | {len(train):,} | {len(val):,} | {len(val) / len(rows):.1%} "
        f"| {cells} | {len({ours for ours, _, _ in pairs}):,} | {len(pairs):,} "
        f"| {report.seconds['write']:.1f} s |",
        flush=True,
    )


@click.command()
@click.option("--corpus", type=click.Path(path_type=Path), default=CORPUS)
def main(corpus: Path) -> None:
    """Print a table in Markdown."""
    rows = pq.ParquetFile(corpus).metadata.num_rows
    print(
        f"# Near-duplicates across the splits\n\ntct {__version__}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}"
        f"\n\n{rows:,} documents\n\n"
        "| | train | val | share of val | exact, inside | exact, across | near, inside "
        "| near, across, left out | train at 0.8 of val | pairs at 0.8 | merge |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as made:
        for near_duplicates in (False, True):
            store = Path(made) / f"{near_duplicates}"
            measure(corpus, store, near_duplicates=near_duplicates)


if __name__ == "__main__":
    main()
