"""Runs and their checkpoints: what rotted, and what somebody else wrote."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tct.data.errors import FormatError, TctError
from tct.data.files import canonical_json, read_json, sha256_file
from tct.data.kinds import WORKFLOW
from tct.data.records import signed
from tct.data.store import Store
from tct.tests.boundaries.folders import Readers, forge, rot
from tct.tests.boundaries.harness import NUM_SHORT, NUM_SLOW
from tct.tests.records import amend, redigest_tokenizer, sign
from tct.trainer.export.load import load_trained
from tct.trainer.export.model_card import CardFacts, model_card
from tct.trainer.inspect.run import run_config
from tct.trainer.model import GPT
from tct.trainer.optim import make_optimizers, optimizer_tensors
from tct.trainer.runs.checkpoint import newest_checkpoint, read_state, restore
from tct.trainer.runs.compare import compare
from tct.trainer.runs.history import read_history, read_lines, read_run
from tct.trainer.runs.resume import check_store, find_resume_point
from tct.trainer.training.distributed import World
from tct.trainer.training.loader import Loader
from tct.trainer.training.loop import train
from tct.trainer.training.splits import training_batches

CHECKPOINT = "checkpoints/step-000003"
FILES = (
    f"{CHECKPOINT}/state.json",
    f"{CHECKPOINT}/model.safetensors",
    f"{CHECKPOINT}/optim.safetensors",
    "config.json",
    "metrics.jsonl",
    "tokenizer.json",
)


def digest_of(tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


# -- the readers -----------------------------------------------------------------------


def weights(run: Path) -> object:
    model, tokenizer, step = load_trained(run / CHECKPOINT)
    return digest_of(model.state_dict()), tokenizer.digest, step


def resumed(run: Path, store: Store) -> object:
    """What `train --resume` goes on from."""
    origin = find_resume_point(run, True)
    assert origin is not None
    assert origin.checkpoint is not None
    state = read_state(origin.checkpoint)
    check_store(state, store, origin.checkpoint)
    world = World(device=torch.device("cpu"))
    with Loader(training_batches(store, state.config, world), world.device) as loader:
        loader.load_state_dict(state.loader)
    model = GPT(state.config.model)
    optimizers = make_optimizers(model, state.config.optim)
    restore(origin.checkpoint, model, optimizers)
    found = digest_of(optimizer_tensors(model, optimizers))
    return state, digest_of(model.state_dict()), found


def compared(run: Path) -> object:
    return canonical_json(asdict(compare([read_history(run)], ["run"])))


def card(run: Path) -> object:
    state = read_state(newest_checkpoint(run))
    facts = CardFacts(
        name="x",
        license="other",
        parameters=1,
        state=state,
        store=read_run(run)["store"],
        kind=WORKFLOW,
        evaluation=None,
    )
    return model_card(facts)


def readers_of(name: str, store: Store) -> Readers:
    readers: Readers = {
        "generate": weights,
        "resume": partial(resumed, store=store),
        "compare": compared,
        "metrics": lambda run: read_lines(run / "metrics.jsonl"),
        "inspect-windows": lambda run: run_config(run, store),
        "export": card,
    }
    kinds = {
        "state.json": ("generate", "resume", "export"),
        "model.safetensors": ("generate", "resume"),
        "optim.safetensors": ("resume",),
        "config.json": ("compare", "inspect-windows", "export"),
        "metrics.jsonl": ("metrics", "compare"),
        "tokenizer.json": ("generate",),
    }
    return {reader: readers[reader] for reader in kinds[Path(name).name]}


# -- the attacks -----------------------------------------------------------------------


def rot_run(
    trained: Path, made: Path, tmp_path: Path, name: str, number: int
) -> Counter[str]:
    readers = readers_of(name, Store.open(made))
    if name == "metrics.jsonl":
        # One that is cut off is that of a run which is still going on.
        records = read_lines(trained / name)
        readers = {"metrics": lambda run: is_beginning(run / name, records)}
    return rot(trained, name, readers, number, scratch=tmp_path / "rot")


def is_beginning(path: Path, records: list[dict[str, Any]]) -> bool:
    found = read_lines(path)
    return found == records[: len(found)]


def forge_run(
    trained: Path, made: Path, tmp_path: Path, name: str, number: int
) -> Counter[str]:
    return forge(
        trained,
        name,
        readers_of(name, Store.open(made)),
        number,
        scratch=tmp_path / "forged",
        repair=partial(repair, name=name),
    )


def repair(run: Path, name: str) -> None:
    """Make the sha256 of a changed file right."""
    path, state = run / name, run / CHECKPOINT / "state.json"
    if path == state or name == "config.json":
        sign(path, json.loads(path.read_bytes()))
    elif name == "metrics.jsonl":
        lines = [resigned(line) for line in path.read_bytes().splitlines()]
        path.write_bytes(b"\n".join(lines) + b"\n")
    elif name == "tokenizer.json":
        found = redigest_tokenizer(path)
        amend(state, state=read_json(state)["state"] | {"tokenizer_digest": found})
    else:
        files = read_json(state)["files"]
        amend(state, files=files | {path.name: sha256_file(path)})


def resigned(line: bytes) -> bytes:
    try:
        record = json.loads(line)
        record.pop("sha256", None)
        return json.dumps(signed(record)).encode()
    except (ValueError, AttributeError, TypeError, KeyError, UnicodeError):
        return line


@pytest.mark.parametrize("name", FILES)
def test_what_rots_in_a_run_is_found(
    trained: Path, made: Path, tmp_path: Path, name: str
) -> None:
    outcomes = rot_run(trained, made, tmp_path, name, NUM_SHORT // len(FILES))
    assert outcomes.total() - outcomes["read"] > 0


@pytest.mark.parametrize("name", FILES)
def test_a_run_whose_hashes_fit_is_read_or_refused(
    trained: Path, made: Path, tmp_path: Path, name: str
) -> None:
    number = NUM_SHORT // (2 * len(FILES))
    assert forge_run(trained, made, tmp_path, name, number).total() == number


@pytest.mark.slow
@pytest.mark.parametrize("attack", [rot_run, forge_run])
@pytest.mark.parametrize("name", FILES)
def test_many_changed_runs(
    trained: Path,
    made: Path,
    tmp_path: Path,
    name: str,
    attack: Callable[..., Counter[str]],
) -> None:
    number = NUM_SLOW // (2 * len(FILES))
    print(attack.__name__, name, dict(attack(trained, made, tmp_path, name, number)))


def digits(data: bytes) -> list[bytes]:
    """The text with each of its digits changed, one at a time.

    But for some of the last ones of a float, with which it is the same number.
    """
    places = [at for at, byte in enumerate(data) if chr(byte).isdigit()]
    texts = [
        data[:at] + str((data[at] - 47) % 10).encode() + data[at + 1 :] for at in places
    ]
    return [text for text in texts if values(text) != values(data)]


def values(data: bytes) -> object:
    """What a text means, which may be of lines; itself if it means nothing."""
    try:
        if b"}\n{" in data:
            return [json.loads(line) for line in data.splitlines()]
        return json.loads(data)
    except ValueError:
        return data


def test_every_changed_digit_of_a_state_is_found(trained: Path) -> None:
    path = trained / CHECKPOINT / "state.json"
    original = path.read_bytes()
    try:
        for data in digits(original):
            path.write_bytes(data)
            with pytest.raises(TctError, match=r"state\.json: "):
                find_resume_point(trained, True)
    finally:
        path.write_bytes(original)


def test_every_changed_digit_of_the_figures_is_found(trained: Path) -> None:
    path = trained / "metrics.jsonl"
    original = path.read_bytes()
    try:
        for data in digits(original)[::3]:
            path.write_bytes(data)
            with pytest.raises(FormatError, match=r"metrics\.jsonl: line \d+ "):
                read_history(trained)
    finally:
        path.write_bytes(original)


def test_a_run_of_before_is_read_and_gets_checksums_when_it_goes_on(
    trained: Path, made: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    for path in run.rglob("state.json"):
        record = read_json(path) | {"version": 3}
        del record["sha256"]
        path.write_text(json.dumps(record))
    described = read_json(run / "config.json")
    for name in ("sha256", "format", "version"):
        del described[name]
    (run / "config.json").write_text(json.dumps(described))
    text = (run / "metrics.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    for record in lines:
        del record["sha256"]
    text = "".join(json.dumps(record) + "\n" for record in lines)
    (run / "metrics.jsonl").write_text(text)

    assert compared(run) == compared(trained)
    assert weights(run) == weights(trained)
    config = read_history(run).config
    train(Store.open(made), run, config, device="cpu", resume=True)

    assert (run / "metrics.jsonl").read_bytes().count(b"sha256") == len(lines)
    assert read_json(run / "config.json")["format"] == "tct-run"
