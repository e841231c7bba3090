"""Stores: what was changed since they were written, and what was written wrong."""

import io
import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from tct.data.files import canonical_json, read_json
from tct.data.store import Store
from tct.data.store.export import export
from tct.data.store.verify import verify
from tct.data.windows.batches import Batches
from tct.pipeline.prepare.previous_store import PreviousStore, is_usable
from tct.pipeline.report.store_tables import info_table
from tct.pipeline.report.summary import insight
from tct.tests.boundaries.folders import Readers, forge, rot
from tct.tests.boundaries.harness import NUM_SHORT, NUM_SLOW
from tct.tests.records import redigest_tokenizer, sign
from tct.tests.stores import redigest, vouch

FILES = (
    "manifest.json",
    "docs.arrow",
    "rejects.arrow",
    "tokens-00000.npy",
    "tokenizer.json",
    "report.json",
)


# -- the readers -----------------------------------------------------------------------


def info(folder: Path) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(info_table(Store.open(folder)))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def documents(folder: Path) -> bytes:
    store = Store.open(folder)
    return b"".join(export(store, range(len(store)), "jsonl"))


def summary(folder: Path) -> bytes:
    return canonical_json(insight(Store.open(folder)))


def batch(folder: Path) -> list[int]:
    store = Store.open(folder)
    if not len(store.rows("train")):
        return []
    found = Batches(store, "train", batch_size=2, seed=0).batch(0, 0)
    return list(map(int, found.inputs))


def earlier(folder: Path) -> list[bytes]:
    """What `prepare --force` takes from the store that it replaces."""
    store = Store.open(folder)
    if not is_usable(folder, store.tokenizer):
        return []
    known = PreviousStore(folder)
    sources = [digest.tobytes() for digest in store.digests("source_sha256")]
    return [found[2].tobytes() for source in sources if (found := known.find(source))]


READERS: Readers = {
    "verify": partial(verify, decode=True),
    "info": info,
    "export": documents,
    "insight": summary,
    "train": batch,
    "prepare": earlier,
}


FEWER = {"rejects.arrow": ("verify", "insight"), "report.json": ("verify",)}
"""The readers of files that not all read."""


def readers_of(name: str) -> Readers:
    return {reader: READERS[reader] for reader in FEWER.get(name, READERS)}


# -- the attacks -----------------------------------------------------------------------


def rot_store(made: Path, tmp_path: Path, name: str, number: int) -> Counter[str]:
    return rot(made, name, readers_of(name), number, scratch=tmp_path / "rot")


def forge_store(made: Path, tmp_path: Path, name: str, number: int) -> Counter[str]:
    return forge(
        made,
        name,
        readers_of(name),
        number,
        scratch=tmp_path / "forged",
        repair=partial(repair, name=name),
    )


def repair(folder: Path, name: str) -> None:
    """Make the sha256 and digests of a changed file right."""
    path = folder / name
    if name != "report.json":
        (folder / "report.json").unlink()  # it would be that of another store
    if name == "manifest.json":
        redigest(folder, json.loads(path.read_bytes()))
    elif name == "report.json":
        sign(path, json.loads(path.read_bytes()))
    elif name == "tokenizer.json":
        digest = redigest_tokenizer(path)
        inputs = read_json(folder / "manifest.json")["key_inputs"]
        vouch(folder, tokenizer=digest, key_inputs={**inputs, "tokenizer": digest})
    else:
        vouch(folder)


@pytest.mark.parametrize("name", FILES)
def test_what_rots_in_a_store_is_found(made: Path, tmp_path: Path, name: str) -> None:
    outcomes = rot_store(made, tmp_path, name, NUM_SHORT // len(FILES))
    assert outcomes["CorruptError"] > 0


@pytest.mark.parametrize("name", FILES)
def test_a_store_whose_hashes_fit_is_read_or_refused(
    made: Path, tmp_path: Path, name: str
) -> None:
    number = NUM_SHORT // (4 * len(FILES))  # those that are right are read to the end
    assert forge_store(made, tmp_path, name, number).total() == number


@pytest.mark.slow
@pytest.mark.parametrize("attack", [rot_store, forge_store])
@pytest.mark.parametrize("name", FILES)
def test_many_changed_stores(
    made: Path, tmp_path: Path, name: str, attack: Callable[..., Counter[str]]
) -> None:
    number = NUM_SLOW // (2 * len(FILES))
    print(attack.__name__, name, dict(attack(made, tmp_path, name, number)))
