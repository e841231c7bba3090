"""`train`: the loop from a store and a configuration to a folder of checkpoints."""

import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from ...data.locks import locked
from ...data.store import Store
from ...data.windows.batches import Batches
from ..config import Config
from ..model.cost import Peak, peak_flops
from ..optim.lr_schedule import learning_rate, with_steps
from ..runs.checkpoint import record_figures, rotate, save_checkpoint
from ..runs.metrics import Metrics, MetricsLog
from ..runs.progress import TrainProgress
from ..runs.resume import ResumePoint, find_resume_point
from .distributed import World, join
from .failures import explaining
from .loader import DeviceBatch, Loader
from .run import Run, TrainReport, begin
from .samples import rates, save_samples, write_samples
from .signals import StopRequest
from .splits import run_notes, training_batches, validation_parts
from .step import Interval, StepResult, train_step
from .validate import validate_each

__all__ = ["train"]

_IN_USE = "wait until it ends, or give another folder"


def train(
    store: Store,
    run_folder: Path | str,
    config: Config,
    *,
    device: str = "auto",
    resume: bool | Path | str | ResumePoint = False,
    progress: TrainProgress | None = None,
) -> TrainReport:
    """Train from the first step, or from a checkpoint, to the last step.

    SIGINT or SIGTERM stops the run gracefully: it finishes the current step, saves a
    checkpoint and returns.  A second signal raises KeyboardInterrupt at once.  Started
    by torchrun, all processes train one model.

    Args:
        store: to train on; its "val" split is evaluated along the way.
        run_folder: for all output; see run.py.
        config: every setting of the run; to resume, the one it was started with.
        device: "auto", "cpu", "cuda" or "cuda:1".
        resume: continue from the newest checkpoint in `run_folder` (True), from the
            checkpoint or run in a folder, or from a point found before.
        progress: is notified of each step; None shows nothing.

    Raises:
        ConfigError: a folder, device, store or configuration that does not fit.
        CheckpointError: nothing to resume, nothing that fits, or a full disk.
        LockedError: another process trains in `run_folder`.
        NotFiniteError: a loss or gradient became inf or nan; checkpoints are finite.
        OutOfMemoryError: the device has too little memory for a micro-batch.
    """
    run_folder = Path(run_folder)
    resume = Path(resume) if isinstance(resume, str) else resume
    with join(device) as world:
        if progress is None or not world.is_main:
            progress = TrainProgress()
        loader = Loader(training_batches(store, config, world), world.device)
        point = find_resume_point(run_folder, resume)
        with locked(run_folder, hint=_IN_USE) if world.is_main else nullcontext():
            run = begin(loader, world, run_folder, config, resume=point)
            session = _open_session(run, progress)
            is_new = not session.is_finished
            progress.start(step=run.state.step, steps=config.run.steps)
            try:
                with session.stop, loader:
                    session.train()
            finally:
                progress.finish()
                session.metrics.close()
            return run.report(is_stopped=not session.is_finished, is_new=is_new)


@dataclass(kw_only=True, slots=True)
class _Session:
    """A run with its validation data, its outputs and its stop request."""

    run: Run
    validation: dict[str, Batches]
    """Of each store that has any, by its name."""
    metrics: Metrics
    progress: TrainProgress
    stop: StopRequest
    peak: Peak

    # -- the state of the run ----------------------------------------------------------

    @property
    def world(self) -> World:
        """The processes that train together."""
        return self.run.learner.world

    @property
    def is_finished(self) -> bool:
        """Whether every step is done, with its evaluation and samples."""
        is_last = self.run.state.step == self.run.config.run.steps
        is_done = is_last or self._is_out_of_patience
        return is_done and not self._owes_evaluation and not self._owes_samples

    @property
    def _is_out_of_patience(self) -> bool:
        state, patience = self.run.state, self.run.config.run.patience
        if patience is None or state.best is None or state.validation is None:
            return False
        return state.step - state.best.step >= patience * self.run.config.run.eval_every

    @property
    def _owes_evaluation(self) -> bool:
        state, every = self.run.state, self.run.config.run.eval_every
        is_due = state.step > 0 and self._is_due(every) and state.validation is None
        return is_due and bool(self.validation)

    @property
    def _owes_samples(self) -> bool:
        state, every = self.run.state, self.run.config.run.sample_every
        if every is None or state.step == 0:
            return False
        return self._is_due(every) and state.samples is None

    def _is_due(self, every: int) -> bool:
        step = self.run.state.step
        return step % every == 0 or step == self.run.config.run.steps

    def _should_stop(self) -> bool:
        return self.world.any(self.stop.requested)

    # -- the loop ----------------------------------------------------------------------

    def train(self) -> None:
        """Do the remaining steps, or stop at a signal."""
        run = self.run
        for note in run_notes(run.loader.batches, self.validation):
            self.progress.note(note)
        if run.state.step > run.saved_step:
            self._save()  # it branched off: no other run's checkpoint is needed now
        else:
            self._rotate()  # a kill may have left something to delete
        self._pay()  # it may have been stopped between a checkpoint and its figures
        interval = self._interval()
        while not self._is_over and not self._should_stop():
            began, waited = time.perf_counter(), run.loader.waited
            batch = next(run.loader)
            waited = run.loader.waited - waited
            lr = learning_rate(
                run.state.step, run.config.optim, steps=run.config.run.steps
            )
            result = self._learn(batch, lr=lr)
            run.state = run.state.after_step(
                run.loader.state_dict(), targets=result.targets
            )
            interval.add(
                run.state.step, result, batch, lr=lr, began=began, waited=waited
            )
            self.progress.step(run.state.step)

            owes = self._owes_evaluation or self._owes_samples
            saves = owes or self._is_due(run.config.run.save_every)
            if saves or self._is_due(run.config.run.log_every):
                # Before each checkpoint too, so that the records of a resumed run
                # cover the same steps as those of an uninterrupted one.
                self._log(interval)
                interval = self._interval()
                self._keep_time()
            if saves:
                self._save()
            # After saving, so that a failed evaluation does not lose the weights.
            self._pay()
        if run.state.step > run.saved_step:
            self._log(interval)
            self._save()

    @property
    def _is_over(self) -> bool:
        is_last = self.run.state.step == self.run.config.run.steps
        return is_last or self._is_out_of_patience

    def _interval(self) -> Interval:
        size = self.world.size
        return Interval(self.run.config.model, self.peak, world_size=size)

    def _learn(self, batch: DeviceBatch, *, lr: float) -> StepResult:
        run, clip = self.run, self.run.config.optim.clip
        with explaining(run, batch, step=run.state.step + 1), run.timing(batch):
            return train_step(run.learner, batch, lr=lr, clip=clip)

    def _log(self, interval: Interval) -> None:
        if not interval.targets:
            return
        run = self.run
        # Before a checkpoint is written, so that every checkpoint is finite.
        for step, batch, result in interval.steps:
            with explaining(run, batch, step=step):
                result.require_finite()
        record = interval.record(
            step=run.state.step,
            tokens=run.state.tokens,
            seconds=run.seconds,
            eta=run.eta,
        )
        run.state = replace(run.state, train_loss=record.loss)
        self.metrics.write_step(record)
        self.progress.logged(record)

    def _keep_time(self) -> None:
        """Change the number of steps if the run would not end on time."""
        run, step = self.run, self.run.state.step
        if steps := self.world.from_main(run.fitting_steps() or 0):
            config = with_steps(run.config, step=step, steps=steps)
            run.state = replace(run.state, config=config)
            self.progress.replanned(step, steps)

    def _save(self) -> None:
        run = self.run
        run.state = replace(run.state, seconds=run.seconds)
        run.saved_step = run.state.step
        if self.world.is_main:
            run.checkpoint = save_checkpoint(
                run.folder, run.state, run.learner.model, run.learner.optimizers
            )
        self._rotate()

    def _pay(self) -> None:
        """Compute the figures that are due, and add them to the checkpoint."""
        if self._owes_evaluation:
            self._evaluate()
        if self._owes_samples:
            self._sample()

    def _evaluate(self) -> None:
        run = self.run
        self.progress.phase("evaluating")
        found = validate_each(
            run.learner, self.validation, should_stop=lambda: self.stop.requested
        )
        self.progress.phase("training")
        if found is None:
            return
        run.state = replace(run.state.after_validation(found), seconds=run.seconds)
        self.metrics.write_validation(found, run.state)
        self._record()
        self.progress.validated(run.state.step, found)

    def _sample(self) -> None:
        run = self.run
        self.progress.phase("writing")
        written = write_samples(
            run.learner.model,
            run.loader.batches.store.tokenizer,
            run.config.run.samples,
            seed=run.config.data.seed,
            should_stop=self._should_stop,
        )
        self.progress.phase("training")
        if written is None:
            return
        found = rates(written)
        run.state = replace(run.state, samples=found, seconds=run.seconds)
        if self.world.is_main:
            save_samples(run.folder, written, step=run.state.step)
        self.metrics.write_samples(found, run.state)
        self._record()
        self.progress.sampled(run.state.step, found)

    def _record(self) -> None:
        """Add the figures computed after saving to the newest checkpoint."""
        if self.world.is_main and self.run.checkpoint is not None:
            record_figures(self.run.checkpoint, self.run.state)
        self._rotate()

    def _rotate(self) -> None:
        if self.world.is_main:
            best, keep_last = self.run.state.best, self.run.config.run.keep_last
            step = best.step if best else None
            rotate(self.run.folder, keep_last=keep_last, best=step)


def _open_session(run: Run, progress: TrainProgress) -> _Session:
    world, store = run.learner.world, run.loader.batches.store
    metrics = Metrics()
    if world.is_main:
        metrics = MetricsLog(run.folder, since=run.state, history=run.history)
    return _Session(
        run=run,
        validation=validation_parts(store, run.config, world),
        metrics=metrics,
        progress=progress,
        stop=StopRequest(is_shared=world.size > 1),
        peak=peak_flops(world.device),
    )
