"""Evaluate a run: likelihood, then samples, judged and counted.

The result depends only on the run, its store, the settings, the device and the
installed judges.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from ... import __version__
from ...data.errors import ConfigError, FormatError
from ...data.files import name_text
from ...data.kinds import Kind
from ...data.records import write_record
from ...data.store import Split, Store
from ..export.model_card import EVALUATION_VERSION
from ..generation import Generator
from ..model import GPT, compute_dtype
from ..runs.checkpoint import Which, newest_checkpoint, pick_checkpoint
from ..runs.history import CONFIG_NAME, read_run
from ..runs.resume import check_store
from ..runs.state import read_state_file
from .columns import Column, DocumentSet, make_columns
from .distributions import LENGTH, distances, fields_of, profile
from .documents import Document, real
from .judges import Judge, json_judge, require_extra, schema_judge, yaml_judge
from .likelihood import Diagnosis, Likelihood, diagnose, likelihood
from .programs import node_judges, zizmor
from .sample_sets import Settings, write_sets

__all__ = ["Evaluation", "evaluate", "open_store"]


JUDGES = Path(".judges")
"""Where `make judges` installs the judges that run on Node."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """The content of eval.json."""

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
    diagnosis: Diagnosis | None
    """None if no held-out document is on the schema."""
    columns: list[Column]
    """Real held-out documents, then the four ways of writing."""
    train_distances: dict[str, float | None]
    """For each field, the distance between real training and held-out documents: the
    distance due to chance, as both sets have one size."""
    kind: str
    """Name of the kind of the documents."""
    numbers: tuple[str, ...]
    """Fields that are numbers, each rounded up to a power of two."""
    versions: dict[str, str] = field(
        default_factory=lambda: {"tct": __version__, "numpy": np.__version__}
    )

    def save(self, path: Path) -> None:
        """Write eval.json."""
        write_record(path, asdict(self), name="evaluation", version=EVALUATION_VERSION)


def open_store(
    run_folder: Path,
    given: Path | str | None = None,
    *,
    note: Callable[[str], None] = lambda text: None,
) -> Store:
    """Open the store that a run was trained on, or one of several.

    Args:
        run_folder: of the run.
        given: its folder or URI; None to look for its name beside the run and here,
            and then for the URI that the run records.
        note: see `Store.open`.

    Raises:
        ConfigError: the folder holds no run, or the store is not found.
        CheckpointError: no checkpoint, or one that was trained on another store.
    """
    checkpoint = newest_checkpoint(run_folder)
    store = Store.open(given or _find_store(run_folder), note=note)
    state = read_state_file(checkpoint)[0]
    check_store(state, store, checkpoint, is_one_enough=True)
    return store


def evaluate(
    run_folder: Path | str,
    store: Store | None = None,
    settings: Settings | None = None,
    *,
    judges_folder: Path | str = JUDGES,
    which: Which = "best",
    device: str = "auto",
    note: Callable[[str], None] = lambda text: None,
) -> Evaluation:
    """Evaluate a checkpoint of a run.

    Args:
        run_folder: of the run.
        store: that it was trained on; None to find it, see `open_store`.
        settings: of the samples; None for the defaults.
        judges_folder: of the judges that run on Node.
        which: of the run's checkpoints; see `pick_checkpoint`.
        device: "auto", "cpu", "cuda" or "cuda:1".
        note: called with a line after each part.

    Raises:
        ConfigError: no extra, an empty split, or rules that the kind has not.
        CheckpointError: no checkpoint, or one of another tokenizer than the run's.
        JudgeError: a judge process crashed.
    """
    require_extra()
    store = _with_splits(open_store(Path(run_folder)) if store is None else store)
    settings = (settings or Settings()).of(kind := store.tokenizer.kind)
    state = read_state_file(checkpoint := pick_checkpoint(Path(run_folder), which))[0]
    generator = Generator.load(checkpoint, device=device, rules=settings.rules)
    found = likelihood(_as_trained(generator.model), state.config, store, seed=0)
    note(f"read {found.documents:,} held-out documents")
    sets = _sets(store, generator, settings, note)
    judges, auditor = _judges(kind, Path(judges_folder))
    return Evaluation(
        run=name_text(Path(run_folder).resolve().name),
        step=state.step,
        parameters=state.config.model.parameters,
        tokenizer=state.tokenizer_digest,
        store=store.digest,
        settings=settings,
        judges={one.name: one.version for one in (*judges, auditor) if one is not None},
        likelihood=found,
        diagnosis=diagnose(generator.model, store),
        columns=make_columns(sets, store, judges=judges, auditor=auditor),
        train_distances=_chance(store, sets[0]),
        kind=kind.name,
        numbers=(*kind.numbers, LENGTH),
    )


def _sets(
    store: Store, generator: Generator, settings: Settings, note: Callable[[str], None]
) -> list[DocumentSet]:
    """Real held-out documents, then the four ways of writing."""
    real_ones = _real(store, "val", settings.samples * settings.seeds)
    held_out = DocumentSet(name="held-out", by_seed=[real_ones])
    return [held_out, *write_sets(generator, store.tokenizer, settings, note=note)]


def _judges(kind: Kind, folder: Path) -> tuple[list[Judge], Judge | None]:
    """The stages of a kind, and its auditor, if it has one."""
    reads_back = json_judge() if kind.format == "json" else yaml_judge()
    judges = [schema_judge(kind), reads_back, *node_judges(folder, kind.programs)]
    return judges, zizmor() if "zizmor" in kind.programs else None


def _as_trained(model: GPT) -> GPT:
    """The same weights, with the matrix products in the type that training uses."""
    model = copy(model)
    model.compute_dtype = compute_dtype(model.lm_head.weight.device)
    return model


def _with_splits(store: Store) -> Store:
    splits: tuple[Split, ...] = ("train", "val")
    for split in splits:
        if not len(store.rows(split)):
            raise ConfigError(
                f"{store.folder}: found no document in the {split} split, "
                "expected at least one",
                "prepare a store from more repositories",
            )
    return store


def _chance(store: Store, held_out: DocumentSet) -> dict[str, float | None]:
    """Distances of as many real training documents from held-out ones."""
    training = _real(store, "train", len(held_out.documents))
    reference = profile(held_out.documents, store.tokenizer)
    fields = fields_of(store.tokenizer.kind, reference)
    return distances(profile(training, store.tokenizer), reference, fields)


def _find_store(run_folder: Path) -> Path | str:
    path = run_folder / CONFIG_NAME
    try:
        recorded = read_run(run_folder)["store"]
    except (FormatError, OSError) as error:
        raise ConfigError(
            f"{path}: does not say which store the run was trained on ({error})",
            "give the store with --store",
        ) from error
    name = recorded["name"]
    for folder in (run_folder.resolve().parent / name, Path(name)):
        if (folder / "manifest.json").is_file():
            return folder
    if uri := recorded.get("uris", {}).get(name):
        return uri
    raise ConfigError(
        f"{run_folder}: was trained on a store called {name!r}, "
        "found none beside the run or in this folder",
        "give the store with --store",
    )


def _real(store: Store, split: Split, count: int) -> list[Document]:
    """Draw `count` documents of a split uniformly, or take all."""
    rows = np.random.default_rng(0).permutation(store.rows(split))[:count]
    return [real(store, row) for row in rows.tolist()]
