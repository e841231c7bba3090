"""`tct compare`: runs side by side."""

import json
from pathlib import Path

import click

from ...data.display.visible import visible
from .options import runs_argument

__all__ = ["compare"]


@click.command()
@runs_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per run.")
def compare(run_folders: tuple[Path, ...], as_json: bool) -> None:
    """Compare runs at equal tokens.

    Compares bits per byte at the largest token count up to which every run was
    evaluated.  The overfitting gap is the latest validation loss minus the training
    loss.

    \b
    Example:
      tct compare runs/plan runs/overlap runs/original
    """
    from dataclasses import asdict

    from ...data.display.screen import Screen
    from ..runs.compare import compare as put_side_by_side
    from ..runs.compare import render_comparison
    from ..runs.history import read_history, run_names

    histories = [read_history(folder) for folder in run_folders]
    found = put_side_by_side(histories, run_names(run_folders))
    if found.obstacle is not None:
        click.echo(visible(f"not compared at equal tokens: {found.obstacle}"), err=True)
    if not as_json:
        render_comparison(found, Screen())
        return
    for run in found.runs:
        click.echo(json.dumps({**asdict(run), "equal_tokens": found.equal_tokens}))
