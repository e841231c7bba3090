"""Build HTML pages without scripts or requests.

Figures are SVG in the colours of the page, light or dark as the reader prefers.  Text
arguments are escaped; the body of a page is HTML.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .visible import to_html

__all__ = ["Bar", "bars", "page", "table"]

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
:root {{ color-scheme: light dark; --bar: #2f6db5; --other: #b9701b; }}
@media (prefers-color-scheme: dark) {{ :root {{ --bar: #6fa8e8; --other: #e0a458; }} }}
body {{ color: CanvasText; background: Canvas; font: 16px/1.4 system-ui, sans-serif;
       margin: 2rem auto; max-width: 50rem; padding: 0 1rem; }}
svg {{ width: 100%; height: auto; }}
.bars text {{ fill: currentColor; font: 13px system-ui, sans-serif; }}
.bars rect {{ fill: var(--bar); }}
.bars rect.other {{ fill: var(--other); }}
pre {{ font: 13px/1.35 ui-monospace, monospace; overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0;
         overflow-wrap: break-word; border-bottom: 1px solid color-mix(in srgb,
         currentColor 20%, transparent); }}
</style>
<h1>{title}</h1>
{body}
</html>
"""


class Bar(NamedTuple):
    """One bar of a figure."""

    label: str
    value: float
    text: str
    """Shown to the right of the bar."""
    is_other: bool = False
    """Whether to use the second colour, to compare two things."""


def page(title: str, sections: Iterable[str]) -> str:
    """A page of HTML.

    Args:
        title: as text.
        sections: as HTML.
    """
    return _PAGE.format(title=to_html(title), body="\n".join(sections))


def bars(rows: Sequence[Bar]) -> str:
    """A figure of horizontal bars, one below the other."""
    most = max((bar.value for bar in rows), default=0) or 1
    lines = []
    for number, bar in enumerate(rows):
        y, width = number * _ROW, _BARS * bar.value / most
        kind = ' class="other"' if bar.is_other else ""
        lines.append(
            f'<text x="{_LABEL - 8}" y="{y + 15}" text-anchor="end">'
            f"{to_html(bar.label)}</text>"
            f'<rect{kind} x="{_LABEL}" y="{y + 3}" width="{width:.1f}" height="16"/>'
            f'<text x="{_LABEL + width + 8:.1f}" y="{y + 15}">'
            f"{to_html(bar.text)}</text>"
        )
    box = f"0 0 {_WIDTH} {len(rows) * _ROW}"
    svg = f'<svg class="bars" viewBox="{box}" role="img">\n'
    return svg + "\n".join(lines) + "\n</svg>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts; without a header row if all `heads` are empty."""
    head = "".join(f"<th>{to_html(text)}</th>" for text in heads) if any(heads) else ""
    body = "\n".join(
        "<tr>" + "".join(f"<td>{to_html(text)}</td>" for text in row) + "</tr>"
        for row in rows
    )
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"
