"""`tct export`: a run to a folder for others."""

from pathlib import Path
from typing import Any

import click

from .options import PATH

__all__ = ["export"]


@click.command()
@click.argument("run_folder", type=PATH, metavar="RUN")
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=PATH,
    metavar="DIR",
    help="Folder for the model; its name is the model's.",
)
@click.option(
    "--checkpoint",
    "which",
    default="best",
    show_default=True,
    type=click.Choice(["best", "newest"]),
    help="Which one of a run: of the lowest validation loss, or the newest.",
)
@click.option(
    "--license",
    "license_id",
    default="other",
    show_default=True,
    metavar="ID",
    help="Of the weights, for the model card, such as apache-2.0.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Write into a folder that is not empty; other files in it stay.",
)
def export(
    run_folder: Path, target: Path, which: Any, license_id: str, force: bool
) -> None:
    """Write a model for others: weights, shape, tokenizer and model card.

    transformers loads the folder as `nanochat` without custom code, and tct generate
    writes with it.  RUN may be one of a run's checkpoints, too.

    \b
    Example:
      tct export run -o my-model --license apache-2.0
      tct generate my-model
    """
    from ...data.display.screen import Screen
    from ..export import export as run
    from ..runs.report import render_export

    done = run(run_folder, target, which=which, license_id=license_id, force=force)
    render_export(done, Screen())
