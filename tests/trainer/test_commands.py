"""`tct train` as it is typed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tct.cli import main
from tct.trainer.runs.checkpoint import find_checkpoints
from tct.trainer.runs.history import read_history

SMALL = [
    "--preset=tiny",
    "--device=cpu",
    "--set=width=32",
    "--set=layers=1",
    "--set=heads=2",
]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


def run_well(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert (result.exit_code, result.exception) == (0, None), result.stderr
    return result.stdout


def described(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "config.json").read_text())["config"])


def test_options_set_what_they_are_called(store_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    options = ["--steps=2", "--batch-size=3", "--micro-batch=2", "--seed=5"]
    options += ["--windows=spread", "--layout=packed", "--no-compile"]
    out = run_well(store_folder, "-o", folder, *SMALL, *options, "--sample-every=9")

    found = described(folder)
    assert found["data"] == {
        "batch_size": 3,
        "seed": 5,
        "windows": "spread",
        "context": None,
    }
    for name, value in {
        "steps": 2,
        "layout": "packed",
        "micro_batch": 2,
        "compile": False,
        "sample_every": 9,
    }.items():
        assert found["run"][name] == value
    assert out.startswith("finished 2 steps\n")
    assert out.splitlines()[-1] == f"next: tct generate {folder}"


def test_an_unset_option_leaves_the_preset_alone(
    store_folder: Path, tmp_path: Path
) -> None:
    run_well(store_folder, "-o", tmp_path / "run", *SMALL, "--steps=1")

    found = described(tmp_path / "run")
    assert found["run"]["compile"] is None
    assert found["data"]["batch_size"] == 4


def test_a_run_goes_on_with_what_it_was_started_with(
    store_folder: Path, tmp_path: Path
) -> None:
    first, branch = tmp_path / "first", tmp_path / "branch"
    run_well(store_folder, "-o", first, *SMALL, "--steps=2")

    again = run_well(store_folder, "-o", first, "--resume", "--device=cpu")
    assert again.startswith("already finished: 2 steps, nothing to do\n")
    checkpoint = first / "checkpoints/step-000002"
    for path in (first, checkpoint):
        out = run_well(
            *(store_folder, "-o", branch, "--resume-from", path),
            *("--device=cpu", "--steps=3"),
        )
        assert out.startswith("finished 3 steps\n")
        assert list(find_checkpoints(branch)) == [2, 3]
        for file in sorted(branch.rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()

    refused = run(store_folder, "-o", first, "--resume", "--steps=3", "--device=cpu")
    assert refused.exit_code == 1
    assert "run.steps: found 3, the run to resume was trained with 2" in (
        refused.stderr
    )


def test_a_dry_run_writes_nothing_but_what_a_run_takes(
    store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out = run_well(store_folder, *SMALL, "--dry-run")

    # A long value goes on in a line without a name.
    lines = dict(re.findall(r"^(\S.*?)  +(\S.*?) *$", out, re.M))
    assert out.startswith("500 steps on cpu, not started\n")
    assert lines["first loss"] == "9.011 nats per token"
    assert lines["parameters"] == "536,640"
    assert {"passes over the data", "memory", "checkpoints", "MFU"} <= lines.keys()
    assert re.fullmatch(r"\d+m\d\d", lines["time to finish"])
    assert list(tmp_path.iterdir()) == []


def test_a_run_needs_a_folder(store_folder: Path) -> None:
    result = run(store_folder, "--preset=tiny")

    assert result.exit_code == 2
    assert "Missing option '-o' / '--output'." in result.stderr


def test_figures_go_to_tensorboard_where_it_is_installed(
    store_folder: Path, tmp_path: Path
) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="the extra `tensorboard` is not installed",
    )
    options = ["--steps=4", "--set=log_every=1", "--set=eval_every=2"]
    run_well(store_folder, "-o", tmp_path / "run", *SMALL, *options)

    events = accumulator.EventAccumulator(str(tmp_path / "run/tensorboard"))
    events.Reload()
    history = read_history(tmp_path / "run")
    losses = events.Scalars("train/loss")
    assert [event.step for event in losses] == [1, 2, 3, 4]
    assert [event.value for event in losses] == pytest.approx(history.train["loss"])
    assert [event.step for event in events.Scalars("eval/bits_per_byte")] == [2, 4]


def test_resuming_takes_nothing_from_the_store_argument(tmp_path: Path) -> None:
    """An option with an optional value would swallow STORE."""
    result = run("--resume", "no-store", "-o", tmp_path / "run")

    assert "Missing argument" not in result.stderr
    assert "run" in result.stderr


def test_resuming_has_one_source(tmp_path: Path) -> None:
    result = run("store", "-o", tmp_path, "--resume", "--resume-from", "auto")

    assert result.exit_code == 2
    assert "not both" in result.stderr
