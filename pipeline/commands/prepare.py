"""The commands that make a store, look into it, and learn a tokenizer."""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ...data.display.visible import visible
from ...trainer.commands.inspect_windows import inspect_windows

if TYPE_CHECKING:  # what a command needs is imported when it runs
    from ..sources import Columns, Condition, Source

__all__ = ["inspect_windows", "prepare", "tokenizer"]

_EXISTING = click.Path(path_type=Path)


def _read_sources(
    ctx: click.Context, param: click.Parameter, value: Sequence[str]
) -> "Sequence[Source]":
    from ..sources import listed_sources

    return listed_sources(value, sys.stdin.buffer)


def _read_conditions(
    ctx: click.Context, param: click.Parameter, value: Sequence[str]
) -> "tuple[Condition, ...]":
    from ..sources import Condition

    return tuple(map(Condition.parse, value))


_sources_argument = click.argument(
    "sources", nargs=-1, required=True, metavar="SOURCE…", callback=_read_sources
)


def _source_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say what is read of the sources: its `sources` and its `columns`."""

    @functools.wraps(command)
    def with_columns(
        *,
        sources: "Sequence[Source]",
        follow_links: bool,
        text_column: str | None,
        group_column: str | None,
        where: "tuple[Condition, ...]",
        **others: Any,
    ) -> None:
        """Call the command with one value for three options."""
        from ..sources import Columns, linked_sources

        columns = Columns(text=text_column, group=group_column, where=where)
        if follow_links:
            sources = linked_sources(sources)
        command(sources=sources, columns=columns, **others)

    text = click.option(
        "--text-column",
        metavar="NAME",
        help="Field of a row that holds the workflow.  [default: text]",
    )
    group = click.option(
        "--group-column",
        metavar="NAME",
        help="Field of a row that holds the repository; documents of one group "
        "stay in one split.  [default: repo, where there is one]",
    )
    where = click.option(
        "--where",
        metavar="CONDITION",
        multiple=True,
        callback=_read_conditions,
        help="Read only rows like this, such as head=true or stars>=10; several must "
        "all hold.",
    )
    links = click.option(
        "--follow-links",
        is_flag=True,
        help="Follow links in a folder that lead out of it, or to a folder.",
    )
    return text(group(where(links(with_columns))))


@click.command()
@_sources_argument
@click.option(
    "-o",
    "--output",
    "store",
    required=True,
    type=_EXISTING,
    metavar="STORE",
    help="Folder for the store.",
)
@click.option(
    "--tokenizer",
    type=_EXISTING,
    metavar="FILE",
    help="Use this tokenizer.json instead of the one that comes with tct.",
)
@_source_options
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
    type=_EXISTING,
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
    from ..prepare import PrepareOptions
    from ..prepare import prepare as run
    from ..prepare.pool import num_cores
    from ..prepare.progress import open_progress
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


@click.group()
def tokenizer() -> None:
    """Learn a tokenizer, look at its tokens, measure it."""


_tokenizer_option = click.option(
    "--tokenizer",
    "tokenizer_file",
    type=_EXISTING,
    metavar="FILE",
    help="A tokenizer.json.  [default: the one that comes with tct]",
)


@tokenizer.command("train")
@_sources_argument
@click.option(
    "-o",
    "--output",
    required=True,
    type=_EXISTING,
    metavar="FILE",
    help="The tokenizer.json to write.",
)
@_source_options
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def tokenizer_train(
    sources: "Sequence[Source]",
    output: Path,
    columns: "Columns",
    force: bool,
) -> None:
    """Learn a tokenizer from workflows.

    Only the newest version of a file is learnt from, and at most 60 files of one
    repository.  The same inputs give the same tokenizer on any machine.

    \b
    Example:
      tct tokenizer train workflows.parquet -o tokenizer.json
      tct prepare workflows.parquet --tokenizer tokenizer.json -o store
    """
    from ..prepare.progress import open_progress
    from ..report.tables import print_table, training_table
    from ..vocabulary.train import train_from_sources

    with open_progress() as progress:
        training = train_from_sources(sources, output, columns, progress, force=force)
    print_table(training_table(training, output))


@tokenizer.command("show")
@click.argument("file", type=_EXISTING)
@_tokenizer_option
def tokenizer_show(file: Path, tokenizer_file: Path | None) -> None:
    """Walk through a workflow token by token.

    Each line has the position and the id of a token, what it stands for, where in the
    document it ends, and what else was allowed there.

    \b
    Example:
      tct tokenizer show .github/workflows/ci.yml
    """
    from ...data.documents.parse import read_document
    from ...data.tokenizer import Tokenizer
    from ..report.tables import print_table, tokens_table
    from ..vocabulary.explain import walk_through

    tokenizer = Tokenizer.load_or_default(tokenizer_file)
    print_table(tokens_table(walk_through(tokenizer, read_document(file))))


@tokenizer.command("stats")
@_sources_argument
@_tokenizer_option
@_source_options
def tokenizer_stats(
    sources: "Sequence[Source]",
    tokenizer_file: Path | None,
    columns: "Columns",
) -> None:
    """Measure a tokenizer on workflows.

    Shows lengths, speed, and where workflows break the schema.

    \b
    Example:
      tct tokenizer stats workflows/
    """
    from ...data.tokenizer import Tokenizer
    from ..prepare.progress import open_progress
    from ..report.tables import print_table, stats_table
    from ..vocabulary.stats import measure

    tokenizer = Tokenizer.load_or_default(tokenizer_file)
    with open_progress() as progress:
        stats = measure(tokenizer, sources, columns, progress)
    print_table(stats_table(stats))
