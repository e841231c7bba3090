"""train(): a store and a configuration in, a folder of checkpoints out."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..data.batches import Batches
from ..data.errors import NotFiniteError
from ..data.files import locked
from ..data.store import Store
from .checkpoint import (
    newest_checkpoint,
    record_validation,
    rotate,
    save_checkpoint,
)
from .config import Config
from .device import pick_device
from .evaluate import evaluate
from .faults import name_documents, write_fault
from .loader import DeviceBatch, Loader
from .metrics import MetricsLog, StepRecord
from .model import count_parameters
from .progress import Progress, Silent
from .report import TrainReport
from .run import Run, begin, training_batches, validation_batches
from .schedule import learning_rate
from .signals import StopRequest
from .step import StepResult, train_step

__all__ = ["train"]


def train(
    store: Store,
    run_folder: Path,
    config: Config,
    *,
    device: str = "auto",
    resume: bool = False,
    progress: Progress | None = None,
) -> TrainReport:
    """Train from the first step, or from a checkpoint, to the last step.

    SIGINT or SIGTERM ends the run in good order: the step in progress is finished and
    saved, and the report says where it stopped.  A second signal raises
    KeyboardInterrupt at once.

    Args:
        store: what to learn from; its "val" split is evaluated on the way.
        run_folder: where everything is written; see run.py.
        config: every number of the run; to resume, the one it was started with.
        device: "auto", "cpu", "cuda" or "cuda:1".
        resume: go on from the newest checkpoint in `run_folder`.
        progress: is told about each step; None shows nothing.

    Raises:
        ConfigError: a folder, device, store or configuration that does not fit.
        CheckpointError: nothing to resume, or nothing that fits.
        LockedError: another process trains in `run_folder`.
        NotFiniteError: a loss or gradient became inf or nan; the newest checkpoint
            is from before it.
    """
    progress = progress or Silent()
    place = pick_device(device)
    loader = Loader(training_batches(store, config, place), place)
    if resume:
        newest_checkpoint(run_folder)  # without one there is no folder to lock
    with locked(run_folder, hint="wait until it ends, or give another folder"):
        run = begin(loader, run_folder, config, resume=resume)
        session = _Session(
            run=run,
            validation=validation_batches(store, config, place),
            metrics=MetricsLog(run_folder / "metrics.jsonl", since=run.state),
            progress=progress,
            stop=StopRequest(),
        )
        is_new = not session.is_finished
        progress.start(step=run.state.step, steps=config.run.steps)
        try:
            with session.stop, loader:
                session.train()
        finally:
            progress.finish()
            session.metrics.close()
        return session.report(is_new=is_new)


@dataclass(kw_only=True, slots=True)
class _Session:
    """A run and what goes with it in this process."""

    run: Run
    validation: Batches
    metrics: MetricsLog
    progress: Progress
    stop: StopRequest

    @property
    def is_finished(self) -> bool:
        """Whether every step is done and the last weights are evaluated."""
        is_last = self.run.state.step == self.run.config.run.steps
        return is_last and not self._owes_evaluation

    @property
    def _owes_evaluation(self) -> bool:
        state, every = self.run.state, self.run.config.run.eval_every
        is_due = state.step > 0 and self._is_due(every) and state.validation is None
        return is_due and len(self.validation.documents) > 0

    def _is_due(self, every: int) -> bool:
        step = self.run.state.step
        return step % every == 0 or step == self.run.config.run.steps

    def report(self, *, is_new: bool) -> TrainReport:
        """Where the run stands."""
        run = self.run
        return TrainReport(
            store=run.loader.batches.store.folder,
            folder=run.folder,
            checkpoint=run.checkpoint,
            step=run.state.step,
            steps=run.config.run.steps,
            is_stopped=not self.is_finished,
            is_new=is_new,
            parameters=count_parameters(run.model),
            train_loss=run.state.train_loss,
            validation=run.state.validation,
            best=run.state.best,
            seconds=run.state.seconds,
        )

    def train(self) -> None:
        """Every step that is left, or as many as there are before a signal."""
        run, config = self.run, self.run.config
        if not len(self.validation.documents):
            self.progress.note("the validation split is empty: nothing is evaluated")
        if self._owes_evaluation:
            # The run was stopped between a checkpoint and its evaluation.
            self._evaluate()
        interval = _Interval()
        while run.state.step < config.run.steps and not self.stop.requested:
            began, waited = time.perf_counter(), run.loader.waited
            batch = next(run.loader)
            waited = run.loader.waited - waited
            lr = learning_rate(run.state.step, config.optim, steps=config.run.steps)
            result = self._learn(batch, lr=lr)
            run.state = run.state.after_step(run.loader.state_dict())
            interval.add(result, batch, lr=lr, began=began, waited=waited)
            self.progress.step(run.state.step)

            saves = self._is_due(config.run.save_every) or self._owes_evaluation
            if saves or self._is_due(config.run.log_every):
                # Also before each checkpoint, so that a resumed run's records
                # cover the same steps as those of one that was not stopped.
                self._log(interval)
                interval = _Interval()
            if saves:
                self._save()
            if self._owes_evaluation:
                # After saving: an evaluation that fails must not cost the weights.
                self._evaluate()
        if run.state.step > run.saved_step:
            self._log(interval)
            self._save()

    def _learn(self, batch: DeviceBatch, *, lr: float) -> StepResult:
        run, config = self.run, self.run.config
        try:
            return train_step(
                run.model,
                run.optimizer,
                batch,
                lr=lr,
                clip=config.optim.clip,
            )
        except NotFiniteError as error:
            store, step = run.loader.batches.store, run.state.step + 1
            path = write_fault(
                run.folder, store, batch, step=step, problem=error.problem
            )
            documents = name_documents(store, batch)
            raise NotFiniteError(
                f"step {step:,}: {error.problem}, in {documents}",
                f"{error.hint}; all windows are in {path}",
            ) from error

    def _log(self, interval: "_Interval") -> None:
        if not interval.targets:
            return
        run = self.run
        record = interval.record(
            step=run.state.step,
            seconds=run.seconds,
        )
        run.state = replace(run.state, train_loss=record.loss)
        self.metrics.write_step(record)
        self.progress.logged(record)

    def _save(self) -> None:
        run = self.run
        run.state = replace(run.state, seconds=run.seconds)
        run.checkpoint = save_checkpoint(
            run.folder, run.state, run.model, run.optimizer
        )
        run.saved_step = run.state.step
        self._rotate()

    def _evaluate(self) -> None:
        run = self.run
        found = evaluate(
            run.model,
            self.validation,
            should_stop=lambda: self.stop.requested,
        )
        if found is None or run.checkpoint is None:
            return
        run.state = replace(run.state.after_evaluation(found), seconds=run.seconds)
        self.metrics.write_evaluation(found, step=run.state.step, seconds=run.seconds)
        record_validation(run.checkpoint, run.state)
        self._rotate()
        self.progress.evaluated(run.state.step, found)

    def _rotate(self) -> None:
        best = self.run.state.best
        rotate(
            self.run.folder,
            keep_last=self.run.config.run.keep_last,
            best=best.step if best else None,
        )


class _Interval:
    """The steps since the last record; sums stay on the device until it is written."""

    def __init__(self) -> None:
        """No step yet."""
        self.targets = 0
        self._epoch = 0
        self._offset: int | None = None
        self._lr = 0.0
        self._seconds = self._waited = 0.0
        self._nats: list[Tensor] = []
        self._grad_norm: Tensor | None = None

    def add(
        self,
        result: StepResult,
        batch: DeviceBatch,
        *,
        lr: float,
        began: float,
        waited: float,
    ) -> None:
        """Take in one step.

        Args:
            result: of the step.
            batch: that it learnt from.
            lr: its learning rate.
            began: when it began, on the performance counter.
            waited: seconds that it waited for the batch.
        """
        self._waited += waited
        self.targets += result.targets
        self._epoch, self._offset, self._lr = batch.epoch, batch.offset, lr
        self._seconds += time.perf_counter() - began
        self._nats.append(result.nats)
        self._grad_norm = result.grad_norm

    def record(self, *, step: int, seconds: float) -> StepRecord:
        """The record of these steps, of which there is at least one."""
        nats = torch.stack(self._nats).double().sum().item()
        return StepRecord(
            step=step,
            epoch=self._epoch,
            offset=self._offset,
            loss=nats / self.targets,
            lr=self._lr,
            grad_norm=self._grad_norm.item() if self._grad_norm is not None else 0.0,
            targets=self.targets,
            tokens_per_s=self.targets / self._seconds,
            loader_wait=self._waited / self._seconds,
            seconds=seconds,
        )
