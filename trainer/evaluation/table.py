"""An evaluation for people: one table of the held-out split, one of what is written."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from ...data.display.screen import Screen
from .bootstrap import Interval
from .columns import Column
from .distributions import FIELDS
from .evaluate import Evaluation
from .novelty import RUN

__all__ = ["facts", "heads", "render_evaluation", "rows"]

_NONE = "—"


def render_evaluation(found: Evaluation, screen: Screen) -> None:
    """Print how well the model predicts and what it writes."""
    _print(["", ""], facts(found), screen)
    screen.print()
    _print(heads(found), rows(found, with_seeds=False), screen)


def facts(found: Evaluation) -> list[tuple[str, str]]:
    """What is known of the held-out split."""
    held_out = found.likelihood
    return [
        ("run", f"{found.run}, step {found.step:,}, {found.parameters:,} parameters"),
        (
            "held-out",
            f"{held_out.documents:,} documents of {len(held_out.groups):,} groups, "
            f"{held_out.tokens:,} tokens",
        ),
        ("bits per byte", _interval(held_out.bits_per_byte, ".4f")),
        ("perplexity", _interval(held_out.perplexity, ",.2f")),
        ("nats per document", _interval(held_out.nats_per_document, ",.1f")),
    ]


def heads(found: Evaluation) -> list[str]:
    """Names of the columns."""
    return ["", *(column.name for column in found.columns)]


def rows(found: Evaluation, *, with_seeds: bool) -> list[list[str]]:
    """A name and one cell per column each.

    Args:
        found: the evaluation.
        with_seeds: whether a share is followed by those of the worst and the best seed.
    """
    columns = found.columns
    stages = [
        [stage.name, *_stages(columns, number, with_seeds=with_seeds)]
        for number, stage in enumerate(columns[0].funnel.stages)
    ]
    return [
        ["documents", *(f"{sum(c.funnel.documents):,}" for c in columns)],
        *stages,
        ["exact copies", *(_of(c.novelty.exact, c.novelty.documents) for c in columns)],
        [
            "near copies",
            *(_of(c.novelty.near, c.novelty.documents) for c in columns),
        ],
        [
            f"known {RUN}-token runs",
            *(_number(c.novelty.known, ".1%") for c in columns),
        ],
        ["longest run, median", *(_tokens(c.novelty.longest_median) for c in columns)],
        ["longest run, most", *(_tokens(c.novelty.longest_most) for c in columns)],
        ["median length", *(_tokens(c.median_tokens) for c in columns)],
        *(_distances(found, field) for field in FIELDS),
    ]


def _distances(found: Evaluation, field: str) -> list[str]:
    """How far each column is from the held-out one, which shows that of training."""
    real = f"train {_number(found.train_distances[field], '.2f')}"
    written = (_number(column.distances[field], ".2f") for column in found.columns[1:])
    return [f"distance: {field}", real, *written]


def _stages(
    columns: Sequence[Column], number: int, *, with_seeds: bool
) -> Iterator[str]:
    """The share of all documents of each column that passed one stage."""
    for column in columns:
        passed = column.funnel.stages[number].passed
        if passed is None:
            # Said once: it needs two lines on a narrow terminal.
            yield "not installed" if column is columns[0] else ""
            continue
        sizes = column.funnel.documents
        shares = [n / size for n, size in zip(passed, sizes, strict=True)]
        share = f"{sum(passed) / sum(sizes):.1%}"
        is_alone = len(shares) == 1 or not with_seeds
        yield share if is_alone else f"{share} ({min(shares):.0%}–{max(shares):.0%})"


def _of(count: int, total: int) -> str:
    return f"{count / total:.1%}" if total else _NONE


def _tokens(value: float | None) -> str:
    return _number(value, ",.0f")


def _number(value: float | None, form: str) -> str:
    return _NONE if value is None else format(value, form)


def _interval(interval: Interval, form: str) -> str:
    value = format(interval.value, form)
    if interval.low is None or interval.high is None:
        return f"{value} (of one group)"
    return f"{value} ({interval.low:{form}}–{interval.high:{form}})"


def _print(
    names: Sequence[str], lines: Sequence[Sequence[str]], screen: Screen
) -> None:
    table = Table(box=None, padding=(0, 1, 0, 0), show_header=any(names))
    for number, name in enumerate(names):
        is_figure = number > 0 and any(names)
        table.add_column(
            name, justify="right" if is_figure else "left", no_wrap=not number
        )
    for line in lines:
        table.add_row(*line)
    screen.print(table)
