"""Arguments and options shared by several commands."""

from pathlib import Path

import click

__all__ = [
    "COUNT",
    "PATH",
    "checkpoint_option",
    "device_option",
    "runs_argument",
    "threads_option",
]

PATH = click.Path(path_type=Path)
COUNT = click.IntRange(min=1)

runs_argument = click.argument(
    "run_folders", nargs=-1, required=True, type=PATH, metavar="RUN…"
)
device_option = click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, … or auto."
)
threads_option = click.option(
    "--threads",
    type=COUNT,
    help="Threads of PyTorch on a CPU.  [default: OMP_NUM_THREADS, or one for each "
    "processor that is idle at the start]",
)
checkpoint_option = click.option(
    "--checkpoint",
    "which",
    default="best",
    show_default=True,
    type=click.Choice(["best", "newest"]),
    help="Which checkpoint of a run: the one with the lowest validation loss, or the "
    "newest.",
)
