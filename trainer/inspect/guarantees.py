"""All policies compared over C / s epochs, and what they promise."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from ...data.inspection import Claim, PolicyCounts
from ...data.windows.batches import Batches
from ...data.windows.layouts import LAYOUTS
from .canvas import WIDTH, count, rows, wrapped

__all__ = ["claim_lines", "promise_lines", "promise_table"]


def promise_lines(
    batches: Batches, counts: Sequence[PolicyCounts], claims: Sequence[Claim]
) -> Iterator[Text | str]:
    """A column per policy, then a sentence per claim."""
    first = counts[0]
    line = (
        f"{first.epochs} epochs of {count(first.documents, 'document')} "
        f"({batches.split}), {count(first.tokens, 'token')}"
    )
    yield Text(line, style="bold")
    yield (
        f"{batches.batch_size} windows per step, seed {batches.seed}, "
        f"passes of at most {count(first.rows, 'row')}"
    )
    yield ""
    yield from rows(promise_table(counts))
    yield ""
    yield from claim_lines(claims)


def promise_table(counts: Sequence[PolicyCounts]) -> list[list[str]]:
    """Rows of cells: names of the policies, then a row per number."""
    columns = [_column(each) for each in counts]
    table = [["", *(each.policy for each in counts)]]
    for name in columns[0]:
        table.append([name, *(column[name] for column in columns)])
    return table


def _column(counts: PolicyCounts) -> dict[str, str]:
    fewest, mean, most = counts.views
    pads = {f"PAD, {layout}": f"{counts.pad_share[layout]:.1%}" for layout in LAYOUTS}
    return {
        "windows, fewest": f"{counts.windows[0]:,}",
        "windows, most": f"{counts.windows[1]:,}",
        "tokens never seen": f"{counts.never:,}",
        "missed per epoch": f"{counts.missed_share:.2%}",
        "again in an epoch": f"{counts.repeated_share:.2%}",
        "views, fewest": f"{fewest:,}",
        "views, mean": f"{mean:,.1f}",
        "views, most": f"{most:,}",
        "alignments": _range(counts.alignments),
        "beginnings": f"{counts.beginnings_share:.1%}",
        **pads,
    }


def _range(numbers: tuple[int, int] | None) -> str:
    if numbers is None:
        return "none"
    fewest, most = numbers
    return f"{fewest}" if fewest == most else f"{fewest} to {most}"


def claim_lines(claims: Sequence[Claim]) -> Iterator[Text | str]:
    """Whether each holds; a promise that does not is `BROKEN`."""
    for claim in claims:
        word = "holds" if claim.holds else "not so"
        style = "green" if claim.holds else ""
        if claim.is_promised and not claim.holds:
            word, style = "BROKEN", "bold red"
        lines = wrapped(f"{claim.policy}: {claim.text}", WIDTH - 8, "  ")
        for index, line in enumerate(lines):
            yield Text.assemble(((word if not index else "").ljust(8), style), line)
