"""Arguments and options shared by several commands."""

from pathlib import Path

import click

__all__ = [
    "COUNT",
    "PATH",
    "checkpoint_option",
    "device_option",
    "model_argument",
    "model_or_shipped",
    "rules_option",
    "runs_argument",
    "threads_option",
]

PATH = click.Path(path_type=Path)
COUNT = click.IntRange(min=1)

runs_argument = click.argument(
    "run_folders", nargs=-1, required=True, type=PATH, metavar="RUN…"
)
model_argument = click.argument("model", required=False, type=PATH, metavar="[RUN]")
device_option = click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, … or auto."
)
threads_option = click.option(
    "--threads",
    type=COUNT,
    help="Threads of PyTorch on a CPU.  [default: OMP_NUM_THREADS, or one for each "
    "processor that is idle at the start]",
)
rules_option = click.option(
    "--rules",
    type=click.Choice(["schema", "github"]),
    help="What documents must keep to: the schema alone, or what GitHub takes, too.  "
    "[default: github for workflows, schema for other kinds]",
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

_SHIPPED = Path(__file__).parents[1] / "export" / "tiny-invented"


def model_or_shipped(folder: Path | None) -> Path:
    """The given folder, or else that of the model in the package; says so on stderr."""
    if folder is not None:
        return folder
    click.echo(
        f"no RUN given: using {_SHIPPED.name}, a small model that ships with tct and "
        "has seen only invented workflows",
        err=True,
    )
    return _SHIPPED
