"""`tct store`: inspect a store, verify it, export documents."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:  # commands import what they need when they run
    from ...data.store.export import Format

__all__ = ["store"]

_store_argument = click.argument("folder", metavar="STORE")


@click.group()
def store() -> None:
    """Inspect a store, verify it, export documents."""


@store.command("info")
@_store_argument
def store_info(folder: str) -> None:
    """Show what a store contains and what it was made from.

    \b
    Example:
      tct store info store
    """
    from ...data.display.progress import print_note
    from ...data.store import Store
    from ..report.store_tables import info_table
    from ..report.tables import print_table

    print_table(info_table(Store.open(folder, note=print_note)))


@store.command("verify")
@_store_argument
@click.option(
    "--decode",
    is_flag=True,
    help="Also decode every document and compare it with its id.",
)
def store_verify(folder: str, decode: bool) -> None:
    """Verify that a store matches its manifest.

    Checks the sha256 of every file, where documents lie in the shards, that their ids
    are in the vocabulary, and the counts; stops at the first error.

    \b
    Example:
      tct store verify store --decode
    """
    from ...data.display.bars import open_progress
    from ...data.display.progress import print_note
    from ...data.store.verify import verify
    from ..report.store_tables import verified_table
    from ..report.tables import print_table

    with open_progress() as progress:
        progress.stage("verify", None)
        found = verify(folder, decode=decode, advance=progress.advance, note=print_note)
    print_table(verified_table(found))


@store.command("export")
@_store_argument
@click.argument("documents", nargs=-1, metavar="[DOC…]")
@click.option(
    "--format",
    "kind",
    default="jsonl",
    show_default=True,
    type=click.Choice(["jsonl", "yaml"]),
    help="One JSON document per line, or YAML documents separated by ---.",
)
def store_export(folder: str, documents: tuple[str, ...], kind: "Format") -> None:
    """Print some or all documents, in the order of the store.

    DOC is a document's number, the beginning of its id, or its path.

    \b
    Example:
      tct store export store > workflows.jsonl
      tct store export store 12 owner__name/ci.yml --format yaml
    """
    from ...data.display.progress import print_note
    from ...data.store import Store
    from ...data.store.export import export
    from ...data.store.find import find_document

    opened = Store.open(folder, note=print_note)
    rows = sorted({find_document(opened, name) for name in documents})
    out = sys.stdout.buffer
    for text in export(opened, rows if documents else range(len(opened)), kind):
        out.write(text)
    out.flush()
