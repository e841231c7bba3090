"""Compare `tct check` with GitHub's parser and actionlint: who refuses what, how fast.

Judges real workflows, and as many damaged ones as asked for (`damage.py`), made of
those that GitHub's parser accepts.  Seconds are wall time: of this process for tct
check, of one process with its start for the others.  The three take turns.
"""

import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import click
import numpy as np
import pyarrow.parquet as pq
from damage import DAMAGES, damaged

from tct import __version__
from tct.data.check import check_workflow
from tct.trainer.evaluation.documents import Document
from tct.trainer.evaluation.programs import node_judges

_CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "workflows-head.parquet"
_OURS = "tct check"

Complaints: TypeAlias = list[list[str]]
Judge: TypeAlias = Callable[[Sequence[str]], Complaints]


@click.command()
@click.option("--corpus", type=click.Path(path_type=Path), default=_CORPUS)
@click.option("--judges", type=click.Path(path_type=Path), default=".judges")
@click.option("--sample", type=int, help="So many of its files.  [default: all]")
@click.option("--damaged", "count", default=2000)
@click.option("--seed", default=0)
@click.option("--rounds", default=3)
def main(
    corpus: Path, judges: Path, sample: int | None, count: int, seed: int, rounds: int
) -> None:
    """Print tables in Markdown."""
    everyone = {_OURS: _check} | {
        judge.name: _asking(judge.find) for judge in node_judges(judges)
    }
    versions = ", ".join(str(judge.version) for judge in node_judges(judges))
    texts = pq.read_table(corpus, columns=["text"])["text"].to_pylist()
    if sample is not None:
        texts = random.Random(seed).sample(texts, sample)
    print(f"# Checking\n\ntct {__version__}, {versions}; {corpus.name}, seed {seed}\n")
    real = {name: judge(texts) for name, judge in everyone.items()}
    print(f"## {len(texts):,} real workflows\n")
    _agreement(real)
    good = [
        text
        for text, *bad in zip(texts, *map(real.get, list(everyone)[:2]), strict=True)
        if not any(bad)
    ]
    pairs = list(damaged(good, count, seed))
    found = {
        name: judge([text for _, text in pairs]) for name, judge in everyone.items()
    }
    print(f"\n## {count:,} damaged workflows\n")
    _agreement(found)
    _kinds([kind for kind, _ in pairs], found)
    print("\n## Speed\n")
    _speed(everyone, texts[:: len(texts) // 300], rounds)


def _check(texts: Sequence[str]) -> Complaints:
    return [
        [f"{one.rule}: {one.found.partition(': ')[2]}" for one in check_workflow(data)]
        for data in (text.encode("utf-8", "surrogatepass") for text in texts)
    ]


def _asking(find: Callable[[Sequence[Document]], Complaints]) -> Judge:
    def judge(texts: Sequence[str]) -> Complaints:
        empty = np.empty(0, dtype=np.uint16)
        return find(
            [Document(ending="finished", value=None, ids=empty, yaml=t) for t in texts]
        )

    return judge


def _agreement(found: dict[str, Complaints]) -> None:
    ours = found[_OURS]
    print("| | both accept | both refuse | only tct check refuses | only it refuses |")
    print("|---|---|---|---|---|")
    others = {name: theirs for name, theirs in found.items() if name != _OURS}
    for name, theirs in others.items():
        pairs = [(bool(a), bool(b)) for a, b in zip(ours, theirs, strict=True)]
        cells = [(False, False), (True, True), (True, False), (False, True)]
        print(f"| {name} | {' | '.join(f'{pairs.count(c):,}' for c in cells)} |")
    for name, theirs in others.items():
        pairs = list(zip(ours, theirs, strict=True))
        _complaints(f"only tct check, not {name}", [a for a, b in pairs if not b])
        _complaints(f"only {name}, not tct check", [b for a, b in pairs if not a])
    sys.stdout.flush()


def _complaints(title: str, lists: Complaints) -> None:
    """The first complaint about each document, most frequent first."""
    kinds = Counter(_kind(one[0]) for one in lists if one)
    if kinds:
        listed = "; ".join(f"{text} {n}" for text, n in kinds.most_common())
        print(f"\n{title} ({kinds.total():,}): {listed}")


def _kind(complaint: str) -> str:
    """A complaint without its particulars."""
    return re.sub(r"\"[^\"]*\"|'[^']*'|\d+", "…", complaint.splitlines()[0])[:80]


def _kinds(kinds: list[str], found: dict[str, Complaints]) -> None:
    """Which judge notices which damage."""
    print(f"\n| damage | of | {' | '.join(found)} |")
    print("|---|---|" + "---|" * len(found))
    for kind in DAMAGES:
        here = [index for index, one in enumerate(kinds) if one == kind]
        cells = [sum(bool(bad[index]) for index in here) for bad in found.values()]
        print(f"| {kind} | {len(here)} | {' | '.join(map(str, cells))} |")


def _speed(judges: dict[str, Judge], texts: list[str], rounds: int) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in judges}
    for _ in range(rounds):
        for name, judge in judges.items():
            begun = time.perf_counter()
            judge(texts)
            seconds[name].append(time.perf_counter() - begun)
    print("| | files/s | x tct check |")
    print("|---|---|---|")
    for name, taken in seconds.items():
        ratios = [ours / own for ours, own in zip(seconds[_OURS], taken, strict=True)]
        speed = len(texts) / statistics.median(taken)
        print(f"| {name} | {speed:,.0f} | {statistics.median(ratios):.3f} |")


if __name__ == "__main__":
    main()
