"""What a run that had to stop leaves behind for whoever looks into it."""

from pathlib import Path

from ..data.files import write_json
from ..data.store import Store
from .loader import DeviceBatch

__all__ = ["FAULT_NAME", "name_documents", "write_fault"]

FAULT_NAME = "non-finite.json"

_NAMED_DOCUMENTS = 5


def write_fault(
    run_folder: Path, store: Store, batch: DeviceBatch, *, step: int, problem: str
) -> Path:
    """Write which windows the loss or gradient was no number for; returns the file.

    Args:
        run_folder: the run's folder.
        store: what it learns from.
        batch: of the step that was not done.
        step: its number in the run, from 1.
        problem: what was found.
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
    """The first documents of a batch by path, and how many more there are."""
    rows = sorted(set(batch.windows.document.tolist()))
    names = [str(store.docs["path"][row]) for row in rows[:_NAMED_DOCUMENTS]]
    more = len(rows) - len(names)
    return ", ".join(names) + (f" and {more:,} more documents" if more else "")
