"""The `tct` command: parse, call one function, render.

stdout is data, progress and logs go to stderr; exit code 0 is success, 1 a problem that
the message says how to solve, 2 wrong usage.
"""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tct import __version__
from tct.data.errors import TctError

__all__ = ["main"]

_HINTS = {
    errno.ENOSPC: "the disk is full: free some space, or write to another one",
    errno.EROFS: "the disk is read-only: write to another one",
    errno.EACCES: "give a path that this user may read and write",
    errno.EPERM: "give a path that this user may read and write",
}


class _Group(click.Group):
    """Turns problems that a user can solve into one line on stderr."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; its TctError or OSError becomes one line."""
        try:
            return super().invoke(ctx)
        except TctError as error:
            raise click.ClickException(" ".join(str(error).split())) from error
        except BrokenPipeError:  # the reader of stdout, such as `head`, has enough
            raise
        except OSError as error:
            where = error.filename or "input or output"
            hint = _HINTS.get(error.errno or 0, "check the path and try again")
            message = f"{where}: {error.strerror or error}; {hint}"
            raise click.ClickException(" ".join(message.split())) from error


_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 88}
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


@click.group(cls=_Group, context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="tct")
def main() -> None:
    """Train small language models that write GitHub Actions workflows.

    \b
    Example:
      tct prepare workflows/ -o store
      tct inspect-windows store
      tct train store -o run --preset tiny
      tct generate run
    """


@main.command()
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
    "--force", is_flag=True, help="Replace a store that was made from something else."
)
def prepare(
    sources: tuple[Path, ...],
    store: Path,
    tokenizer: Path | None,
    text_column: str | None,
    group_column: str | None,
    split_seed: int,
    force: bool,
) -> None:
    """Tokenize workflows into a store.

    SOURCE is a folder of .yml, .yaml and .json files, a .jsonl or a .parquet file.
    Preparing the same again does nothing.

    \b
    Example:
      tct prepare workflows.parquet --text-column text --group-column repo -o store
    """
    from tct.data.store import Store
    from tct.pipeline.prepare import PrepareOptions
    from tct.pipeline.prepare import prepare as run
    from tct.pipeline.progress import open_progress
    from tct.pipeline.report import prepare_table, print_table
    from tct.pipeline.sources import Columns

    options = PrepareOptions(
        columns=Columns(text=text_column, group=group_column),
        tokenizer=tokenizer,
        split_seed=split_seed,
        force=force,
    )
    with open_progress() as progress:
        report = run(sources, store, options, progress)
    if report.up_to_date:
        click.echo(f"{store}: up to date")
    else:
        print_table(prepare_table(report, Store.open(store, verify="sizes")))


@main.command("inspect-windows")
@click.argument("store_folder", type=_EXISTING, metavar="STORE")
@click.option(
    "--epoch",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Pass over the data, from 0.",
)
@click.option(
    "--split",
    default="train",
    show_default=True,
    type=click.Choice(["train", "val"]),
    help="Which documents.",
)
@click.option(
    "--doc",
    metavar="ROW|PATH|SHA256",
    help="One document, with the text inside each window.",
)
@click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(min=0),
    help="Most windows in the table; 0 for all.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object per line and window."
)
def inspect_windows(
    store_folder: Path,
    epoch: int,
    split: Any,
    doc: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show exactly which windows of which documents an epoch trains on.

    \b
    Example:
      tct inspect-windows store --epoch 3
      tct inspect-windows store --doc 12
      tct inspect-windows store --json | head
    """
    from tct.data import inspection
    from tct.data.store import Store
    from tct.data.windows import CONTEXT
    from tct.pipeline.report import print_table, window_header, windows_table

    store = Store.open(store_folder)
    if doc is None:
        windows = inspection.epoch_windows(store, split, epoch)
    else:
        row = inspection.find_document(store, doc)
        windows = inspection.document_windows(store, row, epoch)
    if as_json:
        for record in inspection.window_records(windows, epoch=epoch, context=CONTEXT):
            click.echo(json.dumps(record))
    elif doc is None:
        summary = inspection.summarize(store, split, epoch, CONTEXT)
        print_table(windows_table(windows, summary, limit=limit or None))
    else:
        click.echo(f"document {row}: {store.docs['path'][row].as_py()}")
        for index, text in enumerate(inspection.window_texts(store, windows)):
            click.echo(window_header(windows, index))
            click.echo(text)


@main.command()
@click.argument("store_folder", type=_EXISTING, metavar="STORE")
@click.option(
    "-o",
    "--output",
    "run_folder",
    required=True,
    type=_EXISTING,
    metavar="RUN",
    help="Folder for checkpoints and metrics.",
)
@click.option("--preset", metavar="NAME", help="tiny or workflow-27m.")
@click.option("--steps", type=click.IntRange(min=1), help="Optimiser steps.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Windows per step.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Of the initial weights and the order of the data.",
)
@click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, … or auto."
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change any setting, such as optim.lr=1e-3; may be repeated.",
)
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint.")
def train(
    store_folder: Path,
    run_folder: Path,
    preset: str | None,
    steps: int | None,
    batch_size: int | None,
    seed: int | None,
    device: str,
    overrides: tuple[str, ...],
    resume: bool,
) -> None:
    """Train a model on a store.

    Ctrl-C finishes the step, saves a checkpoint and stops; --resume goes on from it and
    ends with the same parameters as a run that was never stopped.

    \b
    Example:
      tct train store -o run --preset tiny
      tct train store -o run --resume
    """
    from rich.console import Console

    from tct.data.store import Store
    from tct.trainer.loop import train as run
    from tct.trainer.presets import override, resolve
    from tct.trainer.progress import make_progress
    from tct.trainer.report import render_report
    from tct.trainer.run import stored_config

    named = {"run.steps": steps, "data.batch_size": batch_size, "data.seed": seed}
    changes = [f"{key}={value}" for key, value in named.items() if value is not None]
    changes += overrides
    if resume and preset is None:
        config = override(stored_config(run_folder), changes)
    else:
        config = resolve(preset or "workflow-27m", changes)
    report = run(
        Store.open(store_folder),
        run_folder,
        config,
        device=device,
        resume=resume,
        progress=make_progress(),
    )
    render_report(report, Console(highlight=False))


@main.command()
@click.argument("run_folder", type=_EXISTING, metavar="RUN")
@click.option(
    "-n",
    "--num-samples",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="Workflows to write.",
)
@click.option(
    "--prompt",
    type=_EXISTING,
    metavar="FILE",
    help="A partial workflow (YAML or JSON) to complete.",
)
@click.option(
    "--format",
    "style",
    default="yaml",
    show_default=True,
    type=click.Choice(["yaml", "json"]),
    help="YAML documents separated by ---, or one JSON document per line.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Sample n depends on the seed and n alone.",
)
@click.option(
    "--temperature",
    default=1.0,
    show_default=True,
    help="Below 1 the likely gets likelier; 0 takes the likeliest.",
)
@click.option("--top-k", type=int, help="Draw among the k likeliest tokens.")
@click.option(
    "--top-p",
    type=float,
    help="Draw among the likeliest tokens of this joint probability.",
)
@click.option(
    "--max-tokens",
    type=int,
    help="Most tokens of a workflow, prompt included; it is closed correctly "
    "when they run out.  [default: the model's context]",
)
@click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, … or auto."
)
def generate(
    run_folder: Path,
    num_samples: int,
    prompt: Path | None,
    style: str,
    device: str,
    **sampling: Any,
) -> None:
    """Write workflows with a trained model.

    Every one is correct against the workflow schema: the grammar leaves no other.

    \b
    Example:
      tct generate run -n 3 --temperature 0.8
      tct generate run --prompt start.yml --format json
    """
    from tct.data.json_text import canonical_bytes
    from tct.data.yaml_text import to_yaml
    from tct.pipeline.parse import read_document
    from tct.trainer.generate import Sampling
    from tct.trainer.generate import generate as run

    samples = run(
        run_folder,
        num_samples=num_samples,
        sampling=Sampling(**sampling),
        prompt=None if prompt is None else read_document(prompt),
        device=device,
    )
    for sample in samples:
        if style == "json":
            click.echo(canonical_bytes(sample.value))
        else:
            click.echo(
                ("---\n" if sample.number else "") + to_yaml(sample.value), nl=False
            )
        if sample.is_cut:
            note = f"sample {sample.number}: closed early, the token budget was used up"
            click.echo(note, err=True)


@main.group()
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
    from tct.pipeline.progress import open_progress
    from tct.pipeline.report import print_table, training_table
    from tct.pipeline.sources import Columns
    from tct.pipeline.train_tokenizer import train_from_sources

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
    from tct.data.tokenizer import Tokenizer
    from tct.pipeline.parse import read_document
    from tct.pipeline.report import print_table, tokens_table
    from tct.pipeline.walkthrough import walk_through

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
    from tct.data.tokenizer import Tokenizer
    from tct.pipeline.progress import open_progress
    from tct.pipeline.report import print_table, stats_table
    from tct.pipeline.sources import Columns
    from tct.pipeline.tokenizer_stats import measure

    columns = Columns(text=text_column, group=group_column)
    tokenizer = Tokenizer.load_or_default(tokenizer_file)
    with open_progress() as progress:
        stats = measure(tokenizer, sources, columns, progress)
    print_table(stats_table(stats))
