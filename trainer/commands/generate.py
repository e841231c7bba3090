"""`tct generate`: write documents with a model."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...data.errors import ConfigError
from .options import (
    PATH,
    device_option,
    model_argument,
    model_or_shipped,
    rules_option,
    threads_option,
)

if TYPE_CHECKING:
    from ...data.documents.json_text import Json
    from ...data.kinds import Kind
    from ...data.tokenizer import Prompt, Rules
    from ..generation import Generator, Sampling
    from ..generation.samplers import Ending, Sample

__all__ = ["generate"]

_MEANINGS: "dict[Ending, str]" = {
    "cut": "closed early, the token budget was used up",
    "open": "not finished, the token budget was used up",
    "broken": "broken off at a token that no workflow continues",
}

_COUNT = click.IntRange(1, 10**12)


@click.command()
@model_argument
@click.option(
    "-n",
    "--num-samples",
    "count",
    default=1,
    show_default=True,
    type=_COUNT,
    help="Documents to write.",
)
@click.option(
    "--prompt",
    "prompt_file",
    type=PATH,
    metavar="FILE",
    help="A partial document (YAML or JSON) to keep and complete.",
)
@click.option("--name", help="Begin a workflow with this name.")
@click.option(
    "--on",
    "triggers",
    multiple=True,
    metavar="EVENT",
    help="Begin a workflow with this trigger; may be repeated.",
)
@click.option(
    "--runs-on", metavar="RUNNER", help="Begin a workflow with a job on this runner."
)
@click.option(
    "--free",
    is_flag=True,
    help="Sample from the raw model, without the grammar's masks.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["yaml", "json", "tokens"]),
    help="YAML documents separated by ---, or one line of JSON or token ids each.  "
    "[default: as the documents that the model learnt from]",
)
@click.option(
    "--jsonl",
    is_flag=True,
    help="Print one JSON object per sample: the document, how it ended, its "
    "log-probability.",
)
@click.option("--stream", is_flag=True, help="Show the YAML while it grows.")
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="DIR",
    help="Write one file per sample, named by its number.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Seed; sample n depends on the seed and n alone.",
)
@click.option(
    "--first",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Number of the first sample, for dividing samples among machines.",
)
@click.option(
    "--temperature",
    default=1.0,
    show_default=True,
    help="Below 1 favours likely tokens; 0 takes the likeliest.",
)
@click.option("--top-k", type=int, help="Draw among the k likeliest tokens.")
@click.option(
    "--top-p",
    type=float,
    help="Draw among the likeliest tokens whose probabilities reach this sum.",
)
@click.option(
    "--min-p",
    type=float,
    help="Draw among tokens of at least this share of the likeliest one's probability.",
)
@click.option(
    "--max-tokens",
    type=int,
    help="Tokens per document, at most, prompt included; a document that runs out of "
    "them is closed correctly.  [default: the model's context]",
)
@click.option(
    "--batch-size",
    default=32,
    show_default=True,
    type=_COUNT,
    help="Documents written at once; changes only the speed.",
)
@click.option(
    "--dtype",
    default="float32",
    show_default=True,
    type=click.Choice(["float32", "bfloat16"]),
    help="Type of the matrix products; bfloat16 is faster where the processor has it.",
)
@rules_option
@device_option
@threads_option
def generate(
    model: Path | None,
    count: int,
    first: int,
    free: bool,
    style: str | None,
    jsonl: bool,
    stream: bool,
    output: Path | None,
    batch_size: int,
    device: str,
    dtype: str,
    threads: int | None,
    prompt_file: Path | None,
    name: str | None,
    triggers: tuple[str, ...],
    runs_on: str | None,
    rules: "Rules | None",
    **sampling: Any,
) -> None:
    """Write documents with the model of a run, a checkpoint or an export.

    Without RUN, a small model from the package does, trained on invented workflows.
    Every document conforms to its schema, and workflows to GitHub's rules, by masks.

    \b
    Example:
      tct generate -n 3 --temperature 0.7
      tct generate run --prompt start.yml --stream
      tct generate run --name CI --on push --on pull_request --runs-on ubuntu-latest
    """
    from ..generation import Sampling
    from ..generation.output import show_growing

    if stream and (output or jsonl or style not in (None, "yaml")):
        raise click.UsageError("--stream shows YAML on the screen: leave out the rest.")
    value, depth = _partial(prompt_file, name, triggers, runs_on)
    drawn = Sampling(**sampling)
    generator = _load(model, threads, device=device, dtype=dtype, rules=rules)
    prompt = _open(generator, value, depth, is_shortcut=prompt_file is None)
    options: dict[str, Any] = {"prompt": prompt, "constrained": not free}
    if stream:
        streams = (generator.stream(first + n, drawn, **options) for n in range(count))
        endings = show_growing(streams, generator.tokenizer, _write)
    else:
        options |= {"batch_size": batch_size, "first": first}
        samples = generator.samples(count, drawn, **options)
        style = "jsonl" if jsonl else style
        endings = _put(samples, style, drawn, output, generator.tokenizer.kind)
    click.echo(_summary(endings), err=True)


def _load(
    model: Path | None, threads: int | None, *, device: str, **options: Any
) -> "Generator":
    from ..generation import Generator
    from ..threads import use_threads

    use_threads(threads, device=device)
    return Generator.load(model_or_shipped(model), device=device, **options)


def _open(
    generator: "Generator", value: "Json", depth: int | None, *, is_shortcut: bool
) -> "Prompt":
    kind = generator.tokenizer.kind
    if is_shortcut and value is not None and not kind.has_shortcuts:
        raise ConfigError(
            "--name, --on and --runs-on: begin a workflow, but this model writes "
            f"{kind.many} of the schema {kind.name!r}",
            "give the beginning of one with --prompt FILE",
        )
    rules = generator.rules
    prompt = generator.tokenizer.open(value, depth=depth, rules=rules)
    if prompt.rules != rules:
        click.echo(
            "the prompt has a key that is never written under --rules github, so the "
            "rest keeps to the schema alone",
            err=True,
        )
    return prompt


def _put(
    samples: "Iterable[Sample]",
    style: str | None,
    drawn: "Sampling",
    output: Path | None,
    kind: "Kind",
) -> "Counter[Ending]":
    from ..generation.output import save, show

    style = style or kind.format
    if output is None:
        return show(samples, style, drawn, _write, kind)
    return save(samples, style, drawn, output, kind)


def _write(text: bytes) -> None:
    click.echo(text, nl=False)


def _partial(
    file: Path | None, name: str | None, triggers: Sequence[str], runs_on: str | None
) -> "tuple[Json, int | None]":
    """The beginning of the workflow, and how many of its containers stay open."""
    from ...data.documents.parse import read_document
    from ..generation.prompts import shortcut

    has_shortcut = name is not None or triggers or runs_on is not None
    if file is not None:
        if has_shortcut:
            raise click.UsageError(
                "--name, --on and --runs-on replace a prompt: write them into FILE."
            )
        return read_document(file), None
    if runs_on is not None and not triggers:
        raise click.UsageError("--runs-on needs --on, which comes before the jobs.")
    return shortcut(name, triggers, runs_on) if has_shortcut else (None, None)


def _summary(endings: "Mapping[Ending, int]") -> str:
    """Summarise how samples ended, in one line."""
    total = sum(endings.values())
    parts = [f"{total:,} sample{'s' * (total != 1)}"]
    for ending, meaning in _MEANINGS.items():
        if endings.get(ending):
            parts.append(f"{endings[ending]:,} {meaning}")
    return ", ".join(parts)
