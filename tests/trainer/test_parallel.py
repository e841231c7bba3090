"""Two processes learn what one learns; started as a user starts them, by torchrun."""

import json
import signal
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from tct.cli import main
from tct.tests.processes import Child
from tct.trainer.runs.checkpoint import find_checkpoints, load_model, read_state
from tct.trainer.training.distributed import World, join

STEPS = 12
SETTINGS = [
    "model.width=32",
    "model.layers=2",
    "model.heads=2",
    "model.context=128",
    "data.batch_size=5",
    "optim.lr=1e-3",
    "run.eval_every=6",
    "run.log_every=3",
]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]


def arguments(store: Path, run: Path, *options: str) -> list[str]:
    settings = (f"--set={setting}" for setting in SETTINGS)
    return ["train", str(store), "-o", str(run), "--device=cpu", *settings, *options]


def start(store: Path, run: Path, *options: str) -> Child:
    """Two processes."""
    command = [sys.executable, *TORCHRUN, "2", "-m", "tct"]
    return Child([*command, *arguments(store, run, *options)], {"OMP_NUM_THREADS": 1})


def train_alone(store: Path, run: Path, *options: str) -> None:
    done = CliRunner().invoke(main, arguments(store, run, *options))
    assert done.exit_code == 0, done.stderr


def distance(left: Path, right: Path) -> float:
    """Relative length of the difference of two runs' weights."""
    a, b = (
        torch.cat([p.detach().flatten() for p in load_model(run)[0].parameters()])
        for run in (left, right)
    )
    return float((a - b).norm() / b.norm())


def records(run: Path) -> list[dict[str, float]]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def alone(store_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 steps by one process."""
    run = tmp_path_factory.mktemp("alone") / "run"
    train_alone(store_folder, run, "--preset=tiny", f"--steps={STEPS}")
    return run


@pytest.mark.parametrize("layout", ["bucketed", "packed"])
def test_two_processes_learn_what_one_does(
    store_folder: Path, alone: Path, tmp_path: Path, layout: str
) -> None:
    """Five windows a step: two for one process, three for the other."""
    run = tmp_path / "run"
    options = ["--preset=tiny", f"--steps={STEPS}", f"--layout={layout}"]

    with start(store_folder, run, *options) as process:
        out, _ = process.finish()

    assert out.count(f"finished {STEPS} steps") == 1
    assert distance(run, alone) < 1e-6
    for found, expected in zip(records(run), records(alone), strict=True):
        for name in ("step", "targets", "tokens", "val_tokens", "lr", "epoch"):
            assert found.get(name) == expected.get(name)
        for name in ("loss", "grad_norm", "val_loss", "bits_per_byte"):
            if name in expected:
                assert found[name] == pytest.approx(expected[name], rel=1e-4)
    states = [
        read_state(path / f"checkpoints/step-{STEPS:06d}").tokens
        for path in (run, alone)
    ]
    assert states[0] == states[1] > 0


def test_two_processes_learn_what_one_does_across_a_switch(
    store_folder: Path, tmp_path: Path
) -> None:
    """The context changes after step 6, and with it the windows of each process."""
    context = "--set=data.context=[[0, 64], [0.5, 128]]"
    options = ["--preset=tiny", f"--steps={STEPS}", context]
    with start(store_folder, tmp_path / "two", *options) as process:
        process.finish()
    train_alone(store_folder, tmp_path / "one", *options)

    assert distance(tmp_path / "two", tmp_path / "one") < 1e-6
    counts = [
        [record["tokens"] for record in records(tmp_path / name)]
        for name in ("two", "one")
    ]
    assert counts[0] == counts[1]


def test_a_run_stops_and_goes_on_with_another_number_of_processes(
    store_folder: Path, alone: Path, tmp_path: Path
) -> None:
    """SIGTERM to the launcher, which passes it on, stops all after the same step."""
    run = tmp_path / "run"
    # Evaluations teach nothing, but give the signal time to arrive before the end.
    slow = ["--set=run.log_every=1", "--set=run.eval_every=1"]
    options = ["--preset=tiny", f"--steps={STEPS}", *slow]
    with start(store_folder, run, *options) as process:
        metrics = run / "metrics.jsonl"
        process.wait_until(lambda: metrics.is_file() and records(run))
        process.send_signal(signal.SIGTERM)
        out, err = process.finish(code=None)  # the launcher's own

    assert "stopped after step" in out, err
    assert 1 <= max(find_checkpoints(run)) < STEPS
    train_alone(store_folder, run, "--resume")
    assert distance(run, alone) < 1e-6


def test_a_process_by_itself_is_a_world_of_one() -> None:
    values = torch.tensor([1.0, 2.0])
    with join("cpu") as world:
        assert world == World(device=torch.device("cpu"), rank=0, size=1)
        assert world.is_main
        assert world.total(values) is values
        assert world.any(True)
        assert not world.any(False)
