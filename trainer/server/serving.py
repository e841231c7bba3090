"""Listen on an address, run the server, and stop it."""

import asyncio
import errno
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import click
import uvicorn

from ...data.display.visible import visible
from ...data.errors import ConfigError
from ...data.tokenizer import Rules
from ..generation import Generator
from ..training.signals import StopRequest
from .app import make_app
from .completions import Completions
from .connections import BACKLOG, Connection

__all__ = ["listen", "new_server", "serve"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_GRACE = 2  # seconds for the last events to be sent, once the server stops


def serve(
    run: Path,
    *,
    device: str,
    rules: Rules | None,
    host: str,
    port: int,
    allowed_hosts: Sequence[str],
    max_concurrency: int,
    timeout: float,
    max_bytes: int,
) -> None:
    """Serve a trained model until SIGINT or SIGTERM.

    Args:
        run: folder of a run, a checkpoint or an export.
        device: of the model.
        rules: what documents must keep to; None is the default of their kind.
        host: name or address to listen on.
        port: to listen on; 0 for a free one.
        allowed_hosts: further names that the server answers to.
        max_concurrency: most completions at once.
        timeout: seconds after which a completion is closed.
        max_bytes: longest body of a request.

    Raises:
        ConfigError: the address cannot be listened on.
        CheckpointError, FormatError: the model cannot be read.
    """
    with listen(host, port) as listener:
        server = new_server(
            Completions(
                Generator.load(run, device=device, rules=rules),
                max_concurrency=max_concurrency,
                timeout=timeout,
            ),
            hosts=[*_LOOPBACK, host, *allowed_hosts],
            max_bytes=max_bytes,
        )
        port = listener.getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        click.echo(visible(f"Serving http://{name}:{port}"), err=True)
        # uvicorn raises the signal again after it stopped; swallow it here.
        with StopRequest():
            server.run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Raises:
        ConfigError: the host is unknown or not this machine's, or the port is in use.
    """
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, _, _, _, address = found[0]
        return socket.create_server(address, family=family)
    except UnicodeError as error:  # of the codec of host names
        raise ConfigError(
            f"--host {host}: not a name or address", "choose another --host"
        ) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {port}: found in use", "choose another with --port, or 0 for any"
            ) from error
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigError(
            f"{host}:{port}: {error.strerror or reason}",
            "choose another --host or --port",
        ) from error


class _Server(uvicorn.Server):
    """Closes the completions in progress before it stops."""

    completions: Completions
    _is_exhausted = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self._note)
        await super().startup(sockets)

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Print once that no connection can be accepted.

        asyncio, which retries every second, would report every attempt.
        """
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _EXHAUSTED):
            loop.default_exception_handler(context)
        elif not self._is_exhausted:
            self._is_exhausted = True
            click.echo(f"Connections have to wait: {error.strerror}", err=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.completions.stop()
        super().handle_exit(sig, frame)


def new_server(
    completions: Completions, *, hosts: Sequence[str], max_bytes: int
) -> uvicorn.Server:
    """Make a server, not yet running; arguments as for `make_app`."""
    app = make_app(completions, hosts=hosts, max_bytes=max_bytes)
    config = uvicorn.Config(
        app,
        http=Connection,
        loop="asyncio",
        ws="none",
        lifespan="off",
        backlog=BACKLOG,
        access_log=False,
        # Only errors go to stderr: a line per bad request could fill a disk.
        log_config=None,
        log_level="error",
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(config)
    server.completions = completions
    return server
