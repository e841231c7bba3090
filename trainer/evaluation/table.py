"""Print an evaluation: a table of the likelihood, and one of the documents."""

from collections.abc import Iterator, Sequence

from ...data.display.screen import Screen
from ...data.display.tables import columns_table, facts_table
from .columns import Column
from .evaluate import Evaluation
from .likelihood import Diagnosis, Interval
from .novelty import RUN

__all__ = ["facts", "heads", "render_evaluation", "rows"]

_NONE = "—"


def render_evaluation(found: Evaluation, screen: Screen) -> None:
    """Print the likelihood, then one column per set of documents."""
    screen.print(facts_table(rows=facts(found)))
    screen.print()
    names, lines = heads(found), rows(found, with_seeds=False)
    # Five columns have to fit 80 characters.
    screen.print(columns_table(lines, width=len(names), heads=names, gap=1))


def facts(found: Evaluation) -> list[tuple[str, str]]:
    """The figures of the held-out split, by name."""
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
        *_diagnosis(found.diagnosis),
    ]


def _diagnosis(found: Diagnosis | None) -> list[tuple[str, str]]:
    if found is None:
        return []
    bits = ", ".join(f"{name} {share:.0%}" for name, share in found.bits.items())
    return [
        ("off the masks", f"{found.inadmissible:.2%} of the probability"),
        (
            "predicted ends",
            f"{found.ends_there:.2f} per document at its end, "
            f"{found.ends_before:.2f} before",
        ),
        ("bits by token", bits),
    ]


def heads(found: Evaluation) -> list[str]:
    """The names of the columns."""
    return ["", *(column.name for column in found.columns)]


def rows(found: Evaluation, *, with_seeds: bool) -> list[list[str]]:
    """The rows of the table: a name, and one cell per column.

    Args:
        found: the evaluation.
        with_seeds: append the shares of the worst and the best seed.
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
        ["longest text, median", *(_tokens(c.longest_text) for c in columns)],
        *(_distances(found, field) for field in found.train_distances),
    ]


def _distances(found: Evaluation, field: str) -> list[str]:
    """The distance of each column; the held-out one shows that of training instead."""
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
            # Only once: it takes two lines on a narrow terminal.
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
