"""`tct serve`: complete documents over HTTP."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...data.errors import ConfigError
from .options import (
    COUNT,
    device_option,
    model_argument,
    model_or_shipped,
    rules_option,
    threads_option,
)

if TYPE_CHECKING:
    from ...data.tokenizer import Rules

__all__ = ["serve"]


@click.command()
@model_argument
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.  Beyond loopback, anybody can reach it.",
)
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Another name that the server answers to; may be repeated; * for any.",
)
@click.option(
    "--max-concurrency",
    default=4,
    show_default=True,
    type=COUNT,
    help="Serve at most this many completions at once; further requests get 503.",
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
    type=COUNT,
    help="Largest request body, in bytes.",
)
@rules_option
@device_option
@threads_option
def serve(
    model: Path | None,
    host: str,
    port: int,
    allowed_hosts: tuple[str, ...],
    max_concurrency: int,
    timeout: float,
    max_bytes: int,
    rules: "Rules | None",
    device: str,
    threads: int | None,
) -> None:
    """Serve a trained model: a page to try it, and a JSON API.

    Without RUN, a small model that ships with tct, trained on invented workflows.

    The page completes a document as you type.  /openapi.json describes the API.
    Ctrl-C stops the server.

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
    from ..threads import use_threads

    use_threads(threads, device=device)
    serving.serve(
        model_or_shipped(model),
        device=device,
        rules=rules,
        host=host,
        port=port,
        allowed_hosts=allowed_hosts,
        max_concurrency=max_concurrency,
        timeout=timeout,
        max_bytes=max_bytes,
    )
