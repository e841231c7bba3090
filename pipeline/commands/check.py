"""`tct check`: find what GitHub refuses in workflows."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...data.display.visible import visible

if TYPE_CHECKING:  # commands import what they need when they run
    from ...data.check import Finding

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
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="One line a problem: text, JSON, or an annotation of GitHub Actions.  Or one "
    "SARIF file for code scanning.",
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
    from ... import __version__
    from ...data.check import check_workflow, to_sarif

    paths = [path for given in files for path in _expanded(given)]
    found: list[tuple[str, Finding]] = []
    for path in paths:
        stdin = str(path) == "-"
        source = sys.stdin.buffer.read() if stdin else path.read_bytes()
        here = [(path.as_posix(), finding) for finding in check_workflow(source)]
        for name, finding in here if style in _LINES else ():
            click.echo(_LINES[style](name, finding))
        found += here
    if style == "sarif":
        click.echo(json.dumps(to_sarif(found, __version__), indent=2))
    counts = f"{_count(len(found), 'problem')} in {_count(len(paths), 'file')}"
    click.echo(counts, err=True)
    if found:
        raise click.exceptions.Exit(1)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _text(path: str, finding: "Finding") -> str:
    return visible(f"{path}:{finding.line}:{finding.column}: {finding.message}")


def _json(path: str, finding: "Finding") -> str:
    return json.dumps({"path": path, **finding._asdict()})


def _annotation(path: str, finding: "Finding") -> str:
    """Source: "Workflow commands for GitHub Actions", `error`."""
    where = f"file={_escaped(path)},line={finding.line},col={finding.column}"
    return f"::error {where}::{_escaped(visible(finding.message), '')}"


_LINES: dict[str, Callable[[str, "Finding"], str]] = {
    "text": _text,
    "json": _json,
    "github": _annotation,
}


def _expanded(path: Path) -> list[Path]:
    """The YAML files of a folder, sorted; anything else as it is."""
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.rglob("*.y*ml") if p.is_file())


def _escaped(text: str, separators: str = ":,") -> str:
    """A text as workflow commands of GitHub Actions carry it."""
    return text.translate({ord(c): f"%{ord(c):02X}" for c in "%\r\n" + separators})
