"""A store, a run of it and its export, as small as they can be; do not change them."""

from pathlib import Path

import pytest
import torch

from tct.data.display.progress import SilentProgress
from tct.data.store import Store
from tct.pipeline.prepare import PrepareOptions, prepare
from tct.pipeline.report.summary import write_report
from tct.trainer.export.export import export
from tct.trainer.presets import preset
from tct.trainer.training.loop import train

SMALL = ["model.width=8", "model.layers=1", "model.heads=1", "model.context=64"]
SMALL += ["batch_size=2", "steps=3", "eval_every=2", "save_every=2", "log_every=1"]


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def trained(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three steps, with checkpoints at 2 and 3."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained") / "run"
    train(Store.open(made), folder, preset("tiny", SMALL), device="cpu")
    return folder


@pytest.fixture(scope="session")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of that run."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    export(trained, folder)
    return folder
