"""Files of released formats: they are read for ever, and mean the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from tct.data.documents.json_text import Json, canonical_bytes
from tct.data.store import Store
from tct.data.store.files import STORE_VERSION
from tct.data.tokenizer import TOKENIZER_VERSION, Tokenizer

# Ten workflows, the last one off the schema.  Whoever changes what is in this file
# makes every store unreadable to models that were trained before.
GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("golden.json").read_text())

# One store and one tokenizer of each version.  Add files; never change one.
FOLDER = Path(__file__).parents[1] / "golden"
STORES = sorted(path.name for path in FOLDER.glob("store-*") if path.is_dir())
TOKENIZERS = sorted(path.name for path in FOLDER.glob("tokenizer-*.json"))


def test_the_version_and_the_digest_are_the_recorded_ones() -> None:
    assert GOLDEN["version"] == TOKENIZER_VERSION
    assert GOLDEN["digest"] == Tokenizer.default().digest


@pytest.mark.parametrize("workflow", GOLDEN["workflows"], ids=range(10))
def test_the_ids_are_the_recorded_ones(workflow: dict[str, Any]) -> None:
    tokenizer = Tokenizer.default()
    value, ids = workflow["value"], workflow["ids"]
    assert tokenizer.encode(value).tolist() == ids
    assert canonical_bytes(tokenizer.decode(ids)) == canonical_bytes(value)


def test_the_versions_of_today_have_files() -> None:
    assert f"store-{STORE_VERSION}" in STORES
    assert f"tokenizer-{TOKENIZER_VERSION}.json" in TOKENIZERS


@pytest.mark.parametrize("name", STORES)
def test_a_store_of_a_released_version_is_read(name: str) -> None:
    recorded = json.loads((FOLDER / f"{name}.json").read_text())
    store = Store.open(FOLDER / name)
    assert store.digest == recorded["digest"]
    assert store.tokenizer.digest == recorded["tokenizer"]
    assert len(store) == len(recorded["documents"]) == 16
    assert set(store.docs["split"].to_pylist()) == {"train", "val"}
    for row, document in enumerate(recorded["documents"]):
        value, ids = document["value"], document["ids"]
        assert store.docs["split"][row].as_py() == document["split"]
        assert store.tokens(row).tolist() == ids
        assert canonical_bytes(store.tokenizer.decode(ids)) == canonical_bytes(value)
        assert store.tokenizer.encode(value).tolist() == ids


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_tokenizer_of_a_released_version_is_read(name: str, tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(FOLDER / name)
    tokenizer.save(tmp_path / name)
    assert Tokenizer.load(tmp_path / name).digest == tokenizer.digest
    document: Json = {"on": "push", "jobs": {"é": {"steps": [{"run": "make test"}]}}}
    assert tokenizer.decode(tokenizer.encode(document)) == document
    assert tokenizer.is_on_schema(tokenizer.encode(document))
