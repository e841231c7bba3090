"""A batch token by token: what goes into the model, and what it is to answer."""

from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

from ...data.errors import ConfigError
from ...data.inspection import BatchWindow, batch_windows
from ...data.tokenizer import PAD, Tokenizer
from ...data.windows.batches import Batch, Batches
from .canvas import WIDTH, count, fit, wrapped
from .epoch import title

__all__ = ["read_batch", "step_lines"]

_TOKEN_WIDTH = 26


def read_batch(batches: Batches, epoch: int, step: int) -> Batch:
    """One rank's batch of a step.

    Raises:
        ConfigError: the epoch has no such step.
    """
    steps = batches.num_steps(epoch)
    if step >= steps:
        problem = (
            f"--step {step}: epoch {epoch} has {count(steps, 'step')} of "
            f"{count(batches.batch_size, 'window')}"
        )
        hint = f"give 0 to {steps - 1}" if steps else "choose another epoch"
        raise ConfigError(problem, hint)
    return batches.batch(epoch, step)


def step_lines(
    batches: Batches, batch: Batch, *, limit: int | None
) -> Iterator[Text | str]:
    """The windows of a batch, each with its first positions.

    Args:
        batches: of the batch.
        batch: what `read_batch` gave.
        limit: most positions of each window; None for all.
    """
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


def _header(batches: Batches, batch: Batch) -> Iterator[Text | str]:
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
        # The first one says where the window begins; it shares ids with the others.
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
