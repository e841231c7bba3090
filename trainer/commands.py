"""The commands that train a model and write with it."""

from pathlib import Path
from typing import Any

import click

from ..data.layouts import LAYOUTS
from ..data.windows import POLICIES

__all__ = ["generate", "train"]

_EXISTING = click.Path(path_type=Path)


@click.command()
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
@click.option(
    "--config",
    "config_file",
    type=_EXISTING,
    metavar="FILE",
    help="Settings as TOML, [optim] and so on, that replace the preset's.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Optimiser steps.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Windows per step.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Of the initial weights and the order of the data.",
)
@click.option(
    "--windows",
    type=click.Choice(POLICIES),
    help="How documents are cut into windows.  [default: plan]",
)
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    help="How windows lie in memory; changes the speed only.  "
    "[default: the device decides]",
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
    config_file: Path | None,
    steps: int | None,
    batch_size: int | None,
    seed: int | None,
    windows: str | None,
    layout: str | None,
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

    from ..data.store import Store
    from .loop import train as run
    from .presets import override, override_from, resolve
    from .progress import make_progress
    from .report import render_report
    from .run import stored_config

    named = {
        "run.steps": steps,
        "run.layout": layout,
        "data.batch_size": batch_size,
        "data.seed": seed,
        "data.windows": windows,
    }
    changes = [f"{key}={value}" for key, value in named.items() if value is not None]
    changes += overrides
    if resume and preset is None:
        config = stored_config(run_folder)
    else:
        config = resolve(preset or "workflow-27m")
    if config_file is not None:
        config = override_from(config, config_file)
    config = override(config, changes)
    report = run(
        Store.open(store_folder),
        run_folder,
        config,
        device=device,
        resume=resume,
        progress=make_progress(),
    )
    render_report(report, Console(highlight=False))


@click.command()
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
    from ..data.json_text import canonical_bytes
    from ..data.yaml_text import to_yaml
    from ..pipeline.parse import read_document
    from .generate import Sampling
    from .generate import generate as run

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
