"""The whole evaluation of a run.

It depends on the run, its store, the settings, the device and the judges that are
installed, and on nothing else.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ... import __version__
from ...data.errors import ConfigError, FormatError
from ...data.files import name_text
from ...data.records import write_record
from ...data.store import Split, Store
from ..export.card_evaluation import EVALUATION_VERSION
from ..generation import Generator
from ..model import count_parameters
from ..runs.checkpoint import Which, newest_checkpoint, pick_checkpoint
from ..runs.history import CONFIG_NAME, read_run
from ..runs.resume import check_store
from ..runs.state import read_state_file
from ..training.device import compute_dtype, pick_device
from .columns import Column, DocumentSet, make_columns
from .distributions import distances, profile
from .documents import Document, real
from .judges import require_extra, schema_judge, yaml_judge
from .likelihood import Likelihood, likelihood
from .node_judges import node_judges
from .sample_sets import Settings, write_sets
from .zizmor import zizmor

__all__ = ["Evaluation", "evaluate", "open_store"]


JUDGES = Path(".judges")
"""Where `make judges` installs the judges that run on Node."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What eval.json holds."""

    run: str
    """Name of the run's folder."""
    step: int
    """Of the checkpoint."""
    parameters: int
    tokenizer: str
    """Digest."""
    store: str
    """Digest."""
    settings: Settings
    judges: dict[str, str | None]
    """Version of each; None if it is not installed."""
    likelihood: Likelihood
    columns: list[Column]
    """Real held-out documents, then the four ways of writing."""
    train_distances: dict[str, float | None]
    """For each field, how far real training documents are from the held-out ones; as
    many as these, so that chance has the same part in it."""
    versions: dict[str, str]

    def save(self, path: Path) -> None:
        """Write eval.json."""
        write_record(path, asdict(self), name="evaluation", version=EVALUATION_VERSION)


def open_store(run_folder: Path, given: Path | None = None) -> Store:
    """The store that a run was trained on.

    Args:
        run_folder: of the run.
        given: where the store is; None for a folder of its name beside the run or here.

    Raises:
        ConfigError: the folder holds no run, or the store is not found.
        CheckpointError: no checkpoint, or one that was trained on another store.
    """
    checkpoint = newest_checkpoint(run_folder)
    store = Store.open(given or _find_store(run_folder))
    check_store(read_state_file(checkpoint)[0], store, checkpoint)
    return store


def evaluate(
    run_folder: Path | str,
    store: Store | None = None,
    settings: Settings | None = None,
    *,
    judges_folder: Path = JUDGES,
    which: Which = "best",
    device: str = "auto",
    note: Callable[[str], None] = lambda text: None,
) -> Evaluation:
    """Evaluate a checkpoint of a run.

    Args:
        run_folder: what `tct train` wrote.
        store: that it was trained on; None to find it, see `open_store`.
        settings: how much is written, and how; None for the defaults.
        judges_folder: of the judges that run on Node.
        which: of the run's checkpoints; see `pick_checkpoint`.
        device: "auto", "cpu", "cuda" or "cuda:1".
        note: is told about each part when it is done.

    Raises:
        ConfigError: the extra is not installed, or a split is empty.
        CheckpointError: no checkpoint, or one of another tokenizer than the run's.
        JudgeError: a judge fell over.
    """
    require_extra()
    run_folder, settings = Path(run_folder), settings or Settings()
    store = open_store(run_folder) if store is None else store
    _check_splits(store)
    checkpoint = pick_checkpoint(run_folder, which)
    state = read_state_file(checkpoint)[0]
    generator = Generator.load(checkpoint, device=device)
    model = generator.model
    model.compute_dtype = compute_dtype(pick_device(device))  # as training does
    found = likelihood(model, state.config, store, seed=0)
    model.compute_dtype = None
    note(f"read {found.documents:,} held-out documents")
    count = settings.samples * settings.seeds
    held_out = DocumentSet(name="held-out", by_seed=[_real(store, "val", count)])
    training = _real(store, "train", len(held_out.documents))
    written = write_sets(generator, store.tokenizer, settings, note=note)
    judges = [schema_judge(), yaml_judge(), *node_judges(judges_folder)]
    auditor = zizmor()
    columns = make_columns([held_out, *written], store, judges=judges, auditor=auditor)
    return Evaluation(
        run=name_text(run_folder.resolve().name),
        step=state.step,
        parameters=count_parameters(model),
        tokenizer=state.tokenizer_digest,
        store=store.digest,
        settings=settings,
        judges={judge.name: judge.version for judge in (*judges, auditor)},
        likelihood=found,
        columns=columns,
        train_distances=distances(profile(training), profile(held_out.documents)),
        versions={"tct": __version__, "numpy": np.__version__},
    )


def _check_splits(store: Store) -> None:
    splits: tuple[Split, ...] = ("train", "val")
    for split in splits:
        if not len(store.rows(split)):
            raise ConfigError(
                f"{store.folder}: found no document in the {split} split, "
                "expected at least one",
                "prepare a store from more repositories",
            )


def _find_store(run_folder: Path) -> Path:
    path = run_folder / CONFIG_NAME
    try:
        name = read_run(run_folder)["store"]["name"]
    except (FormatError, OSError) as error:
        raise ConfigError(
            f"{path}: does not say which store the run was trained on ({error})",
            "give the store with --store",
        ) from error
    for folder in (run_folder.resolve().parent / name, Path(name)):
        if (folder / "manifest.json").is_file():
            return folder
    raise ConfigError(
        f"{run_folder}: was trained on a store called {name!r}, "
        "found none of this name beside the run or here",
        "give the store with --store",
    )


def _real(store: Store, split: Split, count: int) -> list[Document]:
    """So many documents of a split, or all, drawn evenly."""
    rows = np.random.default_rng(0).permutation(store.rows(split))[:count]
    return [real(store, row) for row in rows.tolist()]
