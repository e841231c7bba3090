"""`tct train`: train a model on a store."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...data.windows import POLICIES
from ...data.windows.layouts import LAYOUTS
from .options import COUNT, PATH, device_option

if TYPE_CHECKING:
    from ..config import Config

__all__ = ["train"]

_PRESET = "workflow-27m"


@click.command()
@click.argument("stores", nargs=-1, required=True, metavar="STORE[=WEIGHT]…")
@click.option(
    "-o",
    "--output",
    "run_folder",
    type=PATH,
    metavar="RUN",
    help="Folder for checkpoints and metrics.  [required without --dry-run]",
)
@click.option(
    "--preset",
    metavar="NAME",
    help="tiny, workflow-20m, workflow-27m or workflow-100m.  [default: workflow-27m]",
)
@click.option(
    "--config",
    "config_file",
    type=PATH,
    metavar="FILE",
    help="TOML file of settings, in tables such as [optim], that override the preset.",
)
@click.option("--steps", type=COUNT, help="Optimiser steps.")
@click.option("--batch-size", type=COUNT, help="Windows per step.")
@click.option(
    "--micro-batch",
    type=COUNT,
    help="Rows per forward pass, at most; changes only memory and speed.  "
    "[default: the device decides]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Seed of the initial weights and the data order.",
)
@click.option(
    "--windows",
    type=click.Choice(POLICIES),
    help="How documents are cut into windows.  [default: plan]",
)
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    help="How windows lie in memory; changes only the speed.  "
    "[default: the device decides]",
)
@click.option(
    "--compile/--no-compile",
    default=None,
    help="Compile the step with torch.compile.  [default: on a GPU]",
)
@click.option(
    "--sample-every",
    type=COUNT,
    metavar="STEPS",
    help="Let the model write a few workflows every STEPS steps.",
)
@device_option
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change any setting, such as optim.lr=1e-3; may be repeated.",
)
@click.option("--resume", is_flag=True, help="Continue from RUN's newest checkpoint.")
@click.option(
    "--resume-from",
    type=PATH,
    metavar="PATH",
    help="Continue from this checkpoint, or from the newest one of another run.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Time five steps and predict the cost of the run; write nothing.",
)
def train(
    stores: tuple[str, ...],
    run_folder: Path | None,
    preset: str | None,
    config_file: Path | None,
    device: str,
    overrides: tuple[str, ...],
    resume: bool,
    resume_from: Path | None,
    dry_run: bool,
    **settings: Any,
) -> None:
    """Train a model on a store, or on several: WEIGHT passes over each in an epoch.

    Ctrl-C finishes the step, saves a checkpoint and stops; --resume continues from it
    and ends with the same parameters as an uninterrupted run.

    \b
    Example:
      tct train store -o run --preset tiny
      tct train store -o run --resume
      tct train github gitlab=0.3 -o run
      torchrun --nproc-per-node 8 -m tct train store -o run
    """
    from ...data.display.screen import Screen
    from ...data.store import open_stores
    from ..presets import compose
    from ..runs.live import make_progress
    from ..runs.report import render_report
    from ..runs.resume import find_resume_point
    from ..training.distributed import is_main_process
    from ..training.loop import train as run

    # The name of an option is the last part of its setting's key.
    changes = [f"{key}={value}" for key, value in settings.items() if value is not None]
    changes += overrides
    if dry_run:
        _dry_run(stores, compose(preset or _PRESET, config_file, changes), device)
        return
    if run_folder is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    if resume and resume_from is not None:
        raise click.UsageError("Give --resume or --resume-from, not both.")
    point = find_resume_point(run_folder, resume_from or resume)
    so_far = point.config if point and preset is None else preset or _PRESET
    store, config = open_stores(stores), compose(so_far, config_file, changes)
    options: dict[str, Any] = {"device": device, "resume": point or False}
    report = run(store, run_folder, config, **options, progress=make_progress())
    if is_main_process():
        render_report(report, Screen())


def _dry_run(stores: tuple[str, ...], config: "Config", device: str) -> None:
    from ...data.display.screen import Screen
    from ...data.store import open_stores
    from ..runs.report import render_dry_run
    from ..training.distributed import is_main_process
    from ..training.dry_run import dry_run

    found = dry_run(open_stores(stores), config, device=device)
    if is_main_process():
        render_dry_run(found, Screen())
