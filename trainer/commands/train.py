"""`tct train`: train a model on a store."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...data.windows import POLICIES
from ...data.windows.layouts import LAYOUTS
from .options import COUNT, PATH, device_option, threads_option

if TYPE_CHECKING:
    from ...data.store import Store
    from ..config import Config
    from ..runs.resume import ResumePoint

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
    help="tiny, tiny-fast, workflow-20m, workflow-27m, workflow-27m-fast or "
    "workflow-100m.  [default: workflow-27m]",
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
@click.option(
    "--max-minutes",
    "minutes",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MINUTES",
    help="Train for this long: measure the speed, plan steps, batch size and a linear "
    "decay to zero, and end on time.",
)
@device_option
@threads_option
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
    help="Say what the run will take; write nothing.",
)
@click.option(
    "--measure",
    "seconds",
    default=20.0,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Time for measuring the speed, in a dry run or with --max-minutes.",
)
def train(
    stores: tuple[str, ...],
    run_folder: Path | None,
    preset: str | None,
    config_file: Path | None,
    minutes: float | None,
    device: str,
    threads: int | None,
    overrides: tuple[str, ...],
    resume: bool,
    resume_from: Path | None,
    dry_run: bool,
    seconds: float,
    **settings: Any,
) -> None:
    """Train a model on a store, or on several: WEIGHT passes over each in an epoch.

    Ctrl-C finishes the step, saves a checkpoint and stops; --resume continues from it
    and ends with the same parameters as an uninterrupted run.

    \b
    Example:
      tct train store -o run --preset tiny
      tct train store -o run --preset tiny --max-minutes 60
      tct train github s3://bucket/gitlab=0.3 -o run
      torchrun --nproc-per-node 8 -m tct train store -o run
    """
    from ..presets import compose
    from ..runs.resume import find_resume_point
    from ..threads import use_threads

    began = time.perf_counter()
    # The name of an option is the last part of its setting's key.
    changes = [f"{key}={value}" for key, value in settings.items() if value is not None]
    changes += overrides
    if dry_run:
        use_threads(threads, device=device)
        config = compose(preset or _PRESET, config_file, changes)
        return _dry_run(stores, config, device, seconds)
    if run_folder is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    if minutes is not None and settings["steps"] is not None:
        raise click.UsageError("Give --max-minutes or --steps, not both.")
    point = find_resume_point(run_folder, _one_source(resume, resume_from))
    so_far = point.config if point and preset is None else preset or _PRESET
    config = compose(so_far, config_file, changes)
    use_threads(threads, device=device)
    if minutes is not None and point is None:  # else the plan is in the run
        config = _plan(stores, config, device, minutes, seconds, began)
    _train(stores, run_folder, config, device, point)


def _open(stores: tuple[str, ...]) -> "Store":
    """Open the stores; one process of several says what is fetched."""
    from ...data.display.progress import print_note
    from ...data.store import open_stores
    from ..training.distributed import is_main_process

    if is_main_process():
        return open_stores(stores, note=print_note)
    return open_stores(stores)


def _train(
    stores: tuple[str, ...],
    run_folder: Path,
    config: "Config",
    device: str,
    point: "ResumePoint | None",
) -> None:
    from ...data.display.screen import Screen
    from ..runs.live import make_progress
    from ..runs.report import render_report
    from ..training.distributed import is_main_process
    from ..training.loop import train as run

    store, progress = _open(stores), make_progress()
    options: dict[str, Any] = {"device": device, "resume": point or False}
    report = run(store, run_folder, config, **options, progress=progress)
    if is_main_process():
        render_report(report, Screen())


def _plan(
    stores: tuple[str, ...],
    config: "Config",
    device: str,
    minutes: float,
    seconds: float,
    began: float,
) -> "Config":
    from ..planning.minutes import plan_minutes
    from ..training.distributed import is_main_process

    plan = plan_minutes(
        _open(stores),
        config,
        until=began + 60 * minutes,
        device=device,
        seconds=seconds,
    )
    if is_main_process():
        click.echo(f"plan: {plan}", err=True)
    return plan.config


def _one_source(resume: bool, resume_from: Path | None) -> bool | Path:
    if resume and resume_from is not None:
        raise click.UsageError("Give --resume or --resume-from, not both.")
    return resume_from or resume


def _dry_run(
    stores: tuple[str, ...], config: "Config", device: str, seconds: float
) -> None:
    from ...data.display.screen import Screen
    from ..planning.dry_run import dry_run
    from ..runs.report import render_facts, render_forecast
    from ..training.distributed import is_main_process

    screen = Screen()
    found = dry_run(
        _open(stores),
        config,
        device=device,
        seconds=seconds,
        show=lambda facts: render_facts(facts, screen),
    )
    if is_main_process():
        render_forecast(found, screen)
