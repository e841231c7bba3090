"""`tct export`: write a model to a folder that others can load."""

from pathlib import Path
from typing import Any

import click

from .options import PATH, checkpoint_option

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
    help="Write the model to this folder and name it after the folder.",
)
@checkpoint_option
@click.option(
    "--license",
    "license_id",
    default="other",
    show_default=True,
    metavar="ID",
    help="License of the weights for the model card, such as apache-2.0.",
)
@click.option(
    "--half",
    is_flag=True,
    help="Write the weights as float16: half the size, rounded to 3 digits.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Write into a folder that is not empty; its other files stay.",
)
def export(
    run_folder: Path, target: Path, which: Any, license_id: str, **options: bool
) -> None:
    """Export a model: weights, configuration, tokenizer and model card.

    transformers loads the folder as `nanochat` without custom code; tct generate and
    tct serve load it too.  RUN may also be a checkpoint.

    \b
    Example:
      tct export run -o my-model --license apache-2.0
      tct generate my-model
    """
    from ...data.display.screen import Screen
    from ..export.export import export as run
    from ..runs.report import render_export

    done = run(run_folder, target, which=which, license_id=license_id, **options)
    render_export(done, Screen())
