"""Batches from options, or as a training run has them."""

from pathlib import Path

from ...data.errors import ConfigError
from ...data.store import Mixture, Split, Store
from ...data.windows import Policy
from ...data.windows.batches import Batches
from ...data.windows.layouts import Layout
from ..config import Config
from ..runs.history import CONFIG_NAME, read_run

__all__ = ["open_batches", "run_config"]

# A run may leave both to its device.  Its windows are the same in any layout, only
# their places in memory may differ from those on that device.
_LAYOUT: Layout = "padded"
_ROWS = 8


def run_config(folder: Path, store: Store) -> Config:
    """The configuration of a training run on this store.

    Raises:
        ConfigError: the folder holds no run, or one of another store.
        FormatError: its config.json is damaged.
    """
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise ConfigError(
            f"{folder}: found no {CONFIG_NAME}, so this is not a training run",
            "give the folder that tct train -o wrote",
        )
    run = read_run(folder)
    if (digest := run["store"]["digest"]) != store.digest:
        raise ConfigError(
            f"{path}: the run is of the store with digest {digest[:12]}…, "
            f"{store.folder} has {store.digest[:12]}…",
            "give the store that the run was trained on",
        )
    if isinstance(store, Mixture) and run["store"].get("weights") != store.weights:
        raise ConfigError(
            f"{path}: the run has other weights than {' '.join(store.arguments)}",
            "give the stores and weights that the run was started with",
        )
    return run["config"]


def open_batches(
    store: Store,
    config: Config,
    *,
    split: Split | None = None,
    batch_size: int | None = None,
    seed: int | None = None,
    policy: Policy | None = None,
    layout: Layout | None = None,
    rows: int | None = None,
    rank: int = 0,
    world_size: int = 1,
) -> Batches:
    """The batches of a configuration; options that are not None win.

    Raises:
        ConfigError: the split has no document, or there are more ranks than windows
            in a step.
    """
    data, run, split = config.data, config.run, split or "train"
    if not len(store.rows(split)):
        raise ConfigError(
            f"{store.folder}: the {split} split has no document",
            "choose the other one with --split",
        )
    return Batches(
        store,
        split,
        batch_size=batch_size or data.batch_size,
        seed=data.seed if seed is None else seed,
        policy=policy or data.windows,
        layout=layout or run.layout or _LAYOUT,
        rows=rows or run.micro_batch or _ROWS,
        phases=config.phases if split == "train" else (),
        context=config.model.context,
        rank=rank,
        world_size=world_size,
        steps=run.steps,
    )
