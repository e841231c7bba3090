"""`tct check`: find what GitHub refuses in workflows."""

import json
import sys
from pathlib import Path

import click

__all__ = ["check"]


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, allow_dash=True, path_type=Path),
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="One line a problem: text, JSON, or an annotation of GitHub Actions.",
)
def check(files: tuple[Path, ...], style: str) -> None:
    """Find what GitHub refuses in workflows: files, folders, or - for stdin.

    Checks keys and types by GitHub's own schema, every expression, names that jobs and
    steps must have, and the forms of uses, cron and shell.  Exits with 1 if it finds
    anything.

    \b
    Example:
      tct check .github/workflows
    """
    from ...data.check import check_workflow
    from ...data.display.visible import visible

    paths = [path for given in files for path in _expanded(given)]
    total = 0
    for path in paths:
        stdin = str(path) == "-"
        source = sys.stdin.buffer.read() if stdin else path.read_bytes()
        for finding in check_workflow(source):
            total += 1
            if style == "json":
                click.echo(json.dumps({"path": str(path), **finding._asdict()}))
                continue
            if style == "github":
                where = f"file={_escaped(str(path))},line={finding.line}"
                text = _escaped(f"{finding.found}; {finding.allowed}", "")
                click.echo(f"::error {where},col={finding.column}::{text}")
                continue
            place = f"{path}:{finding.line}:{finding.column}"
            click.echo(visible(f"{place}: {finding.found}; {finding.allowed}"))
    click.echo(f"{total:,} problems in {len(paths):,} files", err=True)
    if total:
        raise click.exceptions.Exit(1)


def _expanded(path: Path) -> list[Path]:
    """The YAML files of a folder, sorted; anything else as it is."""
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.rglob("*.y*ml") if p.is_file())


def _escaped(text: str, separators: str = ":,") -> str:
    """A text as workflow commands of GitHub Actions carry it."""
    return text.translate({ord(c): f"%{ord(c):02X}" for c in "%\r\n" + separators})
