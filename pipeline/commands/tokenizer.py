"""`tct tokenizer`: train a tokenizer, show its tokens, measure it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...data.errors import ConfigError
from .options import PATH, source_options, sources_argument, tokenizer_option

if TYPE_CHECKING:  # commands import what they need when they run
    from ...data.kinds import Format, Kind
    from ..sources import Columns, Source

__all__ = ["tokenizer"]


@click.group()
def tokenizer() -> None:
    """Train a tokenizer, show its tokens, measure it."""


@tokenizer.command("train")
@sources_argument
@click.option(
    "-o",
    "--output",
    required=True,
    type=PATH,
    metavar="FILE",
    help="Write the tokenizer to this file.",
)
@click.option(
    "--schema",
    type=PATH,
    metavar="FILE|NAME",
    help="JSON Schema of the documents, as JSON or YAML, or the name of one that "
    "ships, such as compose-spec.  [default: that of workflows]",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["yaml", "json"]),
    help="Language of the documents of --schema, in which they are generated.  "
    "[default: that of most documents of SOURCE]",
)
@source_options
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def tokenizer_train(
    sources: "Sequence[Source]",
    output: Path,
    columns: "Columns",
    schema: Path | None,
    style: "Format | None",
    force: bool,
) -> None:
    """Train a tokenizer on workflows, or on documents of another schema.

    Uses only the newest version of each file, and at most 60 files per repository.
    The same inputs give the same tokenizer on any machine.

    \b
    Example:
      tct tokenizer train workflows.parquet -o tokenizer.json
      tct prepare workflows.parquet --tokenizer tokenizer.json -o store
      tct tokenizer train manifests/ --schema service.json -o service.tokenizer.json
      tct tokenizer train actions/ --schema github-actions -o action.tokenizer.json
    """
    from ...data.display.bars import open_progress
    from ..report.tables import print_table, training_table
    from ..vocabulary.train import train_from_sources

    if style is not None and schema is None:
        raise ConfigError(
            f"--format {style}: found no --schema", "give the schema of the documents"
        )
    kind = _kind(schema)
    with open_progress() as progress:
        training = train_from_sources(
            sources, output, columns, progress, kind=kind, style=style, force=force
        )
    print_table(training_table(training, output))


def _kind(schema: Path | None) -> "Kind":
    from ...data.files import name_text
    from ...data.kinds import WORKFLOW, of_schema
    from ..shipped_schemas import open_schema

    if schema is None:
        return WORKFLOW
    return of_schema(name_text(schema.stem), open_schema(schema), "yaml")


@tokenizer.command("show")
@click.argument("file", type=PATH)
@tokenizer_option
def tokenizer_show(file: Path, tokenizer_file: Path | None) -> None:
    """Show a document token by token.

    Each line has a token's position and id, its text or structure, the path where it
    ends, and what the schema allows in its place.

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
    """Measure a tokenizer on documents.

    Reports lengths, speed, and violations of the schema.

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
