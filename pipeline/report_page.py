"""The summary of a store as one page of HTML: its own figures, no scripts, no requests.

Figures are SVG in the colours of the page, which follows the reader's choice of light
or dark.  Every text that comes from the inputs is escaped.
"""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import RenderableType

from ..data.files import write_atomic
from ..data.store import Store
from .insight import write_report
from .prepare import PrepareReport
from .report import duplicate_rows, prepare_table

__all__ = ["page", "show", "write_page"]

_ROW, _LABEL, _BARS, _WIDTH = 22, 190, 340, 760  # pixels
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --bar: #2f6db5; }}
@media (prefers-color-scheme: dark) {{ :root {{ --bar: #6fa8e8; }} }}
body {{ color: CanvasText; background: Canvas; font: 16px/1.4 system-ui, sans-serif;
       margin: 2rem auto; max-width: 50rem; padding: 0 1rem; }}
svg {{ width: 100%; height: auto; }}
text {{ fill: currentColor; font: 13px system-ui, sans-serif; }}
rect {{ fill: var(--bar); }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0;
         overflow-wrap: break-word; border-bottom: 1px solid color-mix(in srgb,
         currentColor 20%, transparent); }}
</style>
<h1>{title}</h1>
{body}
</html>
"""


class _Bar(NamedTuple):
    label: str
    value: float
    text: str


def write_page(path: Path, store: Path, found: dict[str, Any]) -> None:
    """Write the page, atomically.

    Args:
        path: of the page.
        store: which is named in its title.
        found: the `insight` into the store.
    """
    text = page(store.name, found)
    write_atomic(path, lambda file: file.write(text.encode()))


def show(report: PrepareReport, path: Path | None) -> RenderableType | None:
    """Keep the insight into what was prepared, as a page too if there is a path.

    Returns:
        the summary for the terminal; None for a store that was up to date.
    """
    if report.up_to_date and path is None:
        return None
    store = Store.open(report.store, verify="sizes")
    found = write_report(store)
    if path is not None:
        write_page(path, report.store, found)
    return None if report.up_to_date else prepare_table(report, store, found)


def page(name: str, found: dict[str, Any]) -> str:
    """The page as HTML."""
    sections = [
        _table(["", ""], _facts(found)),
        "<h2>Tokens per document</h2>",
        _bars(_length_bars(found["lengths"]["histogram"])),
        "<h2>Bytes per token, by top-level key</h2>",
        _bars(_compression_bars(found["compression"])),
        "<h2>Rejected inputs</h2>",
        *_rejects(found["rejects"]),
        "<h2>What breaks the schema</h2>",
        _table(
            ["documents", "what"],
            [(f"{v['documents']:,}", v["what"]) for v in found["violations"]],
        ),
    ]
    return _PAGE.format(title=escape(f"Store {name}"), body="\n".join(sections))


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    lengths, windows = found["lengths"], found["windows_per_epoch"]
    rows = [
        ("inputs", f"{found['inputs']:,}"),
        ("documents", f"{found['documents']:,}"),
    ]
    for split, part in found["splits"].items():
        rows.append(
            (split, f"{part['documents']:,} documents, {part['tokens']:,} tokens")
        )
    rows += [
        ("on schema", f"{found['on_schema']['share']:.1%} of documents"),
        (
            "tokens per document",
            f"{lengths['mean']:,.0f} mean, {lengths['median']:,.0f} median, "
            f"{lengths['p90']:,.0f} p90, {lengths['p99']:,.0f} p99, "
            f"{lengths['most']:,} most",
        ),
        *duplicate_rows(found["duplicates"]),
    ]
    if windows:
        count = f"{min(windows):,} to {max(windows):,}"
        rows.append(
            ("windows per epoch", f"{count} (train, {len(windows)} alignments)")
        )
    rows.append(("digest", found["store"]))
    return rows


def _length_bars(histogram: dict[str, int]) -> list[_Bar]:
    limits = list(histogram)
    while not histogram[limits[0]]:
        limits.pop(0)
    return [
        _Bar(f"up to {int(limit):,}", histogram[limit], f"{histogram[limit]:,}")
        for limit in limits
    ]


def _compression_bars(keys: Sequence[dict[str, Any]]) -> list[_Bar]:
    bars = []
    for key in keys:
        ratio = key["bytes"] / key["tokens"]
        counts = f"{key['bytes']:,} bytes, {key['tokens']:,.0f} tokens"
        bars.append(_Bar(key["key"], ratio, f"{ratio:.1f}  ({counts})"))
    return bars


def _rejects(rejects: Sequence[dict[str, Any]]) -> list[str]:
    if not rejects:
        return ["<p>None.</p>"]
    bars = [_Bar(r["reason"], r["count"], f"{r['count']:,}") for r in rejects]
    rows = [(r["reason"], r["example"], r["message"]) for r in rejects]
    return [_bars(bars), _table(["reason", "the first", "message"], rows)]


def _bars(bars: Sequence[_Bar]) -> str:
    """A figure of horizontal bars, one below the other."""
    most = max((bar.value for bar in bars), default=0) or 1
    lines = []
    for number, bar in enumerate(bars):
        y, width = number * _ROW, _BARS * bar.value / most
        lines.append(
            f'<text x="{_LABEL - 8}" y="{y + 15}" text-anchor="end">'
            f"{escape(bar.label)}</text>"
            f'<rect x="{_LABEL}" y="{y + 3}" width="{width:.1f}" height="16"/>'
            f'<text x="{_LABEL + width + 8:.1f}" y="{y + 15}">{escape(bar.text)}</text>'
        )
    box = f"0 0 {_WIDTH} {len(bars) * _ROW}"
    return f'<svg viewBox="{box}" role="img">\n' + "\n".join(lines) + "\n</svg>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads) if any(heads) else ""
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>"
        for row in rows
    )
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"
