"""Measure how long a fresh process waits for its masks, with and without the core.

Each round is a process of its own for each of the two: it loads the default tokenizer,
makes one mask, and then random documents until 32,000 masks are made.
"""

import os
import platform
import statistics
import subprocess
import sys
import time

import click
import numpy as np

from tct import __version__
from tct.data.tokenizer import Tokenizer

NUM_MASKS = 32_000
LONGEST = 300


def measure(seed: int) -> list[float]:
    """Milliseconds: loading, the first mask, then mean, p99 and slowest of many."""
    clock = time.perf_counter
    begun = clock()
    tokenizer = Tokenizer.default()
    loaded = clock()
    tokenizer.start().allowed()
    first = clock() - loaded
    rng, times = np.random.default_rng(seed), list[float]()
    while len(times) < NUM_MASKS:
        state = tokenizer.start()
        for _ in range(LONGEST):
            asked = clock()
            allowed = state.allowed()
            times.append(clock() - asked)
            state = state.advance(int(rng.choice(np.flatnonzero(allowed))))
            if state.is_complete:
                break
    figures = [loaded - begun, first, np.mean(times)]
    figures += [np.quantile(times, 0.99), max(times)]
    return [1e3 * float(figure) for figure in figures]


@click.command()
@click.option("--rounds", default=5)
@click.option("--seed", type=int, hidden=True, help="Measure this process.")
def main(rounds: int, seed: int | None) -> None:
    """Print a table in Markdown."""
    if seed is not None:
        print(*measure(seed))
        return
    print(
        f"# First masks\n\ntct {__version__}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, {platform.machine()}, medians of {rounds}\n"
    )
    rows: dict[str, list[list[float]]] = {"with the core": [], "without": []}
    for number in range(rounds):
        for native, row in zip((1, 0), rows.values(), strict=True):
            result = subprocess.run(
                [sys.executable, __file__, "--seed", str(number)],
                env={**os.environ, "TCT_NATIVE": str(native)},
                check=True,
                capture_output=True,
                text=True,
            )
            row.append([float(figure) for figure in result.stdout.split()])
    print("| ms | load | first mask | mean | p99 | slowest of 32,000 |")
    print("|---|---|---|---|---|---|")
    for name, measured in rows.items():
        medians = map(statistics.median, zip(*measured, strict=True))
        load, first, mean, high, slowest = medians
        print(
            f"| {name} | {load:.0f} | {first:.1f} | {mean:.3f} | {high:.2f} "
            f"| {slowest:.1f} |"
        )


if __name__ == "__main__":
    main()
