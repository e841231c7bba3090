"""A model that has learnt next to nothing, behind a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tct.data.store import Store
from tct.tests.trainer.server.servers import running
from tct.trainer.generation import Generator
from tct.trainer.presets import preset
from tct.trainer.training.loop import train

SMALL = ["model.width=32", "model.layers=1", "model.heads=2", "run.steps=2"]


@pytest.fixture(scope="session")
def run(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve") / "run"
    train(store, folder, preset("tiny", SMALL), device="cpu")
    return folder


@pytest.fixture(scope="session")
def generator(run: Path) -> Generator:
    return Generator.load(run, device="cpu")


@pytest.fixture(scope="session")
def address(generator: Generator) -> Iterator[str]:
    """Of a server as `tct serve` starts it."""
    with running(generator) as address:
        yield address
