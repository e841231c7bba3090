"""The `tct` command: the group of all commands; turns errors into one line.

Each room keeps its commands in `commands/`, one per file; each parses, calls one
function and renders.  Data goes to stdout, progress and logs to stderr.  Exit codes: 0
success, 1 a problem with a hint how to solve it, 2 wrong usage, 3 a training run that
diverged, 130 interrupted by Ctrl-C.
"""

import errno
import io
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from tct import __version__
from tct.data.display.visible import visible
from tct.data.errors import TctError
from tct.data.native import core
from tct.pipeline.commands.check import check
from tct.pipeline.commands.prepare import prepare
from tct.pipeline.commands.store import store
from tct.pipeline.commands.tokenizer import tokenizer
from tct.trainer.commands.compare import compare
from tct.trainer.commands.evaluate import evaluate
from tct.trainer.commands.export import export
from tct.trainer.commands.generate import generate
from tct.trainer.commands.inspect_windows import inspect_windows
from tct.trainer.commands.plot import plot
from tct.trainer.commands.serve import serve
from tct.trainer.commands.train import train

__all__ = ["main"]

_INTERRUPTED = 128 + signal.SIGINT
_HINTS = {
    errno.ENOSPC: "the disk is full: free some space, or write to another one",
    errno.EROFS: "the disk is read-only: write to another one",
    errno.EACCES: "give a path that this user may read and write",
    errno.EPERM: "give a path that this user may read and write",
}


class _Group(click.Group):
    """Prints problems that a user can solve as one line on stderr."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Escape characters that the encoding of a stream lacks, instead of failing."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        return super().main(*arguments, **options)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Parse the arguments."""
        with _one_line():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; print its TctError or OSError as one line."""
        try:
            with _one_line():
                return super().invoke(ctx)
        except TctError as error:
            click.echo(f"Error: {error}", err=True)
            raise click.exceptions.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            raise click.exceptions.Exit(_INTERRUPTED) from error


@contextmanager
def _one_line() -> Iterator[None]:
    """Say what the system refuses in one line, and make what click quotes visible."""
    try:
        yield
    except click.ClickException as error:
        vars(error)["message"] = visible(error.message)  # which click declares final
        raise
    except BrokenPipeError:  # the reader of stdout, such as `head`, has enough
        raise
    except OSError as error:
        where = error.filename or "input or output"
        hint = _HINTS.get(error.errno or 0, "check the path and try again")
        message = f"{where}: {error.strerror or error}; {hint}"
        raise click.ClickException(visible(message)) from error


_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 88}


@click.group(cls=_Group, context_settings=_CONTEXT)
@click.version_option(
    __version__,
    prog_name="tct",
    message=f"%(prog)s %(version)s ({'Python' if core is None else 'compiled'} core)",
)
def main() -> None:
    """Train small language models that write GitHub Actions workflows.

    \b
    Example:
      tct prepare workflows/ -o store
      tct inspect-windows store
      tct train store -o run --preset tiny
      tct generate run
    """


for command in (
    prepare,
    check,
    store,
    inspect_windows,
    train,
    plot,
    compare,
    generate,
    evaluate,
    export,
    serve,
    tokenizer,
):
    main.add_command(command)
