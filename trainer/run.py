"""Beginning a run: in an empty folder, or where a checkpoint left off.

RUN/
    config.json       what the run was started with, for people
    tokenizer.json    a copy of the store's, so that generation needs no store
    metrics.jsonl     one record per line
    checkpoints/      see checkpoint.py
"""

import platform
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from .. import __version__
from ..data.batches import Batches
from ..data.errors import CheckpointError, ConfigError
from ..data.files import write_atomic, write_json
from ..data.store import Split, Store
from ..data.windows import Policy
from .checkpoint import find_checkpoints, newest_checkpoint, read_state, restore
from .config import Config, differences, to_dict
from .device import pick_layout
from .loader import Loader
from .model import GPT, init_weights
from .optim import make_optimizer
from .state import State, read_state_file

__all__ = ["Run", "begin", "stored_config", "training_batches", "validation_batches"]


@dataclass(kw_only=True, slots=True)
class Run:
    """A run in progress; `state` is replaced after every step."""

    folder: Path
    state: State
    loader: Loader
    model: GPT
    optimizer: torch.optim.AdamW
    checkpoint: Path | None
    """The newest one; None before the first."""
    saved_step: int = 0
    """Step of the newest checkpoint; 0 before the first."""
    _started: float = field(default_factory=time.perf_counter)
    _seconds_before: float = 0.0

    @property
    def config(self) -> Config:
        """What the run was started with."""
        return self.state.config

    @property
    def seconds(self) -> float:
        """Wall time of the run, without the time between stop and resume."""
        return self._seconds_before + time.perf_counter() - self._started


def begin(loader: Loader, folder: Path, config: Config, *, resume: bool) -> Run:
    """Make the run that `folder` will hold, or take up the one it holds.

    Args:
        loader: of the data to learn from, on the device to learn on; a resumed run
            moves it to where it was stopped.
        folder: see the module's docstring.
        config: every number of the run.
        resume: take up the run in `folder`.

    Raises:
        ConfigError: the folder holds a run and `resume` is off, or `config` is not
            the run's own.
        CheckpointError: nothing to resume, a damaged checkpoint, or one of another
            store or tokenizer.
    """
    if resume:
        return _resume(loader, folder, config)
    if find_checkpoints(folder):
        raise ConfigError(
            f"{folder}: already holds checkpoints, expected a folder without a run",
            "go on with --resume, or give another folder",
        )
    model = GPT(config.model)
    init_weights(model, seed=config.data.seed)
    model.to(loader.device)
    store = loader.batches.store
    _describe(store, folder, config)
    return Run(
        folder=folder,
        state=State(
            config=config,
            tokenizer_digest=store.tokenizer.digest,
            loader=loader.state_dict(),
        ),
        loader=loader,
        model=model,
        optimizer=make_optimizer(model, config.optim),
        checkpoint=None,
    )


def stored_config(folder: Path) -> Config:
    """The configuration that the run in `folder` was started with.

    Raises:
        CheckpointError: the folder holds no checkpoint.
    """
    return read_state_file(newest_checkpoint(folder))[0].config


def training_batches(store: Store, config: Config, device: torch.device) -> Batches:
    """The batches that a run learns from."""
    return _batches(store, "train", config, device, policy=config.data.windows)


def validation_batches(store: Store, config: Config, device: torch.device) -> Batches:
    """Each token of the validation split once, whatever the run learns from."""
    return _batches(store, "val", config, device, policy="sequential")


def _batches(
    store: Store, split: Split, config: Config, device: torch.device, *, policy: Policy
) -> Batches:
    layout, rows = pick_layout(device, config.run.layout, config.run.micro_batch)
    return Batches(
        store,
        split,
        batch_size=config.data.batch_size,
        seed=config.data.seed,
        policy=policy,
        layout=layout,
        rows=rows,
        static=device.type != "cpu",  # nothing is compiled there
        context=config.model.context,
    )


def _resume(loader: Loader, folder: Path, config: Config) -> Run:
    checkpoint = newest_checkpoint(folder)
    state = read_state(checkpoint)
    store = loader.batches.store
    _check_digest(
        checkpoint, "tokenizer", state.tokenizer_digest, store.tokenizer.digest
    )
    _check_digest(checkpoint, "store", str(state.loader.get("store")), store.digest)
    for key, ours, theirs in differences(config, state.config):
        raise ConfigError(
            f"{key}: found {ours!r}, but the run in {folder} was started with "
            f"{theirs!r}",
            f"leave {key} out to resume it, or start another run",
        )
    loader.load_state_dict(state.loader)
    model = GPT(config.model).to(loader.device)
    optimizer = make_optimizer(model, config.optim)
    restore(checkpoint, model, optimizer)
    return Run(
        folder=folder,
        state=state,
        loader=loader,
        model=model,
        optimizer=optimizer,
        checkpoint=checkpoint,
        saved_step=state.step,
        _seconds_before=state.seconds,
    )


def _check_digest(checkpoint: Path, what: str, recorded: str, found: str) -> None:
    if found != recorded:
        raise CheckpointError(
            f"{checkpoint}: belongs to another {what}, sha256 {recorded[:12]}…, "
            f"found {found[:12]}…",
            "give the store that the run was started with, or start another run",
        )


def _describe(store: Store, folder: Path, config: Config) -> None:
    tokenizer = (store.folder / "tokenizer.json").read_bytes()
    write_atomic(folder / "tokenizer.json", lambda file: file.write(tokenizer))
    write_json(
        folder / "config.json",
        {
            "config": to_dict(config),
            "store": {"name": store.folder.resolve().name, "digest": store.digest},
            "tokenizer_digest": store.tokenizer.digest,
            "versions": {
                "tct": __version__,
                "torch": str(torch.__version__),
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        },
    )
