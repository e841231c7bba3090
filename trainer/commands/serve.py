"""The command that puts a model behind HTTP."""

import math
from pathlib import Path

import click

from ...data.errors import ConfigError

__all__ = ["serve"]


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. Others than loopback can be reached by anybody.",
)
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="0 takes one that is free.",
)
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Another name under which the server is reached; may be repeated; * for any.",
)
@click.option(
    "--max-concurrency",
    default=4,
    show_default=True,
    type=click.IntRange(min=1),
    help="Most completions at once; who comes then is asked to try again.",
)
@click.option(
    "--timeout",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds after which a completion is closed the shortest valid way.",
)
@click.option(
    "--max-bytes",
    default=64 << 10,
    show_default=True,
    type=click.IntRange(min=1),
    help="Longest request.",
)
@click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, … or auto."
)
def serve(
    run: Path,
    host: str,
    port: int,
    allowed_hosts: tuple[str, ...],
    max_concurrency: int,
    timeout: float,
    max_bytes: int,
    device: str,
) -> None:
    """Serve a trained model: a page to try it, and a JSON API.

    The page completes a workflow while it is typed.  The API is described at
    /openapi.json.  Ctrl-C stops the server.

    \b
    Example:
      tct serve run
      tct serve run --port 0 --max-concurrency 8 --timeout 20
    """
    if not timeout < math.inf:
        problem = f"timeout: found {timeout}, expected a number of seconds"
        raise ConfigError(problem, "change the option")
    try:
        from ..server import serving
    except ImportError as error:
        raise ConfigError(
            f"tct serve: found no {error.name}",
            "install the extra with pip install 'tct-workflows[serve]'",
        ) from error
    serving.serve(
        run,
        device=device,
        host=host,
        port=port,
        allowed_hosts=allowed_hosts,
        max_concurrency=max_concurrency,
        timeout=timeout,
        max_bytes=max_bytes,
    )
