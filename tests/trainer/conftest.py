"""Stores and models that are small enough to train in a test."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch

from tct.data.store import DOCS_SCHEMA, GUARD_TOKENS, REJECTS_SCHEMA, Store
from tct.data.store.files import shard_name
from tct.data.store.writer import write_table
from tct.data.tokenizer import PAD
from tct.tests.stores import write_manifest
from tct.trainer.config import Config, DataConfig, ModelConfig, OptimConfig, RunConfig

MakeStore = Callable[..., Store]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    # These models are too small to share out, and idle threads spin.
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def make_store(tmp_path_factory: pytest.TempPathFactory) -> MakeStore:
    """Write and open a store of random tokens with documents of given lengths."""

    def make(
        train: Sequence[int],
        val: Sequence[int] = (),
        *,
        vocabulary: int = 50,
        tokenizer: str = "one",
    ) -> Store:
        folder = tmp_path_factory.mktemp("store")
        lengths = [*train, *val]
        draw = np.random.default_rng(0)
        tokens = draw.integers(0, vocabulary, sum(lengths)).astype("<u2")
        guard = np.full(GUARD_TOKENS, PAD, dtype="<u2")
        np.save(folder / shard_name(0), np.concatenate((tokens, guard)))
        _write_docs(folder / "docs.arrow", len(train), lengths)
        write_table(folder / "rejects.arrow", REJECTS_SCHEMA.empty_table())
        (folder / "tokenizer.json").write_text(json.dumps({"name": tokenizer}))
        write_manifest(folder)
        store = Store.open(folder)
        # These tests need a tokenizer's identity and nothing else of it.
        digest = hashlib.sha256(tokenizer.encode()).hexdigest()
        vars(store)["tokenizer"] = SimpleNamespace(digest=digest)
        return store

    return make


@pytest.fixture(scope="session")
def small() -> Config:
    """A model of 0.6 million parameters, 12 steps, a checkpoint every 4."""
    return Config(
        model=ModelConfig(context=64, width=32, layers=2, heads=2),
        data=DataConfig(batch_size=4, seed=7),
        optim=OptimConfig(lr=1e-2, warmup_steps=2),
        run=RunConfig(steps=12, eval_every=8, save_every=4, log_every=1),
    )


def _write_docs(path: Path, num_train: int, lengths: Sequence[int]) -> None:
    number = len(lengths)
    splits = ["train"] * num_train + ["val"] * (number - num_train)
    # Both names always stand in the dictionary, as in a store that was prepared.
    codes = pa.array([0 if split == "train" else 1 for split in splits], pa.int8())
    columns = {
        "sha256": [hashlib.sha256(str(i).encode()).digest() for i in range(number)],
        "path": [f"document-{i}.yml" for i in range(number)],
        "group": ["group"] * number,
        "split": pa.DictionaryArray.from_arrays(codes, ["train", "val"]),
        "n_bytes": [3 * length for length in lengths],
        "n_source_bytes": [4 * length for length in lengths],
        "shard": [0] * number,
        "offset": [sum(lengths[:i]) for i in range(number)],
        "length": list(lengths),
        "on_schema": [True] * number,
        "source_sha256": [hashlib.sha256(b"").digest()] * number,
    }
    table = pa.table(columns, schema=DOCS_SCHEMA)
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
