"""Modules load what they need and nothing else: each is imported in a fresh process."""

import subprocess
import sys

import pytest


def loaded(module: str) -> set[str]:
    """Names of all modules in a process that imports one."""
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_training_loads_neither_exports_nor_what_shows_it() -> None:
    found = loaded("tct.trainer.training.loop")

    assert "torch" in found
    assert not any(name.startswith("tct.trainer.export") for name in found)
    assert found.isdisjoint(
        {
            "click",
            "matplotlib",
            "rich",
            "tct.trainer.runs.live",
            "tct.trainer.runs.report",
            "tct.trainer.planning",
        }
    )


@pytest.mark.parametrize(
    "module",
    [
        "config",
        "presets",
        "runs.compare",
        "runs.history",
        "runs.live",
        "runs.metrics",
        "runs.plot",
        "runs.progress",
        "runs.report",
        "runs.state",
        "commands.train",
        "commands.generate",
    ],
)
def test_figures_of_runs_are_read_and_shown_without_torch(module: str) -> None:
    assert "torch" not in loaded(f"tct.trainer.{module}")


@pytest.mark.parametrize("module", ["model.cost", "optim", "runs.checkpoint"])
def test_the_rooms_below_do_not_know_training(module: str) -> None:
    found = loaded(f"tct.trainer.{module}")

    assert not any(name.startswith("tct.trainer.training") for name in found)


def test_samples_are_formatted_without_a_command_line() -> None:
    assert "click" not in loaded("tct.trainer.generation.output")
