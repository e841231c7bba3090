"""Arguments and options shared by several commands."""

from pathlib import Path

import click

__all__ = [
    "COUNT",
    "PATH",
    "checkpoint_option",
    "device_option",
    "rules_option",
    "runs_argument",
]

PATH = click.Path(path_type=Path)
COUNT = click.IntRange(min=1)

runs_argument = click.argument(
    "run_folders", nargs=-1, required=True, type=PATH, metavar="RUN…"
)
device_option = click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, … or auto."
)
rules_option = click.option(
    "--rules",
    default="github",
    show_default=True,
    type=click.Choice(["schema", "github"]),
    help="What workflows must keep to: the schema alone, or what GitHub takes, too.",
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
