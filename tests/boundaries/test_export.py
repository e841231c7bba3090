"""Exports: what rotted, and what somebody else wrote."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tct.data.files import read_json, sha256_file
from tct.tests.boundaries.folders import Readers, forge, rot
from tct.tests.boundaries.harness import NUM_SHORT, NUM_SLOW
from tct.tests.records import amend, redigest_tokenizer, sign
from tct.trainer.export.load import load_trained
from tct.trainer.generation import Generator
from tct.trainer.generation.sampling import Sampling

FILES = ("tct.json", "config.json", "model.safetensors", "tokenizer.json")


def loaded(folder: Path) -> object:
    model, tokenizer, step = load_trained(folder)
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest(), model.config, tokenizer.digest, step


def written(folder: Path) -> object:
    """A workflow under the masks, and one without."""
    generator, sampling = Generator.load(folder, device="cpu"), Sampling(max_tokens=24)
    return [
        list(sample.tokens)
        for constrained in (True, False)
        for sample in generator.samples(1, sampling, constrained=constrained)
    ]


def readers_of(name: str) -> Readers:
    if name in ("tct.json", "config.json"):
        return {"load": loaded}  # generating is slow, and reads nothing else
    return {"load": loaded, "generate": written}


def rot_export(exported: Path, tmp_path: Path, name: str, number: int) -> Counter[str]:
    return rot(exported, name, readers_of(name), number, scratch=tmp_path / "rot")


def forge_export(
    exported: Path, tmp_path: Path, name: str, number: int
) -> Counter[str]:
    return forge(
        exported,
        name,
        readers_of(name),
        number,
        scratch=tmp_path / "forged",
        repair=partial(repair, name=name),
    )


def repair(folder: Path, name: str) -> None:
    """Make the sha256 of a changed file right."""
    path, manifest = folder / name, folder / "tct.json"
    if path == manifest:
        sign(path, json.loads(path.read_bytes()))
        return
    if name == "tokenizer.json":
        redigest_tokenizer(path)
    amend(manifest, files=read_json(manifest)["files"] | {name: sha256_file(path)})


@pytest.mark.parametrize("name", FILES)
def test_what_rots_in_an_export_is_found(
    exported: Path, tmp_path: Path, name: str
) -> None:
    outcomes = rot_export(exported, tmp_path, name, NUM_SHORT // len(FILES))
    assert outcomes["CorruptError"] > 0


@pytest.mark.parametrize("name", FILES)
def test_an_export_whose_hashes_fit_is_read_or_refused(
    exported: Path, tmp_path: Path, name: str
) -> None:
    number = NUM_SHORT // (6 * len(FILES))  # those that are right write workflows
    assert forge_export(exported, tmp_path, name, number).total() == number


@pytest.mark.slow
@pytest.mark.parametrize("attack", [rot_export, forge_export])
@pytest.mark.parametrize("name", FILES)
def test_many_changed_exports(
    exported: Path, tmp_path: Path, name: str, attack: Callable[..., Counter[str]]
) -> None:
    number = NUM_SLOW // (2 * len(FILES))
    print(attack.__name__, name, dict(attack(exported, tmp_path, name, number)))
