"""Tables for the terminal: facts in two columns, or figures side by side."""

from collections.abc import Iterable, Sequence

from rich.table import Table

from ..files import name_text

__all__ = ["columns_table", "facts_table"]


def facts_table(title: str = "", rows: Iterable[tuple[str, str]] = ()) -> Table:
    """A table of names and values; more rows can be added."""
    table = Table(
        title=name_text(title),
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        show_header=False,
    )
    table.add_column("name", no_wrap=True)
    table.add_column("value", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def columns_table(
    rows: Iterable[Sequence[str]],
    *,
    width: int,
    heads: Sequence[str] = (),
    gap: int = 2,
) -> Table:
    """A table whose rows are a name and one figure for each thing.

    Args:
        rows: `width` cells each.
        width: number of columns, the names included.
        heads: of the columns; without them there is no header.
        gap: blanks between columns.
    """
    padding = (0, gap, 0, 0)
    table = Table(box=None, padding=padding, pad_edge=False, show_header=bool(heads))
    for number in range(width):
        table.add_column(
            heads[number] if heads else "",
            justify="right" if number else "left",
            no_wrap=not number,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*row)
    return table
