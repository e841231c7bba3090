"""Measure tokens per second of writing, next to `generate` of transformers.

Ours draws under masks and writes whole documents; the peer draws freely, from the same
weights, as many tokens for each row.  They take turns, in one process.
"""

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch

from tct import __version__
from tct.trainer.export.export import export
from tct.trainer.generation import Generator, Sampling

SAMPLING: dict[str, Any] = {"temperature": 0.7, "top_p": 0.9}


def ours(generator: Generator, rows: int, length: int, seed: int) -> int:
    """Write `rows` documents at once; returns their tokens."""
    sampling = Sampling(seed=seed, max_tokens=length, **SAMPLING)
    samples = generator.samples(rows, sampling, batch_size=rows)
    return sum(len(sample.tokens) for sample in samples)


def peer(folder: Path) -> Callable[[int, int, int], int]:
    """Load an export with transformers; returns the same function for it."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder).eval()

    def write(rows: int, length: int, seed: int) -> int:
        torch.manual_seed(seed)
        ids = torch.zeros((rows, 1), dtype=torch.long)  # the position token
        options = {"do_sample": True, "top_k": None, "use_cache": True, **SAMPLING}
        options |= {"min_new_tokens": length, "max_new_tokens": length}
        with torch.inference_mode():
            model.generate(ids, attention_mask=torch.ones_like(ids), **options)
        return rows * length

    return write


def rate(write: Callable[[], int]) -> float:
    """Tokens per second."""
    begun = time.perf_counter()
    return write() / (time.perf_counter() - begun)


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--length", default=128, help="Tokens of a document, at most.")
@click.option("--rounds", default=3)
@click.option("--threads", default=1)
@click.option("--no-peer", is_flag=True, help="Leave transformers out.")
def main(
    runs: tuple[Path, ...], length: int, rounds: int, threads: int, no_peer: bool
) -> None:
    """Print a table in Markdown for the models of some runs."""
    torch.set_num_threads(threads)
    print(
        f"# Writing\n\ntct {__version__}, torch {torch.__version__}, "
        f"{os.cpu_count()} cores, {platform.machine()}, {threads} threads, "
        f"{length} tokens a document\n"
    )
    print("| run | parameters | rows | tct, tokens/s | bfloat16 | transformers | x |")
    print("|---|---|---|---|---|---|---|")
    for run in runs:
        with tempfile.TemporaryDirectory() as made:
            export(run, made, force=True)
            compare(run, None if no_peer else peer(Path(made)), length, rounds)


def compare(
    run: Path,
    write: Callable[[int, int, int], int] | None,
    length: int,
    rounds: int,
) -> None:
    """Print the rows of one run."""
    full = Generator.load(run, device="cpu")
    half = Generator.load(run, device="cpu", dtype="bfloat16")
    size = full.model.config.parameters
    ours(full, 32, length, 99)  # fills the caches of masks, which all share
    for rows in (1, 8, 32):
        rates: list[list[float]] = []
        for seed in range(rounds):
            found = [
                rate(lambda: ours(full, rows, length, seed)),  # noqa: B023
                rate(lambda: ours(half, rows, length, seed)),  # noqa: B023
            ]
            if write is not None:
                found.append(rate(lambda: write(rows, length, seed)))  # noqa: B023
            rates.append(found)
        medians = [statistics.median(column) for column in zip(*rates, strict=True)]
        cells = [f"{median:,.0f}" for median in medians]
        if write is None:
            cells += ["—", "—"]
        else:
            ratios = [ours_ / theirs for ours_, _, theirs in rates]
            cells.append(f"{statistics.median(ratios):.1f}")
        print(f"| {run.name} | {size:,} | {rows} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
