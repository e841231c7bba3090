"""Begin a run: in an empty folder, or from a checkpoint.

RUN/
    config.json       the whole configuration, facts of the store, and versions
    tokenizer.json    a copy of the store's, so that generation needs no store
    metrics.jsonl     one record per line
    checkpoints/      see checkpoint.py
    samples/          see samples.py
    tensorboard/      if TensorBoard is installed
"""

import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ... import __version__
from ...data.files import name_text, write_atomic
from ...data.records import RUN_VERSION, write_record
from ...data.store import SPLITS, Mixture, Store, stores_in
from ...data.windows.batches import Batches
from ..config import Config, to_dict
from ..model import GPT, init_weights
from ..model.cost import check_fits
from ..optim.lr_schedule import warmup_steps
from ..runs.checkpoint import FOLDER as CHECKPOINTS
from ..runs.checkpoint import read_state, restore
from ..runs.history import CONFIG_NAME
from ..runs.resume import ResumePoint, check_config, check_place, check_store, run_of
from ..runs.state import Best, State, Validation
from .device import pick_compile
from .distributed import World
from .learner import Learner, make_learner
from .loader import DeviceBatch, Loader

__all__ = [
    "Run",
    "TrainReport",
    "begin",
]


_PACE_STEPS = 10  # at least, to tell a pace by
# Steps that fit, as shares of those that are left, and a few more or less.
_ON_TIME, _STRAY = (0.95, 1.1), 2


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainReport:
    """The outcome of a call of `train`."""

    store: tuple[str, ...]
    """The store trained on, or several, as the command line spells them."""
    folder: Path
    """The run's folder."""
    checkpoint: Path | None
    """The newest one; None if a signal came before the first step."""
    step: int
    """Optimiser steps done in all."""
    steps: int
    """Steps of the whole run."""
    is_stopped: bool
    """A signal ended it before its last step or evaluation; it can be resumed."""
    is_new: bool
    """Whether this call did anything: False if it resumed a finished run."""
    parameters: int
    train_loss: float | None
    """Nats per token in the latest record of metrics.jsonl."""
    validation: Validation | None
    """Of the newest weights, if they were evaluated."""
    best: Best | None
    seconds: float
    """Wall time of the run, without the time between stop and resume."""


@dataclass(kw_only=True, slots=True)
class Run:
    """A run in progress; `state` is replaced after every step."""

    folder: Path
    state: State
    loader: Loader
    learner: Learner
    checkpoint: Path | None
    """The newest one; None before the first."""
    history: Path
    """Folder with the metrics so far: its own, or that of the run it branched from."""
    saved_step: int = 0
    """Step of the newest checkpoint; 0 before the first."""
    first_step: int = 0
    """Steps done before this process."""
    _started: float = field(default_factory=time.perf_counter)
    _seconds_before: float = 0.0
    _shapes: set[torch.Size] = field(default_factory=set)
    _compiling: float = 0.0
    _compiled_steps: int = 0

    @property
    def config(self) -> Config:
        """All settings of the run."""
        return self.state.config

    @property
    def seconds(self) -> float:
        """Wall time of the run, without the time between stop and resume."""
        return self._seconds_before + time.perf_counter() - self._started

    @contextmanager
    def timing(self, batch: DeviceBatch) -> Iterator[None]:
        """Remember the time of a step if it compiles: the first one of its shape.

        Each shape of packed rows takes half a minute on a GPU, as long as 3,000 steps.
        """
        began = time.perf_counter()
        yield
        if not pick_compile(self.learner.world.device, self.config.run.compile):
            return
        shapes = {part.inputs.shape for part in batch.micro_batches}
        if not shapes <= self._shapes:
            self._shapes |= shapes
            self._compiling += time.perf_counter() - began
            self._compiled_steps += 1

    @property
    def _pace(self) -> float:
        """Seconds of a step of this process so far, without those that compiled."""
        done = self.state.step - self.first_step - self._compiled_steps
        return (time.perf_counter() - self._started - self._compiling) / max(1, done)

    @property
    def eta(self) -> float:
        """Seconds to the end, at the pace so far."""
        return (self.config.run.steps - self.state.step) * self._pace

    def fitting_steps(self) -> int | None:
        """Steps of a run that ends after `run.seconds`, at the pace so far.

        None if the planned ones do, or if it is too early to say.
        """
        config, step, steps = self.config, self.state.step, self.config.run.steps
        limit, left = config.run.seconds, steps - step
        done = step - self.first_step - self._compiled_steps
        if limit is None or not left or done < _PACE_STEPS:
            return None
        if step <= warmup_steps(config.optim, steps=steps):
            return None
        fitting = max(1, int((limit - self.seconds) / self._pace))
        least, most = (share * left for share in _ON_TIME)
        is_on_time = least - _STRAY <= fitting <= most + _STRAY
        return None if is_on_time else step + fitting

    def report(self, *, is_stopped: bool, is_new: bool) -> TrainReport:
        """Summarise the run; see `TrainReport` for the arguments."""
        state = self.state
        return TrainReport(
            store=self.loader.batches.store.arguments,
            folder=self.folder,
            checkpoint=self.checkpoint,
            step=state.step,
            steps=self.config.run.steps,
            is_stopped=is_stopped,
            is_new=is_new,
            parameters=self.config.model.parameters,
            train_loss=state.train_loss,
            validation=state.validation,
            best=state.best,
            seconds=state.seconds,
        )


def begin(
    loader: Loader,
    world: World,
    folder: Path,
    config: Config,
    *,
    resume: ResumePoint | None,
) -> Run:
    """Start the run of `folder`, or resume it.

    Args:
        loader: of the training data; resuming moves it to the next batch.
        world: the processes that train together.
        folder: see the module's docstring.
        config: all settings of the run.
        resume: where to continue; None to begin at the first step.

    Raises:
        ConfigError: the folder belongs to a different run, or `config` contradicts it.
        CheckpointError: a damaged checkpoint, or one of another store or tokenizer.
        OutOfMemoryError: the model is too large for the device.
    """
    check_place(folder, resume)
    if resume is not None:
        check_config(config, resume, folder)
    checkpoint = resume.checkpoint if resume else None
    is_here = checkpoint is not None and run_of(checkpoint) == folder.resolve()
    state = _start_state(loader, config, checkpoint)
    if checkpoint is not None and not is_here:
        state = replace(state, branched_from=name_text(checkpoint))
    check_fits(config, world.device)
    model = GPT(config.model)
    if checkpoint is None:
        init_weights(model, seed=config.data.seed)
    learner = make_learner(model.to(world.device), config, world)
    if checkpoint is not None:
        restore(checkpoint, model, learner.optimizers)
    if world.is_main:
        _describe(folder, state, loader.batches)
    return Run(
        folder=folder,
        state=state,
        loader=loader,
        learner=learner,
        checkpoint=checkpoint,
        history=folder if checkpoint is None else run_of(checkpoint),
        saved_step=state.step if is_here else 0,
        first_step=state.step,
        _seconds_before=state.seconds,
    )


def _start_state(loader: Loader, config: Config, checkpoint: Path | None) -> State:
    """The first state of a run, or that of a checkpoint, to which the loader moves."""
    store = loader.batches.store
    if checkpoint is None:
        digest = store.tokenizer.digest
        return State(config=config, tokenizer_digest=digest, loader=loader.state_dict())
    state = replace(read_state(checkpoint), config=config)
    check_store(state, store, checkpoint)
    loader.load_state_dict(state.loader)
    return state


def _describe(folder: Path, state: State, batches: Batches) -> None:
    store = batches.store
    tokenizer = (store.folder / "tokenizer.json").read_bytes()
    write_atomic(folder / "tokenizer.json", lambda file: file.write(tokenizer))
    write_record(
        folder / CONFIG_NAME,
        {
            "config": to_dict(state.config),
            "data": _describe_data(batches),
            "store": _describe_store(store),
            "tokenizer_digest": store.tokenizer.digest,
            "branched_from": state.branched_from,
            "versions": {
                "tct": __version__,
                "torch": str(torch.__version__),
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        },
        name="run",
        version=RUN_VERSION,
    )
    # A folder that cannot be created is found before hours of training, not after.
    (folder / CHECKPOINTS).mkdir(exist_ok=True)


def _describe_store(store: Store) -> Mapping[str, Any]:
    """Facts of the documents, for readers without the store."""
    facts = ("key_inputs", "splits", "on_schema", "rejects")
    group = store.docs["group"]
    stores = stores_in(store)
    more: dict[str, Any] = {}
    if isinstance(store, Mixture):
        digests = {name: each.digest for name, each in stores.items()}
        more = {"stores": digests, "weights": store.weights}
    uris = {name: each.copy.uri for name, each in stores.items() if each.copy}
    if uris:
        more["uris"] = uris
    return {
        "name": " + ".join(stores),
        "digest": store.digest,
        **more,
        "groups": {
            split: len(group.take(store.rows(split)).unique()) for split in SPLITS
        },
        **{name: store.manifest[name] for name in facts if name in store.manifest},
    }


def _describe_data(batches: Batches) -> Mapping[str, Any]:
    """The size of an epoch, at the last context, to compare runs by."""
    first, _ = batches.schedule.phases[-1]
    epochs = range(first, first + batches.num_alignments)
    windows = [batches.plan(epoch).num_windows for epoch in epochs]
    return {
        "documents": len(batches.documents),
        "tokens": int(batches.lengths.sum()),
        "windows_per_epoch": [min(windows), max(windows)],
    }
