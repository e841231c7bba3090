import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.optim import Optimizer

from tct.data.errors import CheckpointError
from tct.data.files import sha256_file
from tct.data.store import Store
from tct.tests.records import sign
from tct.trainer.config import Config
from tct.trainer.model import GPT, init_weights
from tct.trainer.optim import make_optimizers, optimizer_tensors
from tct.trainer.runs.checkpoint import (
    find_checkpoints,
    load_model,
    newest_checkpoint,
    read_state,
    record_figures,
    restore,
    rotate,
    save_checkpoint,
)
from tct.trainer.runs.state import Best, State, Validation
from tct.trainer.training.distributed import World
from tct.trainer.training.learner import make_learner
from tct.trainer.training.loader import Loader
from tct.trainer.training.splits import training_batches
from tct.trainer.training.step import train_step

MakeStore = Callable[..., Store]
CPU = torch.device("cpu")
WORLD = World(device=CPU)

Trained = tuple[GPT, list[Optimizer]]


@pytest.fixture
def trained(make_store: MakeStore, small: Config) -> Trained:
    """A model after one step, so that the optimiser remembers something."""
    model = GPT(small.model)
    init_weights(model, seed=0)
    learner = make_learner(model, small, WORLD)
    batches = training_batches(make_store([60, 20, 33, 5]), small, WORLD)
    with Loader(batches, CPU) as loader:
        batch = next(loader)
    train_step(learner, batch, lr=0.01, clip=1.0)
    return model, learner.optimizers


@pytest.fixture
def state(small: Config) -> State:
    loader = {"epoch": 2, "step": 3, "store": "s"}
    return State(config=small, tokenizer_digest="t", loader=loader, step=9)


def test_a_checkpoint_gives_back_everything(
    tmp_path: Path, trained: Trained, state: State, small: Config
) -> None:
    state = replace(
        state,
        seconds=1.5,
        train_loss=0.1 + 0.2,
        validation=Validation(nats=1.0, tokens=2, documents=3, canonical_bytes=4),
        best=Best(step=9, loss=0.5),
    )
    folder = save_checkpoint(tmp_path, state, *trained)
    model = GPT(small.model)
    optimizers = make_optimizers(model, small.optim)

    found = read_state(folder)
    restore(folder, model, optimizers)

    assert folder == tmp_path / "checkpoints/step-000009"
    assert sorted(path.name for path in folder.iterdir()) == [
        "model.safetensors",
        "optim.safetensors",
        "state.json",
    ]
    assert found == state
    for name, tensor in trained[0].state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)
    for name, tensor in optimizer_tensors(*trained).items():
        assert torch.equal(optimizer_tensors(model, optimizers)[name], tensor)


def test_figures_can_be_added_after_saving(
    tmp_path: Path, trained: Trained, state: State
) -> None:
    folder = save_checkpoint(tmp_path, state, *trained)
    figures = Validation(nats=1.0, tokens=2, documents=3, canonical_bytes=4)

    record_figures(folder, state.after_validation(figures))

    assert read_state(folder).validation == figures
    assert read_state(folder).best == Best(step=9, loss=0.5)


@pytest.mark.parametrize("name", ["model.safetensors", "optim.safetensors"])
def test_a_flipped_bit_is_refused(
    tmp_path: Path, trained: Trained, state: State, name: str
) -> None:
    folder = save_checkpoint(tmp_path, state, *trained)
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(CheckpointError, match=f"{name}: found sha256 .*records .*remo"):
        read_state(folder)


def test_a_renamed_checkpoint_is_refused(
    tmp_path: Path, trained: Trained, state: State
) -> None:
    """The newest would be another than it says."""
    saved = save_checkpoint(tmp_path, state, *trained)
    renamed = saved.rename(saved.with_name("step-000099"))

    with pytest.raises(CheckpointError, match=r"found step 9, .*step-000009"):
        read_state(renamed)
    assert read_state(renamed.rename(tmp_path / "best")).step == 9


def test_a_cut_state_is_refused(tmp_path: Path, trained: Trained, state: State) -> None:
    folder = save_checkpoint(tmp_path, state, *trained)
    text = (folder / "state.json").read_text()
    (folder / "state.json").write_text(text[:100])

    with pytest.raises(CheckpointError, match=r"state\.json: not valid JSON"):
        read_state(folder)


def test_another_version_is_refused(
    tmp_path: Path, trained: Trained, state: State
) -> None:
    folder = save_checkpoint(tmp_path, state, *trained)
    values = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps(values | {"version": 1}))

    with pytest.raises(
        CheckpointError, match=r"checkpoint version 1, expected 4; .* that wrote it"
    ):
        read_state(folder)


def test_a_missing_field_is_refused(
    tmp_path: Path, trained: Trained, state: State
) -> None:
    folder = save_checkpoint(tmp_path, state, *trained)
    values = json.loads((folder / "state.json").read_text())
    del values["state"]["loader"]
    sign(folder / "state.json", values)

    with pytest.raises(CheckpointError, match=r"checkpoint\.state\.loader: missing"):
        read_state(folder)


def test_an_incomplete_folder_is_no_checkpoint(
    tmp_path: Path, trained: Trained, state: State
) -> None:
    save_checkpoint(tmp_path, state, *trained)
    later = save_checkpoint(tmp_path, replace(state, step=10), *trained)
    (later / "optim.safetensors").unlink()
    (tmp_path / "checkpoints/.step-000011.tmp-1").mkdir()

    assert list(find_checkpoints(tmp_path)) == [9]
    assert newest_checkpoint(tmp_path).name == "step-000009"


def test_a_folder_without_checkpoints_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="found no complete checkpoint"):
        newest_checkpoint(tmp_path)


def fake_checkpoints(run: Path, *names: str) -> None:
    for name in names:
        folder = run / "checkpoints" / name
        folder.mkdir(parents=True)
        for file in ("model.safetensors", "optim.safetensors", "state.json"):
            (folder / file).touch()


def test_steps_are_ordered_as_numbers(tmp_path: Path) -> None:
    # Beyond six digits names no longer sort like the numbers in them.
    fake_checkpoints(tmp_path, "step-100", "step-9", "step-10", "step-1000000")

    assert list(find_checkpoints(tmp_path)) == [9, 10, 100, 1_000_000]
    assert newest_checkpoint(tmp_path).name == "step-1000000"


@pytest.mark.parametrize(
    ("keep_last", "best", "kept"),
    [
        (1, None, [100]),
        (2, None, [10, 100]),
        (1, 8, [8, 100]),
        (1, 100, [100]),
        (2, 9, [9, 10, 100]),
        (5, None, [8, 9, 10, 100]),
    ],
)
def test_rotation_keeps_the_best_and_the_newest(
    tmp_path: Path, keep_last: int, best: int | None, kept: list[int]
) -> None:
    fake_checkpoints(tmp_path, "step-8", "step-9", "step-10", "step-100")
    (tmp_path / "checkpoints/.step-000007.tmp-1").mkdir()

    rotate(tmp_path, keep_last=keep_last, best=best)

    assert list(find_checkpoints(tmp_path)) == kept
    assert len(list((tmp_path / "checkpoints").iterdir())) == len(kept)


def test_rotation_takes_links_away_and_leaves_where_they_lead(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    fake_checkpoints(elsewhere, "step-1", "step-2")
    fake_checkpoints(tmp_path / "run", "step-3")
    folder = tmp_path / "run/checkpoints"
    for name in ("step-1", "step-2"):
        (folder / name).symlink_to(elsewhere / "checkpoints" / name)
    (folder / ".step-1.tmp-delete").symlink_to(elsewhere)  # as a kill leaves it
    (folder / ".step-2.tmp-7").touch()
    (folder / "step-4").symlink_to(tmp_path / "nowhere")
    (folder / "step-5").touch()

    rotate(tmp_path / "run", keep_last=1, best=None)

    names = sorted(path.name for path in folder.iterdir())
    assert names == ["step-3", "step-4", "step-5"]
    assert list(find_checkpoints(elsewhere)) == [1, 2]


@pytest.mark.parametrize("entry", ["link", "dangling", "file", "folder"])
def test_a_checkpoint_takes_the_place_of_whatever_has_its_name(
    tmp_path: Path, trained: Trained, state: State, entry: str
) -> None:
    place = tmp_path / "run/checkpoints/step-000009"
    place.parent.mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes").touch()
    if entry == "file":
        place.touch()
    elif entry == "folder":
        (place / "x").mkdir(parents=True)
    else:
        place.symlink_to(tmp_path / ("mine" if entry == "link" else "nowhere"))

    assert save_checkpoint(tmp_path / "run", state, *trained) == place

    assert read_state(place) == state
    assert not place.is_symlink()
    assert (tmp_path / "mine/notes").exists()


@pytest.mark.parametrize(
    "name", ["step-", "step--1", "step-٣", "step-1x", "step-" + "9" * 200, "step-1 "]
)
def test_a_folder_of_another_name_is_no_checkpoint(tmp_path: Path, name: str) -> None:
    fake_checkpoints(tmp_path, name, "step-7")
    assert list(find_checkpoints(tmp_path)) == [7]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda t: t.pop("lm_head.weight"), "found .* bytes"),
        (lambda t: t.update({"lm_head.weight": torch.zeros(3)}), "found .* bytes"),
        (
            lambda t: t.update({"lm_head.weight": t["lm_head.weight"].T.contiguous()}),
            "not those of its configuration",
        ),
        (lambda t: t["lm_head.weight"].fill_(torch.nan), "a number that is not finite"),
        (
            lambda t: t.update({"lm_head.weight": t["lm_head.weight"].double()}),
            "'lm_head.weight' is torch.float64, expected torch.float32",
        ),
    ],
)
def test_weights_of_another_kind_are_refused_though_their_hash_is_right(
    tmp_path: Path, trained: Trained, state: State, change: Any, problem: str
) -> None:
    folder = save_checkpoint(tmp_path, state, *trained)
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    tensors["padding"] = torch.zeros(10) if "bytes" not in problem else torch.zeros(1)
    save_file(tensors, path)
    vouch(folder, path)

    with pytest.raises(CheckpointError, match=problem):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        (None, "found no tensor lm_head.weight.exp_avg, expected one of shape"),
        ((3,), r"found shape \[3\] of lm_head.weight.exp_avg, expected one of shape"),
    ],
)
def test_an_optimiser_of_another_shape_is_refused(
    tmp_path: Path,
    trained: Trained,
    state: State,
    shape: tuple[int, ...] | None,
    problem: str,
) -> None:
    folder = save_checkpoint(tmp_path, state, *trained)
    path = folder / "optim.safetensors"
    tensors = load_file(path)
    del tensors["lm_head.weight.exp_avg"]
    if shape is not None:
        tensors["lm_head.weight.exp_avg"] = torch.zeros(shape)
    save_file(tensors, path)
    vouch(folder, path)

    with pytest.raises(CheckpointError, match=problem):
        restore(folder, *trained)


def vouch(checkpoint: Path, path: Path) -> None:
    """Let a checkpoint's state record a file as it is."""
    values = json.loads((checkpoint / "state.json").read_text())
    values["files"][path.name] = sha256_file(path)
    sign(checkpoint / "state.json", values)


def test_load_model_takes_the_newest_or_the_one_given(
    tmp_path: Path, trained: Trained, state: State
) -> None:
    first = save_checkpoint(tmp_path, state, *trained)
    expected = trained[0].lm_head.weight.clone()
    with torch.no_grad():
        trained[0].lm_head.weight.zero_()
    save_checkpoint(tmp_path, replace(state, step=10), *trained)

    newest, config, found = load_model(tmp_path)
    older, _, _ = load_model(tmp_path, checkpoint=first)

    assert config == state.config
    assert found.step == 10
    assert not newest.training
    assert not newest.lm_head.weight.any()
    assert torch.equal(older.lm_head.weight, expected)


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, trained: Trained, state: State
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size=1m tmpfs {disk} 2>/dev/null"):
        pytest.skip("may not mount")
    try:
        with pytest.raises(CheckpointError, match=r"step-\d+: not saved"):
            save_checkpoint(disk, state, *trained)
        assert list((disk / "checkpoints").iterdir()) == []
    finally:
        os.system(f"umount {disk}")
