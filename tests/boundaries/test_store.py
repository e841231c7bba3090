"""Stores: what was changed since they were written, and what was written wrong."""

import hashlib
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from tct.data.batches import Batches
from tct.data.errors import TctError
from tct.data.export import export
from tct.data.files import canonical_json, read_json
from tct.data.store import Store
from tct.data.verification import verify
from tct.pipeline.earlier import Earlier, is_usable
from tct.pipeline.insight import insight, write_report
from tct.pipeline.prepare import PrepareOptions, prepare
from tct.pipeline.progress import SilentProgress
from tct.pipeline.store_tables import info_table
from tct.tests.boundaries.harness import (
    NUM_SHORT,
    NUM_SLOW,
    attack_in_child,
    mutate,
    mutate_json,
)
from tct.tests.records import sign
from tct.tests.stores import redigest, vouch

FILES = (
    "manifest.json",
    "docs.arrow",
    "rejects.arrow",
    "tokens-00000.npy",
    "tokenizer.json",
    "report.json",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of six documents of three groups and a reject, with its report."""
    folder = tmp_path_factory.mktemp("made")
    for n in range(6):
        path = folder / f"owner__{n // 2 + 14}" / f"{n}.yml"
        path.parent.mkdir(exist_ok=True)
        step = f"{{run: 'echo {n} é'}}"
        path.write_text(f"on: push\njobs: {{a: {{runs-on: x, steps: [{step}]}}}}\n")
    (folder / "bad.yml").write_text("- a")
    prepare([folder], folder / "store", PrepareOptions(), SilentProgress())
    store = Store.open(folder / "store")
    assert len(store.rows("train"))
    assert len(store.rows("val"))
    write_report(store)
    return folder / "store"


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
    known = Earlier(folder)
    sources = [digest.tobytes() for digest in store.digests("source_sha256")]
    return [found[2].tobytes() for source in sources if (found := known.find(source))]


READERS: dict[str, Callable[[Path], object]] = {
    "verify": partial(verify, decode=True),
    "info": info,
    "export": documents,
    "insight": summary,
    "train": batch,
    "prepare": earlier,
}


READERS_OF = {"rejects.arrow": ("verify", "insight"), "report.json": ("verify",)}
"""Of files that not every reader reads."""


def results(folder: Path, readers: Iterable[str]) -> dict[str, object]:
    """What each reader gives; None where it refuses the store."""
    found: dict[str, object] = {}
    for name in readers:
        try:
            found[name] = READERS[name](folder)
        except TctError as error:
            assert "\n" not in str(error).strip()
            found[name] = None
    return found


# -- the attacks -----------------------------------------------------------------------


def rot(made: Path, tmp_path: Path, name: str, number: int) -> Counter[str]:
    """Change a file behind the manifest's back."""
    folder = Path(shutil.copytree(made, tmp_path / "rot"))
    right = results(folder, READERS_OF.get(name, READERS))

    def read(data: bytes) -> None:
        (folder / name).write_bytes(data)
        found = results(folder, right)
        for reader, result in found.items():
            assert result is None or result == right[reader], reader
        if None in found.values():
            assert set(found.values()) == {None}
            READERS["verify"](folder)

    return attack_in_child(
        f"store-rot-{name}", [(made / name).read_bytes()], read, number
    )


def forge(made: Path, tmp_path: Path, name: str, number: int) -> Counter[str]:
    """Change a file and let every hash fit again."""
    folder = Path(shutil.copytree(made, tmp_path / "forged"))
    manifest = (made / "manifest.json").read_bytes()

    def read(data: bytes) -> None:
        (folder / "manifest.json").write_bytes(manifest)
        (folder / name).write_bytes(data)
        repair(folder, name)
        if None in results(folder, READERS_OF.get(name, READERS)).values():
            READERS["verify"](folder)  # refuses whatever any reader refuses

    return attack_in_child(
        f"store-forged-{name}",
        [(made / name).read_bytes()],
        read,
        number,
        mutate=mutate_json if name.endswith(".json") else mutate,
    )


def repair(folder: Path, name: str) -> None:
    """Make the sha256 and digests of a changed file right, as far as it is JSON."""
    path = folder / name
    if name == "manifest.json":
        redigest(folder, json.loads(path.read_bytes()))
    elif name == "report.json":
        sign(path, json.loads(path.read_bytes()))
    elif name == "tokenizer.json":
        content = json.loads(path.read_bytes())
        content.pop("digest", None)
        digest = hashlib.sha256(canonical_json(content)).hexdigest()
        path.write_text(json.dumps({**content, "digest": digest}))
        inputs = read_json(folder / "manifest.json")["key_inputs"]
        vouch(folder, tokenizer=digest, key_inputs={**inputs, "tokenizer": digest})
    else:
        vouch(folder)


@pytest.mark.parametrize("name", FILES)
def test_what_rots_in_a_store_is_found(made: Path, tmp_path: Path, name: str) -> None:
    outcomes = rot(made, tmp_path, name, NUM_SHORT // len(FILES))
    assert outcomes["CorruptError"] > 0


@pytest.mark.parametrize("name", FILES)
def test_a_store_whose_hashes_fit_is_read_or_refused(
    made: Path, tmp_path: Path, name: str
) -> None:
    outcomes = forge(made, tmp_path, name, NUM_SHORT // len(FILES))
    assert outcomes.total() == NUM_SHORT // len(FILES)


@pytest.mark.slow
@pytest.mark.parametrize("attack", [rot, forge])
@pytest.mark.parametrize("name", FILES)
def test_many_changed_stores(
    made: Path, tmp_path: Path, name: str, attack: Callable[..., Counter[str]]
) -> None:
    number = NUM_SLOW // (2 * len(FILES))
    print(attack.__name__, name, dict(attack(made, tmp_path, name, number)))
