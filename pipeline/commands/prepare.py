"""`tct prepare`: documents to a store."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ...data.display.visible import visible
from .options import PATH, source_options, sources_argument

if TYPE_CHECKING:  # what a command needs is imported when it runs
    from ..sources import Columns, Source

__all__ = ["prepare"]


@click.command()
@sources_argument
@click.option(
    "-o",
    "--output",
    "store",
    required=True,
    type=PATH,
    metavar="STORE",
    help="Folder for the store.",
)
@click.option(
    "--tokenizer",
    type=PATH,
    metavar="FILE",
    help="Use this tokenizer.json instead of the one that comes with tct.",
)
@source_options
@click.option(
    "--split-seed",
    default=0,
    show_default=True,
    help="Which groups are for validation (a tenth).",
)
@click.option(
    "--near-dup",
    is_flag=True,
    help="Keep what is near to a validation document out of training (extra near-dup).",
)
@click.option(
    "--max-per-path",
    type=click.IntRange(min=1),
    metavar="N",
    help="Keep the N newest versions of a file.",
)
@click.option(
    "--max-per-group",
    type=click.IntRange(min=1),
    metavar="N",
    help="Keep N documents of a repository.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace a store that was made from something else; what it has in common "
    "with the new one is not tokenized again.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes that tokenize.  [default: one per core]",
)
@click.option(
    "--engine",
    type=click.Choice(["processes", "ray"]),
    default="processes",
    show_default=True,
    help="What starts them: Ray uses the cluster in RAY_ADDRESS, if any (extra ray).",
)
@click.option(
    "--report",
    "page",
    type=PATH,
    metavar="FILE.html",
    help="Also write the summary as a page with figures, which needs nothing else.",
)
def prepare(
    sources: "Sequence[Source]",
    store: Path,
    tokenizer: Path | None,
    columns: "Columns",
    split_seed: int,
    near_dup: bool,
    max_per_path: int | None,
    max_per_group: int | None,
    force: bool,
    workers: int | None,
    engine: Literal["processes", "ray"],
    page: Path | None,
) -> None:
    """Tokenize workflows into a store.

    SOURCE is a folder or a .yml, .json, .jsonl, .parquet, .arrow, .zip or .tar file; -
    is a list of them on stdin.  The same again does nothing; a stopped run goes on.

    \b
    Example:
      tct prepare workflows.parquet --text-column text --group-column repo -o store
    """
    from ...data.display.bars import open_progress
    from ..prepare import PrepareOptions
    from ..prepare import prepare as run
    from ..prepare.pool import num_cores
    from ..prepare.selection import Rules
    from ..report.page import show
    from ..report.tables import print_table

    options = PrepareOptions(
        columns=columns,
        tokenizer=tokenizer,
        rules=Rules(
            split_seed=split_seed,
            max_per_path=max_per_path,
            max_per_group=max_per_group,
            near_duplicates=near_dup,
        ),
        force=force,
        workers=workers or num_cores(),
        engine=engine,
    )
    with open_progress() as progress:
        report = run(sources, store, options, progress)
        shown = show(report, page)
    if shown is None:
        return click.echo(visible(f"{store}: up to date"))
    print_table(shown)
