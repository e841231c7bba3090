"""Compare runs at equal tokens.

Steps have more tokens under one policy than under another, so runs are compared after
an equal number: the most that every run was evaluated after.  Bits per byte are
interpolated linearly between evaluations.  They compare across tokenizers, as long as
the validation documents are the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...data.display.screen import Screen
from ...data.display.tables import columns_table
from .history import History

__all__ = ["Comparison", "RunFigures", "compare", "render_comparison"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFigures:
    """The figures of one run."""

    run: str
    windows: str
    """The policy that cut documents."""
    parameters: int
    steps: int
    """Done so far."""
    windows_per_epoch: tuple[int, int]
    """Fewest and most."""
    tokens: int
    """Predicted so far."""
    passes: float
    """The same in multiples of the training split's tokens."""
    tokens_per_s: float | None
    train_loss: float | None
    """Nats per token between the last two evaluations."""
    val_loss: float | None
    """Nats per token in the last evaluation."""
    best_val_loss: float | None
    gap: float | None
    """`val_loss` minus `train_loss`: a measure of overfitting."""
    bits_per_byte: float | None
    """Of the validation split, in the last evaluation."""
    bits_per_byte_at_equal_tokens: float | None
    store: str
    """Digest of the store."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The figures of several runs."""

    equal_tokens: int | None
    """Tokens at which they are compared; None if they cannot be."""
    obstacle: str | None
    """Why they cannot be compared."""
    runs: list[RunFigures]


def compare(histories: Sequence[History], names: Sequence[str]) -> Comparison:
    """Put the figures of some runs side by side.

    Args:
        histories: of at least one run.
        names: of the runs, as shown.
    """
    obstacle = _obstacle(histories, names)
    tokens = None
    if obstacle is None:
        tokens = int(min(h.evaluations["tokens"][-1] for h in histories))
    figures = [
        _figures(history, name, tokens)
        for history, name in zip(histories, names, strict=True)
    ]
    return Comparison(equal_tokens=tokens, obstacle=obstacle, runs=figures)


def _obstacle(histories: Sequence[History], names: Sequence[str]) -> str | None:
    """The reason why runs cannot be compared at equal tokens, if there is one."""
    for history, name in zip(histories, names, strict=True):
        if not len(history.evaluations):
            return f"{name} has no evaluation yet"
    sizes = [_validation_bytes(history) for history in histories]
    for size, name in zip(sizes, names, strict=True):
        if size != sizes[0]:
            return (
                f"validation splits differ: {sizes[0]:,} bytes of {names[0]}, "
                f"{size:,} of {name}"
            )
    first = max(history.evaluations["tokens"][0] for history in histories)
    if first > min(history.evaluations["tokens"][-1] for history in histories):
        return "evaluations of different runs do not overlap"
    return None


def _validation_bytes(history: History) -> int:
    """Canonical bytes of the validation split, recovered from its figures."""
    found = history.evaluations
    nats = found["val_loss"][-1] * found["val_tokens"][-1]
    return round(float(nats / math.log(2) / found["bits_per_byte"][-1]))


def _figures(history: History, name: str, equal_tokens: int | None) -> RunFigures:
    train, evaluations = history.train, history.evaluations
    seen = int(train["tokens"][-1]) if len(train) else 0
    rate = bits = val_loss = best = at_equal = None
    if len(train):
        seconds = train["targets"] / train["tokens_per_s"]
        rate = float(train["targets"].sum() / seconds.sum())
    if len(evaluations):
        bits = float(evaluations["bits_per_byte"][-1])
        val_loss = float(evaluations["val_loss"][-1])
        best = float(evaluations["val_loss"].min())
    if equal_tokens is not None:
        curve = evaluations["tokens"], evaluations["bits_per_byte"]
        at_equal = float(np.interp(equal_tokens, *curve))
    train_loss = _train_loss(history)
    return RunFigures(
        run=name,
        windows=history.config.data.windows,
        parameters=history.config.model.parameters,
        steps=int(train["step"][-1]) if len(train) else 0,
        windows_per_epoch=history.windows_per_epoch,
        tokens=seen,
        passes=seen / history.tokens,
        tokens_per_s=rate,
        train_loss=train_loss,
        val_loss=val_loss,
        best_val_loss=best,
        gap=None if train_loss is None or val_loss is None else val_loss - train_loss,
        bits_per_byte=bits,
        bits_per_byte_at_equal_tokens=at_equal,
        store=history.store,
    )


def _train_loss(history: History) -> float | None:
    """Mean over the tokens between the last two evaluations."""
    train, steps = history.train, history.evaluations["step"]
    if not len(steps):
        return None
    begin = steps[-2] if len(steps) > 1 else 0
    between = (train["step"] > begin) & (train["step"] <= steps[-1])
    targets = train["targets"][between]
    if not targets.sum():
        return None
    return float((train["loss"][between] * targets).sum() / targets.sum())


def render_comparison(found: Comparison, screen: Screen) -> None:
    """Print one column per run."""
    rows = ((name, *cells) for name, cells in _rows(found))
    screen.print(columns_table(rows, width=1 + len(found.runs)))


def _rows(found: Comparison) -> list[tuple[str, list[str]]]:
    runs = found.runs
    at = "…" if found.equal_tokens is None else f"{found.equal_tokens:,}"
    several_stores = len({run.store for run in runs}) > 1
    rows = [
        ("run", [run.run for run in runs]),
        ("windows", [run.windows for run in runs]),
        ("parameters", [f"{run.parameters:,}" for run in runs]),
        ("steps", [f"{run.steps:,}" for run in runs]),
        ("windows per epoch", [_range(*run.windows_per_epoch) for run in runs]),
        ("tokens seen", [f"{run.tokens:,}" for run in runs]),
        ("passes over the data", [f"{run.passes:,.2f}" for run in runs]),
        ("tokens/s", [_number(run.tokens_per_s, ",.0f") for run in runs]),
        ("training loss", [_number(run.train_loss, ".4f") for run in runs]),
        ("validation loss", [_number(run.val_loss, ".4f") for run in runs]),
        ("best evaluation", [_number(run.best_val_loss, ".4f") for run in runs]),
        ("overfitting gap", [_number(run.gap, "+.4f") for run in runs]),
        ("bits per byte", [_number(run.bits_per_byte, ".4f") for run in runs]),
        (
            f"at {at} tokens",
            [_number(run.bits_per_byte_at_equal_tokens, ".4f") for run in runs],
        ),
    ]
    if several_stores:
        rows.insert(2, ("store", [run.store[:12] for run in runs]))
    return rows


def _range(fewest: int, most: int) -> str:
    return f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"


def _number(value: float | None, form: str) -> str:
    return "—" if value is None else format(value, form)
