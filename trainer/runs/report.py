"""Print the outcome of a run, the forecast of a dry run, and an export."""

import os
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING

from ...data.display.screen import Screen
from ...data.display.tables import facts_table
from ..contexts import described
from .live import time_left
from .state import Validation

if TYPE_CHECKING:  # only shown here, and loaded with torch
    from ..export.export import Exported
    from ..planning.dry_run import DryRun, Facts
    from ..training.run import TrainReport

__all__ = ["render_export", "render_facts", "render_forecast", "render_report"]


def render_report(report: "TrainReport", screen: Screen) -> None:
    """Print the outcome of a run, its checkpoint, and the next command."""
    screen.print(_headline(report))
    screen.print(facts_table(rows=_figures(report)))
    screen.print(f"next: {_next_command(report)}", soft_wrap=True)


def render_facts(facts: "Facts", screen: Screen) -> None:
    """Print what is known of a run without a step."""
    screen.print(f"{facts.steps:,} steps on {facts.device}, not started")
    screen.print(facts_table(rows=_facts(facts)))


def render_forecast(found: "DryRun", screen: Screen) -> None:
    """Print what the measured speed says of a run."""
    screen.print(facts_table(rows=_forecast(found)))


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


def _facts(facts: "Facts") -> list[tuple[str, str]]:
    fewest, most = facts.windows
    windows = f"{fewest:,} to {most:,}" if fewest < most else f"{most:,}"
    context = [("context", described(facts.phases))] if facts.phases else []
    return [
        ("parameters", f"{facts.parameters:,}"),
        ("documents", f"{facts.documents:,} with {facts.tokens:,} tokens"),
        *context,
        ("windows per epoch", windows),
        ("passes over the data", f"{facts.passes:,.1f}"),
        ("operations", f"{facts.flops:.2e} FLOPs on targets"),
        (
            "memory",
            f"{_gigabytes(facts.memory)} estimated without torch.compile, "
            f"{_gigabytes(facts.memory_there)} in total",
        ),
        (
            "checkpoints",
            f"at most {_gigabytes(facts.disk)} on disk, "
            f"{_gigabytes(facts.checkpoint)} each",
        ),
    ]


def _forecast(found: "DryRun") -> list[tuple[str, str]]:
    speed, peak = found.speed, found.peak
    source = f"{peak.flops / 1e12:,.3g} TFLOP/s, {peak.source}"
    rows = [
        ("first loss", f"{speed.loss:.3f} nats per token"),
        (
            "speed",
            f"{speed.tokens_per_s:,.0f} tokens/s, {found.step_seconds:.3g} s/step, "
            f"measured on {speed.sample}",
        ),
        ("MFU", f"{found.mfu:.1%} of {source}"),
        ("memory measured", _gigabytes(found.memory_seen)),
        ("time to finish", time_left(found.seconds)),
    ]
    # As wide as the names of the facts above it.
    return [(f"{name:<20}", value) for name, value in rows]


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
