"""Arguments and options shared by the commands of this room."""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # commands import what they need when they run
    from ..sources import Condition, Source

__all__ = ["PATH", "source_options", "sources_argument", "tokenizer_option"]

PATH = click.Path(path_type=Path)


def _read_sources(
    ctx: click.Context, param: click.Parameter, value: Sequence[str]
) -> "Sequence[Source]":
    from ..sources import listed_sources

    return listed_sources(value, sys.stdin.buffer)


def _read_conditions(
    ctx: click.Context, param: click.Parameter, value: Sequence[str]
) -> "tuple[Condition, ...]":
    from ..sources import Condition

    return tuple(map(Condition.parse, value))


sources_argument = click.argument(
    "sources", nargs=-1, required=True, metavar="SOURCE…", callback=_read_sources
)


_links_option = click.option(
    "--follow-links",
    is_flag=True,
    help="Follow links that lead out of a source folder or point to a folder.",
)
_history_option = click.option(
    "--history",
    is_flag=True,
    help="Read every version of the workflows in git repositories, not only those "
    "at HEAD.",
)
_text_option = click.option(
    "--text-column",
    metavar="NAME",
    help="Column that holds the workflow, such as text or run.file.  [default: text]",
)
_group_option = click.option(
    "--group-column",
    metavar="NAME",
    help="Column that holds the repository; documents of a group stay in one "
    "split.  [default: repo, if there is such a column]",
)
_texts_option = click.option(
    "--texts",
    type=PATH,
    metavar="FOLDER",
    help="The text column names files in this folder, which hold the workflows.",
)
_where_option = click.option(
    "--where",
    metavar="CONDITION",
    multiple=True,
    callback=_read_conditions,
    help="Read only rows that meet this condition, such as head=true or stars>=10; "
    "if repeated, all must hold.",
)


def source_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of sources; the command gets `sources` and `columns`."""

    @functools.wraps(command)
    def with_columns(
        *,
        sources: "Sequence[Source]",
        follow_links: bool,
        history: bool,
        text_column: str | None,
        group_column: str | None,
        texts: Path | None,
        where: "tuple[Condition, ...]",
        **others: Any,
    ) -> None:
        """Join four options into `columns`, and call the command."""
        from ..sources import Columns, historic_sources, linked_sources

        columns = Columns(
            text=text_column, group=group_column, texts=texts, where=where
        )
        if follow_links:
            sources = linked_sources(sources)
        if history:
            sources = historic_sources(sources)
        command(sources=sources, columns=columns, **others)

    rows = _where_option(_links_option(_history_option(with_columns)))
    return _text_option(_texts_option(_group_option(rows)))


tokenizer_option = click.option(
    "--tokenizer",
    "tokenizer_file",
    type=PATH,
    metavar="FILE",
    help="Use this tokenizer.json.  [default: the one that ships with tct]",
)
