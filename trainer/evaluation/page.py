"""Format an evaluation as one page of HTML: tables, figures, and samples to read."""

from collections.abc import Iterator
from html import escape
from pathlib import Path

from ...data.display import html as pages
from ...data.display.visible import to_html, visible_lines
from ...data.files import write_atomic
from .columns import NEAR, Column, Example
from .evaluate import Evaluation
from .novelty import RUN
from .table import facts, heads, rows

__all__ = ["page", "write_page"]

_MOST_GROUPS = _MOST_VALUES = 15
_LONGEST_LABEL = 26  # characters


def write_page(path: Path, found: Evaluation) -> None:
    """Write the page, atomically."""
    text = page(found)
    write_atomic(path, lambda file: file.write(text.encode()))


def page(found: Evaluation) -> str:
    """The page as HTML."""
    real, written = found.columns[0], found.columns[1]
    return pages.page(
        f"Evaluation of {found.run}",
        [
            pages.table(["", ""], [*facts(found), ("store", found.store)]),
            "<h2>Bits per byte of the largest groups</h2>",
            pages.bars(_groups(found)),
            "<h2>Samples and held-out documents</h2>",
            "<p>Shares are of all documents, failures included; in brackets those of "
            "the worst and the best seed.  Copies are of training documents: a near "
            f"copy has {NEAR:.0%} of its {RUN}-token runs there.  Distances are total "
            "variation from the held-out documents.</p>",
            pages.table(heads(found), rows(found, with_seeds=True)),
            "<h2>Documents that pass each stage</h2>",
            "<p>The share that passed a stage and all before it; alone, the whole "
            "documents that pass it, whatever the other stages say.</p>",
            *(_funnel(column) for column in found.columns),
            "<h2>Contents</h2>",
            f"<p>Share of documents: {to_html(real.name)}, and in the other colour "
            f"{to_html(written.name)}.</p>",
            *_compared(found),
            "<h2>Complaints</h2>",
            pages.table(["judge", "version"], _judges(found)),
            pages.table(
                ["documents", "judge", "count", "complaint"],
                [row for column in found.columns for row in _complaints(column)],
            ),
            f"<h2>Samples: {to_html(written.name)}</h2>",
            *(_example(n, one) for n, one in enumerate(written.examples)),
        ],
    )


def _groups(found: Evaluation) -> list[pages.Bar]:
    return [
        pages.Bar(
            _label(group.group),
            group.bits_per_byte,
            f"{group.bits_per_byte:.3f}  ({group.documents:,} documents, "
            f"{group.canonical_bytes:,} bytes)",
        )
        for group in found.likelihood.groups[:_MOST_GROUPS]
    ]


def _funnel(column: Column) -> str:
    total = sum(column.funnel.documents)
    bars = [pages.Bar("documents", 1.0, f"{total:,}")]
    for stage in column.funnel.stages:
        if stage.passed is None:
            bars.append(pages.Bar(stage.name, 0.0, "not installed"))
            continue
        share = sum(stage.passed) / total
        alone = f"alone {stage.right:,} of {column.funnel.whole:,}"
        bars.append(pages.Bar(stage.name, share, f"{share:.1%}  ({alone})"))
    endings = ", ".join(f"{n:,} {name}" for name, n in column.funnel.endings.items())
    title = f"<h3>{to_html(column.name)}</h3>\n<p>{to_html(endings)}</p>\n"
    return title + pages.bars(bars)


def _compared(found: Evaluation) -> Iterator[str]:
    real, written = found.columns[0], found.columns[1]
    for field in found.train_distances:
        is_number = field in found.numbers
        names = list(real.values[field])[:_MOST_VALUES]
        others = list(written.values[field])[:_MOST_VALUES]
        names += [name for name in others if name not in names]
        if is_number:
            names.sort(key=lambda name: int(name.replace(",", "")))
        bars = []
        for name in names:
            label = f"up to {name}" if is_number else _label(name)
            for column, is_other in ((real, False), (written, True)):
                share = _share(column, field, name)
                bars.append(
                    pages.Bar(
                        "" if is_other else label, share, f"{share:.1%}", is_other
                    )
                )
        yield f"<h3>{to_html(field[:1].upper() + field[1:])}</h3>\n{pages.bars(bars)}"


def _label(name: str) -> str:
    """Shorten a name to its last characters."""
    if not name:
        return "(empty)"
    return name if len(name) <= _LONGEST_LABEL else "…" + name[1 - _LONGEST_LABEL :]


def _share(column: Column, field: str, name: str) -> float:
    return column.values[field].get(name, 0) / max(1, column.funnel.whole)


def _judges(found: Evaluation) -> Iterator[tuple[str, str]]:
    for name, version in found.judges.items():
        yield name, version or "not installed"


def _complaints(column: Column) -> Iterator[tuple[str, str, str, str]]:
    found = [(stage.name, stage.complaints) for stage in column.funnel.stages]
    found.append(("zizmor", column.audits or []))
    for judge, complaints in found:
        for text, count in complaints:
            yield column.name, judge, f"{count:,}", text


def _example(number: int, one: Example) -> str:
    known = "" if one.known is None else f", {one.known:.0%} of its runs known"
    copied = ", a copy of a training document" if one.is_exact else ""
    faults = [
        f"{name}: {text}" for name, texts in one.complaints.items() for text in texts
    ]
    said = (
        f"{one.tokens:,} tokens, {one.ending}{known}, longest {one.longest:,}{copied}"
    )
    lines = "".join(f"<li>{to_html(fault)}</li>" for fault in faults)
    return (
        f"<details{' open' if number == 0 else ''}>"
        f"<summary>Sample {number}: {to_html(said)}</summary>\n"
        f"<ul>{lines}</ul>\n<pre>\n{escape(visible_lines(one.text))}</pre>\n</details>"
    )
