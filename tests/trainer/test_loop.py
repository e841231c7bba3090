import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tct.data.errors import (
    CheckpointError,
    ConfigError,
    LockedError,
    NotFiniteError,
    OutOfMemoryError,
)
from tct.data.store import Store
from tct.trainer.config import Config, RunConfig
from tct.trainer.presets import override
from tct.trainer.runs.checkpoint import find_checkpoints, load_model, read_state
from tct.trainer.runs.metrics import StepRecord
from tct.trainer.runs.progress import TrainProgress
from tct.trainer.runs.state import Best, Validation
from tct.trainer.training.distributed import World
from tct.trainer.training.loop import train
from tct.trainer.training.splits import training_batches
from tct.trainer.training.validate import validate_each

MakeStore = Callable[..., Store]

LOOP_EVALUATE = "tct.trainer.training.loop.validate_each"


class Interrupts(TrainProgress):
    """Sends this process a signal once a number of steps is done."""

    def __init__(self, step: int, number: signal.Signals = signal.SIGINT) -> None:
        self.at, self.number = step, number
        self.notes: list[str] = []

    def step(self, step: int) -> None:
        if step == self.at:
            os.kill(os.getpid(), self.number)

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def store(make_store: MakeStore) -> Store:
    """Five steps an epoch; two documents are longer than the context of 64."""
    return make_store(
        [20, 33, 64, 8, 50, 100, 40, 9, 12, 64, 31, 22, 90, 5, 17], [30, 70]
    )


def weights(folder: Path) -> str:
    digest = hashlib.sha256()
    for name, tensor in load_model(folder)[0].state_dict().items():
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def records(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl without the figures that no two runs share."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    varying = {"seconds", "eta", "memory", "mfu", "sha256"}
    varying |= {"tokens_per_s", "positions_per_s", "loader_wait"}
    return [
        {k: v for k, v in json.loads(line).items() if k not in varying}
        for line in lines
    ]


@pytest.fixture(scope="module")
def undisturbed(
    store: Store, small: Config, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run that went from its first to its last step; not to be written to."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    train(store, folder, small, device="cpu")
    return folder


@pytest.fixture
def finished(undisturbed: Path, tmp_path: Path) -> Path:
    """A copy of the undisturbed run."""
    return Path(shutil.copytree(undisturbed, tmp_path / "finished"))


def test_a_run_writes_what_the_next_commands_need(
    store: Store, small: Config, tmp_path: Path
) -> None:
    report = train(store, tmp_path / "run", small, device="cpu")

    assert (report.step, report.steps) == (12, 12)
    assert report.is_new
    assert not report.is_stopped
    assert report.validation is not None
    assert report.validation.tokens == 100
    assert report.validation.loss < 9.0
    assert report.checkpoint == tmp_path / "run/checkpoints/step-000012"
    assert list(find_checkpoints(tmp_path / "run")) == [8, 12]
    copy = (tmp_path / "run/tokenizer.json").read_bytes()
    assert copy == (store.folder / "tokenizer.json").read_bytes()
    described = json.loads((tmp_path / "run/config.json").read_text())
    assert described["config"]["run"]["steps"] == 12
    facts = ("key_inputs", "splits", "on_schema", "rejects")
    assert described["store"] == {
        "name": store.folder.name,
        "digest": store.digest,
        "groups": {"train": 1, "val": 1},
        **{name: store.manifest[name] for name in facts},
    }
    assert set(described["versions"]) == {"tct", "torch", "numpy", "python"}


def test_the_same_seed_gives_the_same_run(
    store: Store, small: Config, undisturbed: Path, tmp_path: Path
) -> None:
    train(store, tmp_path / "again", small, device="cpu")
    other = override(small, ["seed=8"])
    train(store, tmp_path / "other", other, device="cpu")

    assert weights(tmp_path / "again") == weights(undisturbed)
    assert records(tmp_path / "again") == records(undisturbed)
    assert weights(tmp_path / "other") != weights(undisturbed)


def test_metrics_hold_each_log_and_each_evaluation(undisturbed: Path) -> None:
    found = records(undisturbed)

    steps = [record["step"] for record in found if record["kind"] == "train"]
    evaluations = [record["step"] for record in found if record["kind"] == "eval"]
    assert steps == list(range(1, 13))
    assert evaluations == [8, 12]
    assert {record["epoch"] for record in found if "epoch" in record} == {0, 1, 2}
    first = next(record for record in found if record["kind"] == "train")
    assert first["loss"] == pytest.approx(9.011, abs=0.01)
    offsets = {r["epoch"]: r["offset"] for r in found if r["kind"] == "train"}
    assert offsets == {0: 0, 1: 32, 2: 0}


def test_a_record_covers_the_steps_since_the_one_before(
    store: Store, small: Config, undisturbed: Path, tmp_path: Path
) -> None:
    sparse = replace(
        small, run=RunConfig(steps=12, log_every=4, save_every=8, eval_every=8)
    )
    train(store, tmp_path / "sparse", sparse, device="cpu")

    each = [r for r in records(undisturbed) if r["kind"] == "train"]
    found = [r for r in records(tmp_path / "sparse") if r["kind"] == "train"]
    assert [r["step"] for r in found] == [4, 8, 12]
    assert found[1]["targets"] == sum(r["targets"] for r in each[4:8])
    nats = sum(r["loss"] * r["targets"] for r in each[4:8])
    assert found[1]["loss"] == pytest.approx(nats / found[1]["targets"])


# The first epoch ends after step 5, the second one after step 10.
@pytest.mark.parametrize(
    ("step", "number"),
    [
        (3, signal.SIGINT),
        (5, signal.SIGTERM),
        (7, signal.SIGINT),
        (10, signal.SIGTERM),
        (11, signal.SIGINT),
    ],
)
def test_a_stopped_and_resumed_run_equals_an_undisturbed_one(
    store: Store,
    small: Config,
    undisturbed: Path,
    tmp_path: Path,
    step: int,
    number: signal.Signals,
) -> None:
    run = tmp_path / "run"
    before = signal.getsignal(number)

    first = train(store, run, small, device="cpu", progress=Interrupts(step, number))
    second = train(store, run, small, device="cpu", resume=True)

    assert signal.getsignal(number) is before
    assert (first.step, first.is_stopped) == (step, True)
    assert (second.step, second.is_stopped) == (12, False)
    assert weights(run) == weights(undisturbed)
    assert records(run) == records(undisturbed)


def test_a_killed_run_resumes_from_its_last_checkpoint(
    store: Store, small: Config, undisturbed: Path, tmp_path: Path
) -> None:
    class Dies(TrainProgress):
        def step(self, step: int) -> None:
            if step == 11:
                raise RuntimeError("as if killed")

    run = tmp_path / "run"
    with pytest.raises(RuntimeError, match="as if killed"):
        train(store, run, small, device="cpu", progress=Dies())
    # A kill may also cut the last line.
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "train", "st')
    train(store, run, small, device="cpu", resume=True)

    assert weights(run) == weights(undisturbed)
    assert records(run) == records(undisturbed)


def test_a_signal_during_an_evaluation_saves_first_and_evaluates_later(
    store: Store,
    small: Config,
    undisturbed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = validate_each

    def interrupted(*args: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return real(*args, **options)

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(LOOP_EVALUATE, interrupted)
        first = train(store, run, small, device="cpu")
    assert (first.step, first.is_stopped, first.validation) == (8, True, None)
    assert [r["kind"] for r in records(run)] == ["train"] * 8

    train(store, run, small, device="cpu", resume=True)

    assert weights(run) == weights(undisturbed)
    assert records(run) == records(undisturbed)


def test_an_evaluation_that_fails_costs_no_weights(
    store: Store, small: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(LOOP_EVALUATE, fail)
    with pytest.raises(MemoryError):
        train(store, tmp_path / "run", small, device="cpu")

    assert list(find_checkpoints(tmp_path / "run")) == [4, 8]


def test_a_second_signal_ends_the_run_at_once(
    store: Store, small: Config, tmp_path: Path
) -> None:
    class Insists(TrainProgress):
        def step(self, step: int) -> None:
            if step == 6:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(store, tmp_path / "run", small, device="cpu", progress=Insists())

    assert list(find_checkpoints(tmp_path / "run")) == [4]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_finished_run_is_left_alone(
    store: Store, small: Config, finished: Path
) -> None:
    def snapshot() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()}

    before = snapshot()

    report = train(store, finished, small, device="cpu", resume=True)

    assert not report.is_new
    assert not report.is_stopped
    assert report.validation is not None
    assert snapshot() == before


def test_the_best_checkpoint_is_kept(
    store: Store, small: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([8.0, 7.0, 7.5, 7.5, 7.0, 9.0])

    def scripted(*args: Any, **options: Any) -> Validation:
        return Validation(
            nats=100 * next(losses), tokens=100, documents=2, canonical_bytes=300
        )

    monkeypatch.setattr(LOOP_EVALUATE, scripted)
    often = override(small, ["eval_every=1", "keep_last=2", "steps=6"])

    report = train(store, tmp_path / "run", often, device="cpu")

    # Step 5 is as good as step 2, but no better.
    assert report.best == Best(step=2, loss=7.0)
    assert list(find_checkpoints(tmp_path / "run")) == [2, 5, 6]


def test_a_run_without_progress_ends_when_patience_does(
    store: Store, small: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([8.0, 7.0, 7.5, 6.0, 6.5, 6.0, 5.0])

    def scripted(*args: Any, **options: Any) -> Validation:
        return Validation(
            nats=100 * next(losses), tokens=100, documents=2, canonical_bytes=300
        )

    monkeypatch.setattr(LOOP_EVALUATE, scripted)
    often = override(small, ["eval_every=1", "patience=2"])

    report = train(store, tmp_path / "run", often, device="cpu")
    again = train(store, tmp_path / "run", often, device="cpu", resume=True)
    patient = override(often, ["patience=3"])
    further = train(
        store,
        tmp_path / "run",
        patient,
        device="cpu",
        resume=True,
        progress=Interrupts(7),
    )

    # As good as the best is no better.
    assert (report.step, report.is_stopped, report.is_new) == (6, False, True)
    assert report.best == Best(step=4, loss=6.0)
    assert (again.step, again.is_stopped, again.is_new) == (6, False, False)
    assert (further.step, further.best) == (7, Best(step=7, loss=5.0))


def test_a_pass_without_room_says_which_size_fits(
    store: Store, small: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("tct.trainer.training.loop.train_step", fail)
    whole = override(small, ["micro_batch=4"])

    with pytest.raises(
        OutOfMemoryError,
        match=r"step 1: found no room on cpu for micro-batches of 4 rows; "
        r".*--micro-batch 2,",
    ):
        train(store, tmp_path / "run", whole, device="cpu")
    with pytest.raises(OutOfMemoryError, match="of 1 rows; choose a smaller model"):
        train(store, tmp_path / "run", small, device="cpu")


def test_a_run_is_not_overwritten(store: Store, small: Config, finished: Path) -> None:
    with pytest.raises(ConfigError, match=r"already holds checkpoints.*--resume"):
        train(store, finished, small, device="cpu")


def test_a_store_is_not_overwritten(store: Store, small: Config) -> None:
    before = sorted(store.folder.iterdir())
    with pytest.raises(ConfigError, match="found a store, expected a new folder"):
        train(store, store.folder, small, device="cpu")
    assert {*store.folder.iterdir()} - {*before} <= {store.folder / ".lock"}


def test_a_checkpoint_of_another_store_is_refused(
    make_store: MakeStore, small: Config, finished: Path
) -> None:
    other = make_store([20, 33])

    with pytest.raises(CheckpointError, match="belongs to another store"):
        train(other, finished, small, device="cpu", resume=True)


def test_a_checkpoint_of_another_tokenizer_is_refused(
    make_store: MakeStore, small: Config, finished: Path
) -> None:
    other = make_store([20, 33], tokenizer="two")

    with pytest.raises(CheckpointError, match="belongs to another tokenizer"):
        train(other, finished, small, device="cpu", resume=True)


def test_a_damaged_checkpoint_is_refused(
    store: Store, small: Config, finished: Path
) -> None:
    path = finished / "checkpoints/step-000012/model.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\x00\x00\x80\x3f")

    with pytest.raises(CheckpointError, match=r"model\.safetensors: found sha256"):
        train(store, finished, small, device="cpu", resume=True)


def test_a_run_that_diverges_stops_and_names_the_documents(
    store: Store, small: Config, tmp_path: Path
) -> None:
    wild = override(small, ["lr=1e38", "save_every=1", "keep_last=9", "log_every=3"])

    with pytest.raises(
        NotFiniteError, match=r"^step 2: .*document-\d+\.yml, "
    ) as error:
        train(store, tmp_path / "run", wild, device="cpu")

    assert "document-" in error.value.problem
    fault = json.loads((tmp_path / "run/non-finite.json").read_text())
    assert (fault["step"], fault["epoch"], fault["step_in_epoch"]) == (2, 0, 1)
    batches = training_batches(store, wild, World(device=torch.device("cpu")))
    windows = batches.batch(0, 1).windows
    assert [w["document"] for w in fault["windows"]] == windows.document.tolist()
    assert [w["end"] for w in fault["windows"]] == windows.end.tolist()
    assert str(tmp_path / "run/non-finite.json") in error.value.hint
    assert list(find_checkpoints(tmp_path / "run")) == [1]


def test_two_processes_cannot_train_in_one_folder(
    store: Store, small: Config, tmp_path: Path
) -> None:
    script = (
        "import sys; from pathlib import Path; from tct.data.locks import locked\n"
        "with locked(Path(sys.argv[1]), hint=''): print('held', flush=True); input()"
    )
    folder = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", script, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(LockedError, match=rf"in use by process {other.pid} on .*;"):
            train(store, folder, small, device="cpu")
        other.kill()  # a lock ends with its process, however that ends
    assert train(store, folder, small, device="cpu").step == 12


def test_an_empty_validation_split_is_noted_once(
    make_store: MakeStore, small: Config, tmp_path: Path
) -> None:
    progress = Interrupts(step=-1)

    report = train(make_store([20, 33, 40]), tmp_path / "run", small, progress=progress)

    assert progress.notes == ["the validation split is empty: nothing is evaluated"]
    assert report.validation is None
    assert not report.is_stopped
    assert read_state(tmp_path / "run/checkpoints/step-000012").best is None


def test_a_store_without_training_documents_is_refused(
    make_store: MakeStore, small: Config, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="found no window in the train split"):
        train(make_store([], [20]), tmp_path / "run", small, device="cpu")


def test_an_unknown_device_is_refused(
    store: Store, small: Config, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="device 'abacus': not usable here"):
        train(store, tmp_path / "run", small, device="abacus")


def test_records_reach_the_progress(
    store: Store, small: Config, tmp_path: Path
) -> None:
    seen: list[StepRecord] = []

    class Collects(TrainProgress):
        def logged(self, record: StepRecord) -> None:
            seen.append(record)

    train(store, tmp_path / "run", small, device="cpu", progress=Collects())

    assert [record.step for record in seen] == list(range(1, 13))
    assert all(record.tokens_per_s > 0 for record in seen)
    assert all(0 <= record.loader_wait < 1 for record in seen)
