"""`tct prepare`: make a store from documents."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ...data.display.visible import visible
from .options import PATH, source_options, sources_argument

if TYPE_CHECKING:  # commands import what they need when they run
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
    help="Write the store to this folder.",
)
@click.option(
    "--tokenizer",
    type=PATH,
    metavar="FILE",
    help="Use this tokenizer.json.  [default: the one that ships with tct]",
)
@source_options
@click.option(
    "--split-seed",
    default=0,
    show_default=True,
    help="Choose another tenth of the groups for validation.",
)
@click.option(
    "--valid-only",
    is_flag=True,
    help="Reject documents in which tct check finds something.",
)
@click.option(
    "--near-dup",
    "near_duplicates",
    is_flag=True,
    help="Drop training documents that are nearly equal to a validation document.  "
    "Needs the extra near-dup.",
)
@click.option(
    "--max-per-path",
    type=click.IntRange(min=1),
    metavar="N",
    help="Keep only the N newest versions of each file.",
)
@click.option(
    "--max-per-group",
    type=click.IntRange(min=1),
    metavar="N",
    help="Keep at most N documents per repository.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace a store made from other inputs or options, reusing the tokens of "
    "documents in both.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Tokenize in N processes.  [default: one per core]",
)
@click.option(
    "--engine",
    type=click.Choice(["processes", "ray"]),
    default="processes",
    show_default=True,
    help="Run the processes here, or on Ray: on the cluster in RAY_ADDRESS, if set.  "
    "Ray needs the extra ray.",
)
@click.option(
    "--report",
    "page",
    type=PATH,
    metavar="FILE.html",
    help="Also write the summary as a self-contained page with figures.",
)
def prepare(
    sources: "Sequence[Source]",
    store: Path,
    tokenizer: Path | None,
    columns: "Columns",
    force: bool,
    workers: int | None,
    engine: Literal["processes", "ray"],
    page: Path | None,
    **rules: Any,
) -> None:
    """Tokenize workflows into a store.

    SOURCE is a folder or a .yml, .json, .jsonl, .parquet, .arrow, .csv, .zip or .tar
    file; - reads a list of them from stdin.  Re-running is a no-op; an interrupted run
    resumes.

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
        rules=Rules(**rules),
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
