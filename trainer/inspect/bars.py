"""Draw documents to scale on an axis of tokens, each window a segment of a bar.

    0       1024    2048
    ├▼──────┼───────┼──────      ▼ the offset of the epoch
    ┣┣━━━━━━━┣━━━━━━━┣━━░░░░░    ┣ a window begins, ░ PAD behind the last one

`┣` separates windows; their colours alternate as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.text import Text

from ...data.windows import Windows
from .view import WIDTH

__all__ = ["Axis", "legend_lines", "sample_documents"]

CUT, TRAINED, AGAIN, UNSEEN, PAD, MORE = "┣━≡·░…"
_LEGEND = {
    CUT: "a window begins",
    TRAINED: "trained",
    AGAIN: "trained more than once",
    UNSEEN: "never seen in this epoch",
    PAD: "PAD",
    MORE: "goes on",
}
_STYLES = ("cyan", "magenta")
_PLAIN = {AGAIN: "yellow", UNSEEN: "red", PAD: "dim", MORE: "dim", " ": ""}


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """An axis of tokens; a column is `scale` tokens wide."""

    width: int
    """Columns."""
    scale: int
    """Tokens per column; divides `context`, or is a multiple of it."""
    context: int
    """C, tokens from one tick to the next."""

    @staticmethod
    def of(context: int, width: int, longest: int | None = None) -> "Axis":
        """An axis of eight columns per context, or one that fits `longest` tokens."""
        scale = max(1, context // 8)
        if longest is not None:
            scale = max(1, context // 32)
            while scale * width < longest:
                scale *= 2
        return Axis(width=width, scale=scale, context=context)

    def labels(self) -> str:
        """Token numbers above the ticks, as many as fit."""
        line = ""
        for column in self._ticks():
            label = str(column * self.scale)
            gap = 1 if line else 0
            if column >= len(line) + gap and column + len(label) <= self.width:
                line = line.ljust(column) + label
        return line

    def ruler(self, offset: int | None) -> Text:
        """The axis, with the offset on it if there is one."""
        line = ["─"] * self.width
        for column in self._ticks():
            line[column] = "┼"
        line[0] = "├"
        if offset is not None:
            line[min(self.width - 1, self._column(offset))] = "▼"
        text = Text("".join(line), style="dim")
        text.highlight_words("▼", "bold not dim")
        return text

    def bar(self, length: int, windows: Windows) -> Text:
        """Draw a document.

        Args:
            length: tokens of the document.
            windows: of this document, ascending; they may overlap.
        """
        middles = (np.arange(self.width) + 0.5) * self.scale
        held = (middles >= windows.start[:, None]) & (middles < windows.end[:, None])
        marks = self._marks(length, held.sum(axis=0), middles, windows)
        # The first window that holds each column decides its colour.
        numbers = (held.cumsum(axis=0) == 0).sum(axis=0)
        previous, furthest = -1, 0
        for number, (start, end) in enumerate(
            zip(windows.start.tolist(), windows.end.tolist(), strict=True)
        ):
            # A window narrower than a column still gets one, unless others cover it.
            column = max(previous + 1, self._column(start))
            if start >= furthest and column < self.width:
                previous, marks[column] = column, CUT
                numbers[column] = number
            furthest = max(furthest, end)
        if length > self.width * self.scale:
            marks[-1] = MORE
        return _styled(marks, numbers)

    def _ticks(self) -> range:
        return range(0, self.width, max(1, self.context // self.scale))

    def _column(self, token: int) -> int:
        return (2 * token + self.scale) // (2 * self.scale)

    def _marks(
        self,
        length: int,
        times: NDArray[np.int64],
        middles: NDArray[np.floating[Any]],
        windows: Windows,
    ) -> list[str]:
        """The mark for the token in the middle of each column."""
        marks = np.where(times > 1, AGAIN, np.where(times > 0, TRAINED, UNSEEN))
        room = int(windows.start[-1]) + self.context if len(windows) else 0
        beyond = middles >= length
        marks = np.where(beyond, np.where(middles < room, PAD, " "), marks)
        found: list[str] = marks.tolist()
        if found[0] in (PAD, " ") and length:  # less than half a column
            found[0] = TRAINED if len(windows) else UNSEEN
        return found


def sample_documents(
    lengths: NDArray[np.int64], limit: int, context: int
) -> NDArray[np.int64]:
    """Sample documents of all lengths, the shortest first; indices into `lengths`.

    Half of them fit into one window, if there are enough of both kinds.  The sample has
    the shortest and the longest document, and those on both sides of the context.
    """
    order = np.argsort(lengths, kind="stable")
    num_short = int((lengths <= context).sum())
    num_long = len(lengths) - num_short
    limit = min(limit, len(lengths))
    take_long = min(num_long, max(limit // 2, limit - num_short))
    short = _spread(num_short, limit - take_long)
    long = num_short + _spread(num_long, take_long)
    return np.concatenate([order[short], order[long]])


def _spread(size: int, count: int) -> NDArray[np.int64]:
    """`count` different numbers below `size`, evenly spread, with both ends."""
    if count == 1:
        return np.array([size - 1])
    return np.linspace(0, size - 1, count).round().astype(np.int64)


def legend_lines(used: set[str]) -> Iterator[str]:
    """Explain the marks that were used."""
    parts = [f"{mark} {text}" for mark, text in _LEGEND.items() if mark in used]
    line = ""
    for part in parts:
        if line and cell_len(line) + 3 + cell_len(part) > WIDTH:
            yield line
            line = ""
        line = f"{line}   {part}" if line else part
    if line:
        yield line


def _styled(marks: list[str], numbers: NDArray[np.int64]) -> Text:
    text = Text()
    for mark, number in zip(marks, numbers.tolist(), strict=True):
        text.append(mark, style=_PLAIN.get(mark, _STYLES[number % len(_STYLES)]))
    text.rstrip()
    return text
