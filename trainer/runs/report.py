"""Print the outcome of a run, the forecast of a dry run, and an export."""

import os
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING

from ...data.display.screen import Screen
from ...data.display.tables import facts_table
from .live import time_left
from .state import Validation

if TYPE_CHECKING:  # only shown here, and loaded with torch
    from ..export.export import Exported
    from ..training.dry_run import DryRun
    from ..training.run import TrainReport

__all__ = ["render_dry_run", "render_export", "render_report"]


def render_report(report: "TrainReport", screen: Screen) -> None:
    """Print the outcome of a run, its checkpoint, and the next command."""
    screen.print(_headline(report))
    screen.print(facts_table(rows=_figures(report)))
    screen.print(f"next: {_next_command(report)}", soft_wrap=True)


def render_dry_run(found: "DryRun", screen: Screen) -> None:
    """Print the predicted cost of a run."""
    screen.print(f"{found.steps:,} steps on {found.device}, not started")
    screen.print(facts_table(rows=_dry_figures(found)))


def render_export(done: "Exported", screen: Screen) -> None:
    """Print the exported model and the next command."""
    screen.print(os.fspath(done.folder), soft_wrap=True)
    rows = [
        ("checkpoint", os.fspath(done.checkpoint)),
        ("parameters", f"{done.parameters:,}"),
        *(_validation(done.state.validation) if done.state.validation else []),
        (
            "tct eval",
            "in the card" if done.is_evaluated else "not run on this checkpoint",
        ),
        ("size", f"{done.size / 1e6:,.1f} MB"),
    ]
    screen.print(facts_table(rows=rows))
    folder = shlex.quote(os.fspath(done.folder))
    screen.print(f"next: tct generate {folder}", soft_wrap=True)


def _dry_figures(found: "DryRun") -> list[tuple[str, str]]:
    fewest, most = found.windows
    windows = f"{fewest:,} to {most:,}" if fewest < most else f"{most:,}"
    peak = f"{found.peak.flops / 1e12:,.3g} TFLOP/s, {found.peak.source}"
    return [
        ("parameters", f"{found.parameters:,}"),
        ("documents", f"{found.documents:,} with {found.tokens:,} tokens"),
        ("windows per epoch", windows),
        ("passes over the data", f"{found.passes:,.1f}"),
        ("operations", f"{found.flops:.2e} FLOPs on targets"),
        ("first loss", f"{found.loss:.3f} nats per token"),
        (
            "speed",
            f"{found.tokens_per_s:,.0f} tokens/s, {found.step_seconds:.3g} s/step",
        ),
        ("MFU", f"{found.mfu:.1%} of {peak}"),
        (
            "memory",
            f"{_gigabytes(found.memory)} estimated without torch.compile, "
            f"{_gigabytes(found.memory_seen)} measured, "
            f"{_gigabytes(found.memory_there)} in total",
        ),
        (
            "checkpoints",
            f"at most {_gigabytes(found.disk)} on disk, "
            f"{_gigabytes(found.checkpoint)} each",
        ),
        ("time to finish", time_left(found.seconds)),
    ]


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.3g} GB"


def _next_command(report: "TrainReport") -> str:
    stores, run = shlex.join(report.store), shlex.quote(os.fspath(report.folder))
    if report.is_stopped:
        return f"tct train {stores} -o {run} --resume"
    return f"tct generate {run}"


def _headline(report: "TrainReport") -> str:
    if report.is_stopped:
        return f"stopped after step {report.step:,} of {report.steps:,}"
    if report.step < report.steps:
        best = report.best.step if report.best else 0
        return (
            f"ended early after step {report.step:,} of {report.steps:,}: "
            f"no evaluation was better than that after step {best:,}"
        )
    if not report.is_new:
        return f"already finished: {report.steps:,} steps, nothing to do"
    return f"finished {report.steps:,} steps"


def _figures(report: "TrainReport") -> list[tuple[str, str]]:
    rows = [("parameters", f"{report.parameters:,}")]
    if report.train_loss is not None:
        rows.append(("training loss", f"{report.train_loss:.4f} nats per token"))
    if report.validation is not None:
        rows += _validation(report.validation)
    if report.best is not None and report.best.step != report.step:
        best = report.best
        rows.append(("best so far", f"{best.loss:.4f} after step {best.step:,}"))
    rows.append(("time", str(timedelta(seconds=round(report.seconds)))))
    if report.checkpoint is not None:
        rows.append(("checkpoint", os.fspath(report.checkpoint)))
    return rows


def _validation(found: Validation) -> list[tuple[str, str]]:
    return [
        ("validation loss", f"{found.loss:.4f} nats per token"),
        ("perplexity", f"{found.perplexity:,.2f}"),
        ("bits per byte", f"{found.bits_per_byte:.4f}"),
    ]
