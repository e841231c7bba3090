"""Which data, in which order and layout: from options, or from a training run."""

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ...data.errors import ConfigError
from ...data.records import RUN_VERSION, read_record
from ...data.store import SPLITS, Split, Store
from ...data.windows import CONTEXT, POLICIES, STRIDE, Policy
from ...data.windows.batches import Batches
from ...data.windows.layouts import LAYOUTS, Layout

__all__ = ["Settings", "of_run"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the windows and batches depend on, beside the store."""

    split: Split = "train"
    batch_size: int = 32
    """Windows per optimiser step."""
    seed: int = 0
    """Key of the order."""
    policy: Policy = "plan"
    layout: Layout = "padded"
    rows: int = 8
    """Most rows of a pass."""
    context: int = CONTEXT
    """C, most content tokens of a window."""

    def changed(self, **options: Any) -> "Settings":
        """With the options that are not None."""
        given = {name: value for name, value in options.items() if value is not None}
        return replace(self, **given)

    def batches(self, store: Store, *, rank: int = 0, world_size: int = 1) -> Batches:
        """The batches of a store.

        Raises:
            ConfigError: the split has no document, or there are more ranks than
                windows in a step.
        """
        values = asdict(self)
        split: Split = values.pop("split")
        if not len(store.rows(split)):
            raise ConfigError(
                f"{store.folder}: the {split} split has no document",
                "choose the other one with --split",
            )
        return Batches(store, split, rank=rank, world_size=world_size, **values)


def of_run(folder: Path, store: Store) -> Settings:
    """What a training run was started with.

    A run that left layout and rows to the device is shown padded, in rows of 8: the
    same windows, but maybe not where they lie on that device.

    Raises:
        ConfigError: no run, one of another store, or a value that does not fit.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise ConfigError(
            f"{folder}: found no config.json, so this is no training run",
            "give the folder that tct train -o wrote",
        )
    remake = "go on with tct train --resume, which writes it anew"
    content = read_record(path, name="run", version=RUN_VERSION, remake=remake)
    digest = _at(content, "store").get("digest")
    if digest is not None and digest != store.digest:
        raise ConfigError(
            f"{path}: the run is of the store with digest {str(digest)[:12]}…, "
            f"{store.folder} has {store.digest[:12]}…",
            "give the store that the run was trained on",
        )
    config = _at(content, "config")
    data, run, model = (_at(config, name) for name in ("data", "run", "model"))
    settings = Settings().changed(
        batch_size=data.get("batch_size"),
        seed=data.get("seed"),
        policy=data.get("windows"),
        layout=run.get("layout"),
        rows=run.get("micro_batch"),
        context=model.get("context"),
    )
    _check(settings, path)
    return settings


def _at(content: dict[str, Any], name: str) -> dict[str, Any]:
    section = content.get(name)
    return section if isinstance(section, dict) else {}


def _check(settings: Settings, path: Path) -> None:
    lowest = {"batch_size": 1, "rows": 1, "context": STRIDE, "seed": 0}
    named = {"split": SPLITS, "policy": POLICIES, "layout": LAYOUTS}
    for field in fields(settings):
        value, name = getattr(settings, field.name), field.name
        if name in named and value not in named[name]:
            _refuse(path, name, value, " or ".join(named[name]))
        if name in lowest and (type(value) is not int or value < lowest[name]):
            _refuse(path, name, value, f"an integer of at least {lowest[name]}")
    if settings.context % STRIDE:
        _refuse(path, "context", settings.context, f"a multiple of {STRIDE}")


def _refuse(path: Path, name: str, value: object, expected: str) -> None:
    raise ConfigError(
        f"{path}: {name}: found {value!r}, expected {expected}",
        "restore the file, or give the options without --run",
    )
