"""A document as YAML, with a line of its own wherever a window begins.

    ━━ window 1 of 3: [0, 96), position 0, 96 tokens, 928 PAD ━━━━━━━━━━━━━━
    │ name: CI
    │ on: pu
    ━━ window 2 of 3: [96, 1120), position 3, 1,024 tokens, 0 PAD ━━━━━━━━━━
    ┆ sh

`│` begins a line of the YAML (`·` if no window holds it), `┆` continues the line above.
Without marks and headers the output is the YAML, to the character, but for control
and invisible characters, which are escaped.

`--json` gives an object per window: that of `window_records`, and its `text`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.cells import chop_cells
from rich.text import Text

from ...data.display.visible import visible_lines
from ...data.windows import Windows
from ...data.windows.batches import Batches
from .bars import Axis, legend_lines
from .epoch import figure_title, title, window_records
from .places import Stretch, stretches, yaml_places
from .view import WIDTH, Line, Record, View, count, fit

if TYPE_CHECKING:  # an optional dependency
    from matplotlib.figure import Figure

__all__ = ["document_title", "document_view", "yaml_lines"]

_LINE, _UNSEEN_LINE, _GOES_ON = "│ ", "· ", "┆ "
_STYLES = ("cyan", "magenta")


def document_view(batches: Batches, row: int, epoch: int) -> View:
    """Show a document to scale, then its text with the cuts of an epoch."""
    return View(
        lines=_lines(batches, row, epoch),
        records=_records(batches, row, epoch),
        figure=lambda: _figure(batches, row, epoch),
    )


def _lines(batches: Batches, row: int, epoch: int) -> Iterator[Line]:
    store = batches.store
    windows = batches.document_windows(row, epoch)
    length, context = int(store.length[row]), batches.stage(epoch).context
    axis = Axis.of(context, WIDTH, longest=length)
    yield document_title(batches, row)
    yield title(batches, epoch)
    yield ""
    yield Text(axis.labels(), style="bold")
    yield axis.ruler(None)
    bar = axis.bar(length, windows)
    yield bar
    yield from legend_lines(set(bar.plain))
    yield ""
    parts = stretches(store.tokenizer, store.tokens(row), windows)
    yield from yaml_lines(parts, windows, context)


def document_title(batches: Batches, row: int) -> Text:
    """Row, tokens, split and path."""
    store = batches.store
    split = store.docs["split"][row].as_py()
    tokens = count(int(store.length[row]), "token")
    begin = f"document {row:,} · {tokens} · {split} · "
    path = fit(store.docs["path"][row].as_py(), WIDTH - len(begin), keep_end=True)
    return Text(begin + path, style="bold")


def yaml_lines(parts: list[Stretch], windows: Windows, context: int) -> Iterator[Line]:
    """Yield the text of a document with its marks; see the module's docstring."""
    is_new_line = True
    for part in parts:
        yield _header(part, windows, context)
        style = "red" if part.window is None else _STYLES[part.window % 2]
        begin = _UNSEEN_LINE if part.window is None else _LINE
        # Not splitlines, which also breaks at characters other than \n.
        *lines, rest = part.text.split("\n")
        for line in [*lines, *([rest] if rest else [])]:
            for piece in chop_cells(visible_lines(line), WIDTH - 2) or [""]:
                mark = begin if is_new_line else _GOES_ON
                yield Text.assemble((mark, style), piece) if piece else mark.strip()
                is_new_line = False
            is_new_line = True
        if rest:
            is_new_line = False


def _header(part: Stretch, windows: Windows, context: int) -> Text:
    if part.window is None:
        tokens = count(part.end - part.start, "token")
        line = f"┅┅ never seen in this epoch: [{part.start}, {part.end}), {tokens} "
        return Text(line.ljust(WIDTH, "┅"), style="bold red")
    start, end = int(windows.start[part.window]), int(windows.end[part.window])
    line = (
        f"━━ window {part.window + 1:,} of {len(windows):,}: [{start}, {end}), "
        f"position {windows.position[part.window]}, {count(end - start, 'token')}, "
        f"{context - (end - start):,} PAD "
    )
    return Text(line.ljust(WIDTH, "━"), style=f"bold {_STYLES[part.window % 2]}")


def _records(batches: Batches, row: int, epoch: int) -> Iterator[Record]:
    windows = batches.document_windows(row, epoch)
    stops = sorted({*windows.start.tolist(), *windows.end.tolist()})
    store = batches.store
    text, places = yaml_places(store.tokenizer, store.tokens(row), stops)
    at = dict(zip(stops, places, strict=True)) | {0: 0}
    for record in window_records(windows, epoch, batches):
        yield {**record, "text": text[at[record["start"]] : at[record["end"]]]}


def _figure(batches: Batches, row: int, epoch: int) -> "Figure":
    from .figures import Bar, bars_figure

    windows = batches.document_windows(row, epoch)
    context = batches.stage(epoch).context
    length = int(batches.store.length[row])
    bars = [Bar(label="all", length=length, windows=windows, context=context)]
    for number in range(len(windows)):
        one = windows[number : number + 1]
        bars.append(
            Bar(label=f"{number + 1:,}", length=0, windows=one, context=context)
        )
    title = f"document {row:,}, {figure_title(batches, epoch)}"
    return bars_figure(
        bars,
        title=title,
        name="window",
        context=context,
        marked=None,
    )
