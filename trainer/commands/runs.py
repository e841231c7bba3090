"""The commands that look at runs: what they learnt, and how they compare."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from ...data.display.visible import visible
from ...data.files import name_text

__all__ = ["compare", "plot"]

_FOLDER = click.Path(path_type=Path)
_runs_argument = click.argument(
    "run_folders", nargs=-1, required=True, type=_FOLDER, metavar="RUN…"
)


@click.command()
@_runs_argument
@click.option(
    "-o",
    "--output",
    required=True,
    type=_FOLDER,
    metavar="FILE",
    help="The .png, .svg or .html to draw.",
)
@click.option(
    "--smooth",
    "records",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    help="Records over which the training loss is averaged; 1 for none.",
)
def plot(run_folders: tuple[Path, ...], output: Path, records: int) -> None:
    """Draw loss, bits per byte, learning rate and speed of runs.

    A run that is still going on can be drawn too.

    \b
    Example:
      tct plot run -o run.svg
      tct plot runs/plan runs/overlap -o runs.html
    """
    from ...data.display.figures import check_figure_path, save_figure
    from ..runs.history import read_history
    from ..runs.plot import plot_runs

    check_figure_path(output, option="-o")
    names = _names(run_folders)
    histories = [read_history(folder) for folder in run_folders]
    figure = plot_runs(histories, names, records=records)
    save_figure(output, figure, title=", ".join(names), text="")
    click.echo(visible(f"{output}: written"), err=True)


@click.command()
@_runs_argument
@click.option("--json", "as_json", is_flag=True, help="One JSON object per run.")
def compare(run_folders: tuple[Path, ...], as_json: bool) -> None:
    """Put runs side by side, at equal tokens.

    Bits per byte are compared after the most tokens that every run was evaluated
    after.  The overfitting gap is validation loss less training loss, both lately.

    \b
    Example:
      tct compare runs/plan runs/overlap runs/original
    """
    from dataclasses import asdict

    from ...data.display.screen import Screen
    from ..runs.compare import compare as put_side_by_side
    from ..runs.compare import render_comparison
    from ..runs.history import read_history

    histories = [read_history(folder) for folder in run_folders]
    found = put_side_by_side(histories, _names(run_folders))
    if found.obstacle is not None:
        click.echo(visible(f"not compared at equal tokens: {found.obstacle}"), err=True)
    if not as_json:
        render_comparison(found, Screen())
        return
    for run in found.runs:
        click.echo(json.dumps({**asdict(run), "equal_tokens": found.equal_tokens}))


def _names(folders: Sequence[Path]) -> list[str]:
    """What to call runs: their folders' names, or paths where a name is shared."""
    names = [name_text(folder.resolve().name) for folder in folders]
    counts = Counter(names)
    return [
        name if counts[name] == 1 else name_text(folder)
        for name, folder in zip(names, folders, strict=True)
    ]
