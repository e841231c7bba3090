"""What a training epoch sees: its windows, their counts, and the text inside them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .errors import ConfigError
from .store import Split, Store
from .windows import WindowPlan, Windows

__all__ = [
    "EpochSummary",
    "document_windows",
    "epoch_windows",
    "find_document",
    "summarize",
    "window_records",
    "window_texts",
]

_SHA256_PREFIX = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochSummary:
    """Counts over all windows of an epoch."""

    epoch: int
    offset: int
    """Where documents longer than the context are cut first."""
    documents: int
    windows: int
    tokens: int
    """Content tokens of the documents."""
    targets: int
    """Content tokens of the windows."""
    covered: int
    """Content tokens that are in at least one window."""
    repeated: int
    """Targets beyond the first of the same token."""
    pad: int
    """PAD positions if every window fills a row of its own."""

    @property
    def pad_share(self) -> float:
        """PAD positions among all positions."""
        return self.pad / (self.pad + self.targets)


def epoch_windows(store: Store, split: Split, epoch: int) -> Windows:
    """All windows of an epoch, by document; `document` is a row of docs.arrow.

    Raises:
        ConfigError: the split has no document.
    """
    rows = store.rows(split)
    if not len(rows):
        raise ConfigError(
            f"{store.folder}: the {split} split has no document",
            "choose the other one with --split",
        )
    found = WindowPlan(store.length[rows], epoch=epoch).all()
    return Windows(
        document=rows[found.document],
        start=found.start,
        end=found.end,
        position=found.position,
    )


def document_windows(store: Store, row: int, epoch: int) -> Windows:
    """The windows of one document in an epoch."""
    found = WindowPlan(store.length[row : row + 1], epoch=epoch).all()
    return Windows(
        document=np.full(len(found), row),
        start=found.start,
        end=found.end,
        position=found.position,
    )


def summarize(store: Store, split: Split, epoch: int, context: int) -> EpochSummary:
    """Count an epoch's windows from the windows themselves, not from the formula."""
    windows = epoch_windows(store, split, epoch)
    rows = store.rows(split)
    tokens = int(store.length[rows].sum())
    # Windows are in order of (document, start): what one shares with those before it
    # in the same document is what it has below the furthest end so far.
    same = windows.document[1:] == windows.document[:-1]
    shared = np.where(same, windows.end[:-1] - windows.start[1:], 0).clip(min=0)
    targets = int(windows.length.sum())
    repeated = int(shared.sum())
    return EpochSummary(
        epoch=epoch,
        offset=WindowPlan(store.length[rows], epoch=epoch).offset,
        documents=len(rows),
        windows=len(windows),
        tokens=tokens,
        targets=targets,
        covered=targets - repeated,
        repeated=repeated,
        pad=len(windows) * context - targets,
    )


def window_records(
    windows: Windows, *, epoch: int, context: int
) -> Iterator[dict[str, int]]:
    """One flat record per window, for JSON lines."""
    columns = (windows.document, windows.start, windows.end, windows.position)
    for document, start, end, position in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        yield {
            "epoch": epoch,
            "document": document,
            "start": start,
            "end": end,
            "position": position,
            "pad": context - (end - start),
        }


def find_document(store: Store, name: str) -> int:
    """The row of a document by its row number, path or sha256 (six digits or more).

    Raises:
        ConfigError: no document, or several, have this name.
    """
    if name.isdecimal() and len(name) < 19 and int(name) < len(store):
        return int(name)
    paths = store.docs["path"].to_pylist()
    rows = [row for row, path in enumerate(paths) if path == name]
    if not rows and _SHA256_PREFIX.fullmatch(name):
        ids = store.docs["sha256"].to_pylist()
        rows = [row for row, digest in enumerate(ids) if digest.hex().startswith(name)]
    if len(rows) == 1:
        return rows[0]
    found = f"rows {', '.join(map(str, rows[:5]))}" if rows else "no document"
    raise ConfigError(
        f"--doc {name!r}: found {found} among {len(store):,} documents",
        "give a row of docs.arrow, the path as prepared, or the sha256",
    )


def window_texts(store: Store, windows: Windows) -> Iterator[str]:
    """The decoded text inside each window of one document, as readable JSON.

    The texts of a document's windows, in order and without overlap, are its text.
    """
    for row, start, end in zip(
        windows.document.tolist(),
        windows.start.tolist(),
        windows.end.tolist(),
        strict=True,
    ):
        ids = store.tokens(row)
        before, until = (
            store.tokenizer.decode_prefix(ids[:stop], indent=2).text
            for stop in (start, end)
        )
        yield until[len(before) :]
