"""The commands that make a store, look into it, and learn a tokenizer."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import click

from .inspector.command import inspect_windows

__all__ = ["inspect_windows", "prepare", "tokenizer"]

_EXISTING = click.Path(path_type=Path)
_sources_argument = click.argument(
    "sources", nargs=-1, required=True, type=_EXISTING, metavar="SOURCE…"
)


def _column_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say which fields of a row mean what."""
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
    return text(group(command))


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
@_column_options
@click.option(
    "--split-seed",
    default=0,
    show_default=True,
    help="Which groups are for validation (a tenth).",
)
@click.option(
    "--near-dup",
    is_flag=True,
    help="Keep repositories that share near-duplicates in one split (extra near-dup).",
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
def prepare(
    sources: tuple[Path, ...],
    store: Path,
    tokenizer: Path | None,
    text_column: str | None,
    group_column: str | None,
    split_seed: int,
    near_dup: bool,
    max_per_path: int | None,
    max_per_group: int | None,
    force: bool,
    workers: int | None,
    engine: Literal["processes", "ray"],
) -> None:
    """Tokenize workflows into a store.

    SOURCE is a folder of .yml, .yaml and .json files, a .jsonl or a .parquet file.
    Preparing the same again does nothing; a run that was stopped is taken up again.

    \b
    Example:
      tct prepare workflows.parquet --text-column text --group-column repo -o store
    """
    from ..data.store import Store
    from .engines import num_cores
    from .prepare import PrepareOptions
    from .prepare import prepare as run
    from .progress import open_progress
    from .report import prepare_table, print_table
    from .selection import Rules
    from .sources import Columns

    options = PrepareOptions(
        columns=Columns(text=text_column, group=group_column),
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
    if report.up_to_date:
        return click.echo(f"{store}: up to date")
    print_table(prepare_table(report, Store.open(store, verify="sizes")))


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
@_column_options
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def tokenizer_train(
    sources: tuple[Path, ...],
    output: Path,
    text_column: str | None,
    group_column: str | None,
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
    from .progress import open_progress
    from .report import print_table, training_table
    from .sources import Columns
    from .train_tokenizer import train_from_sources

    columns = Columns(text=text_column, group=group_column)
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
    from ..data.tokenizer import Tokenizer
    from .parse import read_document
    from .report import print_table, tokens_table
    from .walkthrough import walk_through

    tokenizer = Tokenizer.load_or_default(tokenizer_file)
    print_table(tokens_table(walk_through(tokenizer, read_document(file))))


@tokenizer.command("stats")
@_sources_argument
@_tokenizer_option
@_column_options
def tokenizer_stats(
    sources: tuple[Path, ...],
    tokenizer_file: Path | None,
    text_column: str | None,
    group_column: str | None,
) -> None:
    """Measure a tokenizer on workflows.

    Shows lengths, speed, and where workflows break the schema.

    \b
    Example:
      tct tokenizer stats workflows/
    """
    from ..data.tokenizer import Tokenizer
    from .progress import open_progress
    from .report import print_table, stats_table
    from .sources import Columns
    from .tokenizer_stats import measure

    columns = Columns(text=text_column, group=group_column)
    tokenizer = Tokenizer.load_or_default(tokenizer_file)
    with open_progress() as progress:
        stats = measure(tokenizer, sources, columns, progress)
    print_table(stats_table(stats))
