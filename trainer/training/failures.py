"""Explain a failed step: which documents, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from ...data.errors import NotFiniteError, OutOfMemoryError
from ...data.files import write_json
from ...data.store import Store
from ..model.cost import fitting_micro_batch, total_memory
from .loader import DeviceBatch
from .run import Run

__all__ = ["FAULT_NAME", "explaining", "name_documents", "write_fault"]

FAULT_NAME = "non-finite.json"

_NAMED_DOCUMENTS = 5
_USABLE = 0.9  # of a GPU's memory: its context and fragmentation take the rest


@contextmanager
def explaining(run: Run, batch: DeviceBatch, *, step: int) -> Iterator[None]:
    """Add to the errors of a step where they occurred and what to do.

    Args:
        run: that the step belongs to.
        batch: of the step.
        step: its number in the run, from 1.

    Raises:
        NotFiniteError: the loss or gradient of `batch` is inf or nan; its windows are
            in RUN/non-finite.json.
        OutOfMemoryError: a micro-batch is too large; says which size should fit.
    """
    try:
        yield
    except NotFiniteError as error:
        store = run.loader.batches.store
        hint = error.hint
        if run.learner.world.is_main:
            path = write_fault(
                run.folder, store, batch, step=step, problem=error.problem
            )
            hint += f"; all windows are in {path}"
        documents = name_documents(store, batch)
        problem = f"step {step:,}: {error.problem}, in {documents}"
        raise NotFiniteError(problem, hint) from error
    except torch.OutOfMemoryError as error:
        rows, device = run.loader.batches.rows, run.learner.world.device
        raise OutOfMemoryError(
            f"step {step:,}: found no room on {device} for micro-batches of "
            f"{rows:,} rows",
            _smaller(run, rows),
        ) from error


def _smaller(run: Run, rows: int) -> str:
    """The hint for micro-batches of `rows` that do not fit."""
    if rows == 1:
        return "choose a smaller model, a shorter model.context or another device"
    fitting = fitting_micro_batch(
        run.config,
        dtype=run.learner.model.compute_dtype,
        limit=int(_USABLE * total_memory(run.learner.world.device)),
    )
    # The estimate may be too low; the size that failed is known not to fit.
    fitting = min(fitting, rows // 2)
    return f"continue with --resume --micro-batch {fitting}, which learns the same"


def write_fault(
    run_folder: Path, store: Store, batch: DeviceBatch, *, step: int, problem: str
) -> Path:
    """List the windows of a failed step in RUN/non-finite.json; returns the file.

    Args:
        run_folder: the run's folder.
        store: that it trains on.
        batch: of the step, which changed no weight.
        step: its number in the run, from 1.
        problem: found in it.
    """
    windows = batch.windows
    columns = (windows.document, windows.start, windows.end)
    path = run_folder / FAULT_NAME
    write_json(
        path,
        {
            "step": step,
            "epoch": batch.epoch,
            "step_in_epoch": batch.step,
            "problem": problem,
            "windows": [
                {
                    "document": row,
                    "path": store.docs["path"][row].as_py(),
                    "sha256": store.docs["sha256"][row].as_py().hex(),
                    "start": start,
                    "end": end,
                }
                for row, start, end in zip(*(c.tolist() for c in columns), strict=True)
            ],
        },
    )
    return path


def name_documents(store: Store, batch: DeviceBatch) -> str:
    """The paths of the first documents of a batch, and the number of the others."""
    rows = sorted(set(batch.windows.document.tolist()))
    names = [str(store.docs["path"][row]) for row in rows[:_NAMED_DOCUMENTS]]
    more = len(rows) - len(names)
    return ", ".join(names) + (f" and {more:,} more documents" if more else "")
