"""Two processes learn what one learns; started as a user starts them, by torchrun."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tct.trainer.checkpoint import find_checkpoints, load_model, read_state
from tct.trainer.parallel import World, join

SETTINGS = [
    "model.width=32",
    "model.layers=2",
    "model.heads=2",
    "data.batch_size=5",
    "optim.lr=1e-3",
    "run.eval_every=10",
    "run.log_every=5",
]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]


def start(
    store: Path, run: Path, *options: str, processes: int = 1
) -> "subprocess.Popen[str]":
    command = [sys.executable]
    if processes > 1:
        command += [*TORCHRUN, str(processes)]
    command += ["-m", "tct", "train", str(store), "-o", str(run), "--device", "cpu"]
    command += [*options, *(f"--set={setting}" for setting in SETTINGS)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def finish(process: "subprocess.Popen[str]") -> str:
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    return out


def train(store: Path, run: Path, *options: str, processes: int = 1) -> str:
    return finish(start(store, run, *options, processes=processes))


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
    """A run of 20 steps by one process."""
    run = tmp_path_factory.mktemp("alone") / "run"
    train(store_folder, run, "--preset=tiny", "--steps=20")
    return run


@pytest.mark.parametrize("layout", ["bucketed", "packed"])
def test_two_processes_learn_what_one_does(
    store_folder: Path, alone: Path, tmp_path: Path, layout: str
) -> None:
    """Five windows a step: two for one process, three for the other."""
    run = tmp_path / "run"
    options = ["--preset=tiny", "--steps=20", f"--layout={layout}"]

    out = train(store_folder, run, *options, processes=2)

    assert out.count("finished 20 steps") == 1
    assert distance(run, alone) < 1e-6
    for found, expected in zip(records(run), records(alone), strict=True):
        for name in ("step", "targets", "tokens", "val_tokens", "lr", "epoch"):
            assert found.get(name) == expected.get(name)
        for name in ("loss", "grad_norm", "val_loss", "bits_per_byte"):
            if name in expected:
                assert found[name] == pytest.approx(expected[name], rel=1e-4)
    states = [
        read_state(path / "checkpoints/step-000020").tokens for path in (run, alone)
    ]
    assert states[0] == states[1] > 0


def test_a_run_stops_and_goes_on_with_another_number_of_processes(
    store_folder: Path, alone: Path, tmp_path: Path
) -> None:
    """SIGTERM to the launcher, which passes it on, stops all after the same step."""
    run = tmp_path / "run"
    process = start(
        store_folder,
        run,
        "--preset=tiny",
        "--steps=20",
        "--set=run.log_every=1",
        processes=2,
    )
    deadline = time.monotonic() + 120
    while not (run / "metrics.jsonl").is_file() or len(records(run)) < 3:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)

    assert "stopped after step" in out, err
    stopped = max(find_checkpoints(run))
    assert 3 <= stopped < 20
    train(store_folder, run, "--resume")
    assert distance(run, alone) < 1e-6


def test_a_process_by_itself_is_a_world_of_one() -> None:
    values = torch.tensor([1.0, 2.0])
    with join("cpu") as world:
        assert world == World(device=torch.device("cpu"), rank=0, size=1)
        assert world.is_main
        assert world.total(values) is values
        assert world.any(True)
        assert not world.any(False)
