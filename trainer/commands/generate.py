"""The command that writes workflows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ...data.documents.json_text import Json
    from ..generation.samplers import Ending

__all__ = ["generate"]

_MEANINGS: "dict[Ending, str]" = {
    "cut": "closed early, the token budget was used up",
    "open": "not finished, the token budget was used up",
    "broken": "broken off at a token with which no workflow goes on",
}

_PATH = click.Path(path_type=Path)
_COUNT = click.IntRange(1, 10**12)


@click.command()
@click.argument("folder", type=_PATH, metavar="RUN")
@click.option(
    "-n",
    "--num-samples",
    "count",
    default=1,
    show_default=True,
    type=_COUNT,
    help="Workflows to write.",
)
@click.option(
    "--prompt",
    "prompt_file",
    type=_PATH,
    metavar="FILE",
    help="A partial workflow (YAML or JSON) to keep and complete.",
)
@click.option("--name", help="Begin with this name.")
@click.option(
    "--on",
    "triggers",
    multiple=True,
    metavar="EVENT",
    help="Begin with this trigger; may be repeated.",
)
@click.option("--runs-on", metavar="RUNNER", help="Begin with a job on this runner.")
@click.option("--free", is_flag=True, help="Without the grammar: the raw model.")
@click.option(
    "--format",
    "style",
    default="yaml",
    show_default=True,
    type=click.Choice(["yaml", "json", "tokens"]),
    help="YAML documents separated by ---, or JSON or token ids, one line each.",
)
@click.option(
    "--jsonl",
    is_flag=True,
    help="One JSON object per sample: the workflow, how it ended, its log-probability.",
)
@click.option("--stream", is_flag=True, help="Show the YAML while it grows.")
@click.option(
    "-o",
    "--output",
    type=_PATH,
    metavar="DIR",
    help="Write one file per sample, named by its number.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Sample n depends on the seed and n alone.",
)
@click.option(
    "--first",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Number of the first sample: share many among machines with it.",
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
    "--min-p",
    type=float,
    help="Draw among tokens of at least this share of the likeliest one's probability.",
)
@click.option(
    "--max-tokens",
    type=int,
    help="Most tokens of a workflow, prompt included; it is closed correctly when they "
    "run out.  [default: the model's context]",
)
@click.option(
    "--batch-size",
    type=_COUNT,
    help="Workflows written side by side; changes the speed only.  [default: 32]",
)
@click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, … or auto."
)
def generate(
    folder: Path,
    count: int,
    first: int,
    free: bool,
    style: str,
    jsonl: bool,
    stream: bool,
    output: Path | None,
    batch_size: int | None,
    device: str,
    prompt_file: Path | None,
    name: str | None,
    triggers: tuple[str, ...],
    runs_on: str | None,
    **sampling: Any,
) -> None:
    """Write workflows with the model of a run, a checkpoint or an export.

    Every one is correct against the workflow schema: the grammar leaves no other.

    \b
    Example:
      tct generate run -n 3 --temperature 0.8
      tct generate run --prompt start.yml --stream
      tct generate run --name CI --on push --on pull_request --runs-on ubuntu-latest
      tct generate run -n 1000 --jsonl > samples.jsonl
    """
    from ..generation.generator import BATCH_SIZE, Generator
    from ..generation.output import save, show, show_growing
    from ..generation.sampling import Sampling

    style = "jsonl" if jsonl else style
    if stream and (output or style != "yaml"):
        raise click.UsageError("--stream shows YAML on the screen: leave out the rest.")
    value, depth = _partial(prompt_file, name, triggers, runs_on)
    drawn = Sampling(**sampling)
    generator = Generator.load(folder, device=device)
    prompt = generator.tokenizer.open(value, depth=depth)
    options: dict[str, Any] = {"prompt": prompt, "constrained": not free}
    if stream:
        numbers = range(first, first + count)
        streams = (generator.stream(n, drawn, **options) for n in numbers)
        endings = show_growing(streams, generator.tokenizer)
    else:
        options |= {"batch_size": batch_size or BATCH_SIZE, "first": first}
        samples = generator.samples(count, drawn, **options)
        endings = (
            show(samples, style, drawn)
            if output is None
            else save(samples, style, drawn, output)
        )
    click.echo(_summary(endings), err=True)


def _partial(
    file: Path | None, name: str | None, triggers: Sequence[str], runs_on: str | None
) -> "tuple[Json, int | None]":
    """What the workflow begins with, and how deep it stays open."""
    from ...data.documents.parse import read_document
    from ..generation.prompts import shortcut

    has_shortcut = name is not None or triggers or runs_on is not None
    if file is not None:
        if has_shortcut:
            raise click.UsageError(
                "--name, --on and --runs-on stand for a prompt: write them into FILE."
            )
        return read_document(file), None
    if runs_on is not None and not triggers:
        raise click.UsageError("--runs-on needs --on, which comes before the jobs.")
    return shortcut(name, triggers, runs_on) if has_shortcut else (None, None)


def _summary(endings: "Mapping[Ending, int]") -> str:
    """How samples ended, in a line."""
    total = sum(endings.values())
    parts = [f"{total:,} sample{'s' * (total != 1)}"]
    for ending, meaning in _MEANINGS.items():
        if endings.get(ending):
            parts.append(f"{endings[ending]:,} {meaning}")
    return ", ".join(parts)
