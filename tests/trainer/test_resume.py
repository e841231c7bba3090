"""What `--resume` takes, and what a kill during a save leaves."""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tct.data.errors import CheckpointError, ConfigError
from tct.data.store import Store
from tct.tests.processes import Child
from tct.trainer.config import Config, RunConfig, to_dict
from tct.trainer.presets import override
from tct.trainer.runs.checkpoint import find_checkpoints, load_model, read_state
from tct.trainer.runs.progress import TrainProgress
from tct.trainer.runs.resume import find_resume_point
from tct.trainer.training.loop import train

MakeStore = Callable[..., Store]

# Trains in processes that kill themselves when they are about to touch the file system
# under checkpoints/ for the n-th time.  Audit events come before what they announce.
# One process loads PyTorch and forks the others, since loading takes longest.
KILLED = """
import json, os, signal, sys
from pathlib import Path
from types import SimpleNamespace
import torch
from tct.data.store import Store
from tct.trainer.config import from_dict
from tct.trainer.training.loop import train

WRITES = ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.listdir")
seen = 0

def run(limit):
    def count(event, arguments):
        global seen
        if event in WRITES and arguments and "checkpoints" in str(arguments[0]):
            seen += 1
            if seen == limit:
                os.kill(os.getpid(), signal.SIGKILL)

    torch.set_num_threads(1)
    store = Store.open(sys.argv[1])
    vars(store)["tokenizer"] = SimpleNamespace(digest="any")
    config = from_dict(json.loads(sys.argv[3]))
    sys.addaudithook(count)
    train(store, Path(sys.argv[2], str(limit)), config, device="cpu")

for limit in map(int, sys.argv[4:]):
    if (child := os.fork()) == 0:
        run(limit)
        print(seen, flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == (-signal.SIGKILL if limit else 0)
"""


class StopsAt(TrainProgress):
    """Asks the run to stop once a number of steps is done."""

    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, step: int) -> None:
        if step == self.at:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(scope="module")
def store(make_store: MakeStore) -> Store:
    return make_store([20, 33, 64, 8, 50, 100, 40, 9], [30, 70])


def weights(folder: Path) -> dict[str, bytes]:
    state = load_model(folder)[0].state_dict()
    return {name: tensor.numpy().tobytes() for name, tensor in state.items()}


def steps(folder: Path, kind: str = "train") -> list[int]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [record["step"] for record in records if record["kind"] == kind]


@pytest.fixture
def stopped(store: Store, small: Config, tmp_path: Path) -> Path:
    """A run of 12 steps that was stopped after 9, with checkpoints at 8 and 9."""
    folder = tmp_path / "stopped"
    train(store, folder, small, device="cpu", progress=StopsAt(9))
    assert list(find_checkpoints(folder)) == [8, 9]
    return folder


@pytest.fixture(scope="module")
def undisturbed(
    store: Store, small: Config, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    train(store, folder, small, device="cpu")
    return folder


def test_nothing_to_resume_is_an_error_that_writes_nothing(
    store: Store, small: Config, tmp_path: Path
) -> None:
    for resume in (True, tmp_path / "elsewhere"):
        with pytest.raises(CheckpointError, match="found no complete checkpoint"):
            train(store, tmp_path / "run", small, device="cpu", resume=resume)

    assert not (tmp_path / "run").exists()


def test_a_run_that_ended_before_its_first_checkpoint_begins_again(
    store: Store, small: Config, undisturbed: Path, tmp_path: Path
) -> None:
    class Dies(TrainProgress):
        def step(self, step: int) -> None:
            raise RuntimeError("as if killed")

    with pytest.raises(RuntimeError, match="as if killed"):
        train(store, tmp_path / "run", small, device="cpu", progress=Dies())
    origin = find_resume_point(tmp_path / "run", True)
    assert origin is not None
    assert (origin.config, origin.checkpoint) == (small, None)

    train(store, tmp_path / "run", small, device="cpu", resume=True)

    assert weights(tmp_path / "run") == weights(undisturbed)


def test_a_damaged_configuration_is_refused_with_a_way_out(
    store: Store, small: Config, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"config": 3}')

    with pytest.raises(
        CheckpointError, match=r"config\.json: run\.data: missing; start"
    ):
        train(store, tmp_path, small, device="cpu", resume=True)


def test_a_checkpoint_that_is_named_goes_on_in_its_own_run(
    store: Store, small: Config, stopped: Path, undisturbed: Path
) -> None:
    newest = stopped / "checkpoints/step-000009"

    train(store, stopped, small, device="cpu", resume=newest)

    assert weights(stopped) == weights(undisturbed)


def test_an_older_checkpoint_does_not_go_on_under_newer_ones(
    store: Store, small: Config, stopped: Path
) -> None:
    older = stopped / "checkpoints/step-000008"

    with pytest.raises(ConfigError, match=r"newest checkpoint is step-000009.*with -o"):
        train(store, stopped, small, device="cpu", resume=older)


@pytest.mark.parametrize("named", ["", "checkpoints/step-000008"])
def test_a_branch_begins_where_the_other_run_was_and_stands_by_itself(
    store: Store,
    small: Config,
    stopped: Path,
    undisturbed: Path,
    tmp_path: Path,
    named: str,
) -> None:
    branch = tmp_path / "branch"
    begin = 8 if named else 9

    report = train(
        store,
        branch,
        small,
        device="cpu",
        resume=stopped / named,
        progress=StopsAt(10),
    )

    assert report.step == 10
    assert steps(branch) == list(range(1, 11))
    assert begin in find_checkpoints(branch)
    state = read_state(branch / "checkpoints/step-000010")
    assert state.branched_from == str(stopped / f"checkpoints/step-{begin:06d}")
    train(store, branch, small, device="cpu", resume=True)
    assert weights(branch) == weights(undisturbed)
    assert steps(branch, "eval") == [8, 12]
    assert list(find_checkpoints(stopped)) == [8, 9]


def test_a_branch_may_learn_otherwise_but_from_the_same_data(
    store: Store, small: Config, stopped: Path, tmp_path: Path
) -> None:
    longer = override(small, ["steps=14", "lr=1e-3", "schedule=constant"])
    report = train(store, tmp_path / "a", longer, device="cpu", resume=stopped)
    assert report.step == 14

    for change in ("data.seed=1", "model.width=64"):
        other = override(small, [change])
        with pytest.raises(ConfigError, match=r"start another run"):
            train(store, tmp_path / "b", other, device="cpu", resume=stopped)
    with pytest.raises(ConfigError, match=r"optim\.lr: found 0\.001.*branch off"):
        train(store, stopped, longer, device="cpu", resume=True)


def test_what_changes_nothing_that_is_learnt_may_change_on_the_way(
    store: Store, small: Config, stopped: Path, undisturbed: Path
) -> None:
    other = replace(
        small, run=RunConfig(steps=12, log_every=2, save_every=5, eval_every=12)
    )
    train(store, stopped, other, device="cpu", resume=True)

    assert weights(stopped) == weights(undisturbed)
    assert list(find_checkpoints(stopped)) == [10, 12]
    described = json.loads((stopped / "config.json").read_text())
    assert described["config"]["run"]["save_every"] == 5


def test_a_kill_at_any_moment_of_a_save_costs_no_checkpoint(
    make_store: MakeStore, small: Config, tmp_path: Path
) -> None:
    """SIGKILL before every file operation of two saves, rotation included."""
    store = make_store([20, 33, 64, 8])
    vars(store)["tokenizer"] = SimpleNamespace(digest="any")
    brief = replace(
        small,
        model=replace(small.model, layers=1, width=16),
        run=RunConfig(steps=2, save_every=1, keep_last=1),
    )

    def start(*limits: int) -> str:
        arguments = [store.folder, tmp_path, json.dumps(to_dict(brief)), *limits]
        with Child([sys.executable, "-c", KILLED, *arguments]) as process:
            return process.finish()[0]

    number = int(start(0))
    expected = weights(tmp_path / "0")
    assert number > 20
    start(*range(1, number + 1))

    before = 0
    for limit in range(1, number + 1):
        run = tmp_path / str(limit)
        found = find_checkpoints(run)
        # Once there is a checkpoint, there is always one, and it can be read.
        assert max(found, default=0) >= before
        before = max(found, default=0)
        for checkpoint in found.values():
            read_state(checkpoint)
        train(store, run, brief, device="cpu", resume=True)
        assert weights(run) == expected
        assert [path.name for path in (run / "checkpoints").iterdir()] == [
            "step-000002"
        ]
    assert before == 2
