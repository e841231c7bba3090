"""`tct plot`: draw runs."""

from pathlib import Path

import click

from ...data.display.visible import visible
from .options import PATH, runs_argument

__all__ = ["plot"]


@click.command()
@runs_argument
@click.option(
    "-o",
    "--output",
    required=True,
    type=PATH,
    metavar="FILE",
    help="The .png, .svg or .html file to write.",
)
@click.option(
    "--smooth",
    "records",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    help="Average the training loss over this many records; 1 to leave it as is.",
)
def plot(run_folders: tuple[Path, ...], output: Path, records: int) -> None:
    """Draw loss, bits per byte, learning rate and speed of runs.

    A run in progress can be drawn too.

    \b
    Example:
      tct plot run -o run.svg
      tct plot runs/plan runs/overlap -o runs.html
    """
    from ...data.display.figures import check_figure_path, save_figure
    from ..runs.history import read_history, run_names
    from ..runs.plot import plot_runs

    check_figure_path(output, option="-o")
    names = run_names(run_folders)
    histories = [read_history(folder) for folder in run_folders]
    figure = plot_runs(histories, names, records=records)
    save_figure(output, figure, title=", ".join(names), text="")
    click.echo(visible(f"{output}: written"), err=True)
