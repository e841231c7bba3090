"""`tct tokenizer`: train one, show its tokens, measure it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import PATH, source_options, sources_argument, tokenizer_option

if TYPE_CHECKING:  # what a command needs is imported when it runs
    from ..sources import Columns, Source

__all__ = ["tokenizer"]


@click.group()
def tokenizer() -> None:
    """Learn a tokenizer, look at its tokens, measure it."""


@tokenizer.command("train")
@sources_argument
@click.option(
    "-o",
    "--output",
    required=True,
    type=PATH,
    metavar="FILE",
    help="The tokenizer.json to write.",
)
@source_options
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
    from ...data.display.bars import open_progress
    from ..report.tables import print_table, training_table
    from ..vocabulary.train import train_from_sources

    with open_progress() as progress:
        training = train_from_sources(sources, output, columns, progress, force=force)
    print_table(training_table(training, output))


@tokenizer.command("show")
@click.argument("file", type=PATH)
@tokenizer_option
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

    tokenizer = Tokenizer.load_or_default(tokenizer_file)
    ids = tokenizer.encode(read_document(file))
    print_table(tokens_table(tokenizer.trace(ids)))


@tokenizer.command("stats")
@sources_argument
@tokenizer_option
@source_options
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
    from ...data.display.bars import open_progress
    from ...data.tokenizer import Tokenizer
    from ..report.tables import print_table, stats_table
    from ..vocabulary.stats import measure

    tokenizer = Tokenizer.load_or_default(tokenizer_file)
    with open_progress() as progress:
        stats = measure(tokenizer, sources, columns, progress)
    print_table(stats_table(stats))
