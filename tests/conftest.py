"""A composed corpus, the store made from it, and stores of any shape."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from tct.data.display.progress import SilentProgress
from tct.data.documents.parse import parse_document
from tct.data.files import write_json
from tct.data.store import DOCS_SCHEMA, REJECTS_SCHEMA, Store
from tct.data.store.writer import (
    MAX_SHARD_TOKENS,
    ShardWriter,
    split_column,
    write_table,
)
from tct.pipeline.prepare import PrepareOptions, prepare
from tct.pipeline.vocabulary.train import train_tokenizer
from tct.tests.stores import write_manifest

# Busy machines are slow, which is no failure.
settings.register_profile(
    "tct", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tct")

# The models of tests are too small to share out, and what a command says of its threads
# must not depend on the load.
os.environ.setdefault("OMP_NUM_THREADS", "1")

COMPOSE = Path(__file__).parents[1] / "examples" / "compose.py"


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the user's cache out of the tests, and the tests out of it."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def workflows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty composed workflow files of fifteen repositories; do not change them."""
    folder = tmp_path_factory.mktemp("workflows") / "workflows"
    command = [sys.executable, str(COMPOSE), str(folder), "--count", "60"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="session")
def store_folder(workflows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of `workflows`; do not change it."""
    folder = tmp_path_factory.mktemp("store") / "store"
    prepare([workflows], folder, PrepareOptions(), SilentProgress())
    return folder


@pytest.fixture(scope="session")
def store(store_folder: Path) -> Store:
    """The opened store of `workflows`: both splits, some documents beyond a window."""
    opened = Store.open(store_folder)
    assert len(opened.rows("train")) > 10
    assert len(opened.rows("val")) > 0
    assert (opened.length > 1024).sum() >= 2
    return opened


@pytest.fixture(scope="session")
def other_tokenizer(workflows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer learnt from a few documents, so not the default one."""
    values = [parse_document(p.read_bytes()) for p in sorted(workflows.rglob("*.yml"))]
    path = tmp_path_factory.mktemp("tokenizer") / "other.json"
    train_tokenizer(lambda: [("a/b", value) for value in values[:4]]).save(path)
    return path


@pytest.fixture
def build_store(tmp_path: Path) -> Callable[..., Store]:
    """Write and open a store of given token ids; its tokenizer is a stub."""

    def build(
        documents: Sequence[NDArray[np.uint16]],
        *,
        val: Sequence[int] = (),
        max_tokens: int = MAX_SHARD_TOKENS,
        name: str = "built",
    ) -> Store:
        folder = tmp_path / name
        folder.mkdir()
        writer = ShardWriter(folder, max_tokens=max_tokens)
        places = [writer.add(ids) for ids in documents]
        writer.close()
        number = len(documents)
        docs = {
            "sha256": [bytes([i % 256]) * 32 for i in range(number)],
            "path": [f"owner__name/{i}.yml" for i in range(number)],
            "group": ["owner/name"] * number,
            "split": split_column(
                "val" if i in val else "train" for i in range(number)
            ),
            "n_bytes": [3 * len(ids) for ids in documents],
            "n_source_bytes": [4 * len(ids) for ids in documents],
            "shard": [shard for shard, _ in places],
            "offset": [offset for _, offset in places],
            "length": [len(ids) for ids in documents],
            "on_schema": [i % 2 == 0 for i in range(number)],
            "source_sha256": [bytes([i % 256]) * 32 for i in range(number)],
        }
        write_table(folder / "docs.arrow", pa.table(docs, schema=DOCS_SCHEMA))
        reject = ["bad.yml", b"\1" * 32, "read", "syntax", "line 1"]
        rejects = pa.table([[cell] for cell in reject], schema=REJECTS_SCHEMA)
        write_table(folder / "rejects.arrow", rejects)
        write_json(folder / "tokenizer.json", {"stub": True})
        write_manifest(folder)
        return Store.open(folder)

    return build
