"""The answer of a mode, and lines of 80 columns that need no colour."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.segment import Segments
from rich.text import Text

from ...data.display.screen import Screen

if TYPE_CHECKING:  # an optional dependency
    from matplotlib.figure import Figure

__all__ = [
    "WIDTH",
    "Line",
    "Record",
    "View",
    "count",
    "facts",
    "fit",
    "printable",
    "rows",
    "show",
    "wrapped",
]

WIDTH = 80

Line = Text | str
Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """The answer of a mode; nothing is computed before it is asked for."""

    lines: Iterable[Line]
    """For people."""
    records: Iterable[Record]
    """Of `--json`, one object per line."""
    figure: "Callable[[], Figure] | None" = None
    """Of `--plot`."""
    is_fine: bool = True
    """Whether each policy has what it guarantees."""


def show(lines: Iterable[Line]) -> None:
    """Print lines to stdout, without colour unless it is a terminal."""
    screen = Screen()
    for line in lines:
        text = Text(line) if isinstance(line, str) else line
        text.end = "\n"
        # As segments, since rich folds a Text and expands its tabs.
        screen.print(Segments(text.render(screen, end="\n")), end="", soft_wrap=True)


def printable(text: str) -> str:
    """Escape every character that is invisible or has no width."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if c.isprintable() and cell_len(c) else c.encode("unicode_escape").decode()
        for c in text
    )


def fit(text: str, width: int, *, keep_end: bool = False) -> str:
    """Shorten `text` to `width` columns; `…` replaces the rest."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    columns = list(accumulate(map(cell_len, reversed(text) if keep_end else text)))
    size = bisect_right(columns, width - 1)
    return "…" + text[len(text) - size :] if keep_end else text[:size] + "…"


def wrapped(text: str, width: int, indent: str) -> Iterator[str]:
    """Wrap words to lines of at most `width` columns, all but the first indented."""
    line = ""
    for word in text.split(" "):
        candidate = f"{line} {word}" if line else word
        if line.strip() and cell_len(candidate) > width:
            yield line
            candidate = indent + word
        line = candidate
    yield line


def facts(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Names and values in two columns."""
    found = list(pairs)
    width = max((len(name) for name, _ in found), default=0) + 2
    for name, value in found:
        yield f"{name:<{width}}{value}".rstrip()


def rows(table: Sequence[Sequence[str]], *, left: int = 1) -> Iterator[str]:
    """Align a table, header first; the first `left` columns to the left."""
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = []
        for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - cell_len(cell))
            cells.append(cell + space if index < left else space + cell)
        yield "  ".join(cells).rstrip()


def count(number: int, noun: str) -> str:
    """A number with its noun, in the plural unless it is 1."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
