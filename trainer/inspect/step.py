"""A batch token by token: the inputs of the model, and the targets it has to predict.

Everything is read from `Batch.inputs`, `Batch.targets()` and the arrangement; windows
only name the document and its tokens.

`--json` gives an object per window in the order of the batch, see `_records`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.text import Text

from ...data.errors import ConfigError
from ...data.tokenizer import PAD, Tokenizer
from ...data.windows.batches import Batch, Batches
from .epoch import store_of, title
from .view import WIDTH, Line, Record, View, count, fit, wrapped

__all__ = ["BatchWindow", "batch_windows", "step_view"]

_TOKEN_WIDTH = 26


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchWindow:
    """A window's place in its batch, and the ids at that place."""

    number: int
    """Number in the batch, from 0."""
    document: int
    """Row of docs.arrow."""
    start: int
    """First token."""
    end: int
    """One past the last token."""
    number_of_pass: int
    row: int
    """Row in its pass, from 0."""
    column: int
    """Column of its first position in the row, from 0."""
    first: int
    """First position in the batch."""
    inputs: NDArray[np.uint16]
    """(tokens,) a view: the position token, then content."""
    targets: NDArray[np.uint16]
    """(tokens,) the id to predict at each."""
    is_target: NDArray[np.bool_]
    """(tokens,) whether there is an id to predict."""
    pad: int
    """PAD positions after it, up to the next window or the end of the row."""


def batch_windows(batch: Batch) -> Iterator[BatchWindow]:
    """The windows of a batch, in its order."""
    targets, is_target = batch.targets()
    lengths = batch.windows.length.tolist()
    for number, (first, length) in enumerate(
        zip(batch.arrangement.at, lengths, strict=True)
    ):
        which, row, column, row_end = _locate(batch, first)
        here = slice(first, first + length)
        behind = batch.inputs[here.stop : row_end] != PAD
        yield BatchWindow(
            number=number,
            document=int(batch.windows.document[number]),
            start=int(batch.windows.start[number]),
            end=int(batch.windows.end[number]),
            number_of_pass=which,
            row=row,
            column=column,
            first=first,
            inputs=batch.inputs[here],
            targets=targets[here],
            is_target=is_target[here],
            pad=int(behind.argmax()) if behind.any() else len(behind),
        )


def _locate(batch: Batch, position: int) -> tuple[int, int, int, int]:
    """Pass, row and column of a position, and the end of its row in the batch."""
    begin = 0
    for number, (rows, width) in enumerate(batch.arrangement.passes):
        if position < begin + rows * width:
            row, column = divmod(position - begin, width)
            return number, row, column, begin + (row + 1) * width
        begin += rows * width
    raise IndexError(f"position {position}: expected one below {begin}")


def step_view(batches: Batches, epoch: int, step: int, limit: int | None) -> View:
    """Show the windows of one rank's batch, each with its first positions.

    Args:
        batches: of the rank.
        epoch: number of the pass.
        step: number of the step in it.
        limit: most positions of each window; None for all.

    Raises:
        ConfigError: the epoch has no such step.
    """
    batch = _read_batch(batches, epoch, step)
    return View(lines=_lines(batches, batch, limit), records=_records(batches, batch))


def _read_batch(batches: Batches, epoch: int, step: int) -> Batch:
    steps = batches.num_steps(epoch)
    if step >= steps:
        problem = (
            f"--step {step}: epoch {epoch} has {count(steps, 'step')} of "
            f"{count(batches.stage(epoch).batch_size, 'window')}"
        )
        hint = f"give 0 to {steps - 1}" if steps else "choose another epoch"
        raise ConfigError(problem, hint)
    return batches.batch(epoch, step)


def _lines(batches: Batches, batch: Batch, limit: int | None) -> Iterator[Line]:
    yield from _header(batches, batch)
    tokenizer = batches.store.tokenizer
    paths = batches.store.docs["path"]
    for window in batch_windows(batch):
        yield ""
        begin = (
            f"window {window.number + 1} of {len(batch.windows)} · "
            f"document {window.document:,} · "
        )
        path = paths[window.document].as_py()
        yield Text(begin + fit(path, WIDTH - len(begin), keep_end=True), style="bold")
        yield (
            f"[{window.start}, {window.end}) · pass {window.number_of_pass}, "
            f"row {window.row}, columns {window.column} to "
            f"{window.column + len(window.inputs) - 1}"
        )
        yield from _positions(tokenizer, window, batches.stride, limit)


def _header(batches: Batches, batch: Batch) -> Iterator[Line]:
    line = (
        f"{title(batches, batch.epoch)} · seed {batches.seed} · "
        f"step {batch.step:,} of {batches.num_steps(batch.epoch):,}"
    )
    yield from (Text(part, style="bold") for part in wrapped(line, WIDTH, ""))
    passes = ", ".join(f"{b} x {width}" for b, width in batch.arrangement.passes)
    yield from wrapped(
        f"rank {batches.rank} of {batches.world_size} · "
        f"{count(len(batch.windows), 'window')} · {batches.layout}: {passes}",
        WIDTH,
        "",
    )
    num_pad = int((batch.inputs == PAD).sum())
    num_here = int(batch.targets()[1].sum())
    yield from wrapped(
        f"{count(num_here, 'target')} of {batch.num_targets:,} in the step · "
        f"{num_pad:,} of {len(batch.inputs):,} positions are PAD "
        f"({num_pad / len(batch.inputs):.1%})",
        WIDTH,
        "",
    )


def _positions(
    tokenizer: Tokenizer, window: BatchWindow, stride: int, limit: int | None
) -> Iterator[str]:
    size = len(window.inputs)
    shown = size if limit is None else min(limit, size)
    if shown:
        yield _columns("column", "input", "token", "target", "token")
    for index in range(shown):
        number, target = int(window.inputs[index]), int(window.targets[index])
        # The first input is the position token, which shares ids with content.
        text = (
            _spelled(tokenizer, number)
            if index
            else f"position: token {number * stride}"
        )
        answer = (str(target), _spelled(tokenizer, target))
        if not window.is_target[index]:
            answer = ("masked", "")
        yield _columns(str(window.column + index), str(number), text, *answer)
    if shown < size:
        yield f"{'…':>6}  {count(size - shown, 'more position')} (--limit 0 for all)"
    if window.pad:
        first = str(window.column + size)
        text = f"PAD x {window.pad:,}"
        yield _columns(first, str(PAD), text, "masked", "")


def _columns(column: str, number: str, text: str, target: str, answer: str) -> str:
    text += " " * (_TOKEN_WIDTH - cell_len(text))
    return f"{column:>6}  {number:>5}  {text}  {target:>6}  {answer}".rstrip()


def _spelled(tokenizer: Tokenizer, number: int) -> str:
    try:
        return fit(tokenizer.describe(number), _TOKEN_WIDTH)
    except KeyError:
        return "PAD" if number == PAD else "no token"


def _records(batches: Batches, batch: Batch) -> Iterator[Record]:
    paths = batches.store.docs["path"]
    for window in batch_windows(batch):
        targets = zip(window.targets.tolist(), window.is_target.tolist(), strict=True)
        yield {
            "epoch": batch.epoch,
            "step": batch.step,
            "rank": batches.rank,
            "world": batches.world_size,
            "document": window.document,
            **store_of(batches, window.document),
            "path": paths[window.document].as_py(),
            "start": window.start,
            "end": window.end,
            "context": batches.stage(batch.epoch).context,
            "pass": window.number_of_pass,
            "row": window.row,
            "column": window.column,
            "inputs": window.inputs.tolist(),
            "targets": [target if is_one else None for target, is_one in targets],
            "pad": window.pad,
        }
