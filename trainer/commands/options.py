"""Arguments that several commands of this room take."""

from pathlib import Path

import click

__all__ = ["PATH", "runs_argument"]

PATH = click.Path(path_type=Path)

runs_argument = click.argument(
    "run_folders", nargs=-1, required=True, type=PATH, metavar="RUN…"
)
