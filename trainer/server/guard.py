"""Refuse requests for other hosts, too large ones, and slow ones.

The host is checked against DNS rebinding: another site can point a name of its own at
this machine and let a browser send requests here.  (Starlette's TrustedHostMiddleware
does not parse IPv6 addresses, and answers in plain text.)
"""

import asyncio
import re
from collections.abc import Collection
from typing import ClassVar

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .api import problem

__all__ = ["Guard"]

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:@/?#\[\]]+)(:[0-9]+)?")


class Guard:
    """ASGI middleware that passes on complete, acceptable requests only."""

    body_seconds: ClassVar[float] = 10.0
    """Limit for a body to arrive."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], max_bytes: int) -> None:
        """Guard an application.

        Args:
            app: to guard.
            hosts: names and addresses, without ports, that it answers to; `*` for all.
            max_bytes: longest body.
        """
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check_host(Headers(scope=scope).get("host", "").lower())
            body = await self._body(receive)
        except _RefusedError as refused:
            await refused.response(scope, receive, send)
        except ClientDisconnect:
            pass
        else:
            await self._app(scope, _replay(body, receive), send)

    def _check_host(self, host: str) -> None:
        found = _HOST.fullmatch(host)
        name = found[1].strip("[]") if found else None
        if "*" not in self._hosts and name not in self._hosts:
            raise _RefusedError(
                400,
                f"host: found {host[:100]!r}, which is not served here",
                "start tct serve with --allow-host for this name",
            )

    async def _body(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self.body_seconds):
                body = await self._beginning(receive)
        except TimeoutError as error:
            raise _RefusedError(
                408,
                f"the body did not arrive in {self.body_seconds:g} s",
                "send it at once",
            ) from error
        if len(body) > self._max_bytes:
            raise _RefusedError(
                413,
                f"the body is longer than {self._max_bytes:,} bytes",
                "shorten the prompt",
            )
        return body

    async def _beginning(self, receive: Receive) -> bytes:
        """Read the body, or enough of it to show that it is too long."""
        body = b""
        while len(body) <= self._max_bytes:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        return body


class _RefusedError(Exception):
    """A refused request."""

    def __init__(self, status: int, message: str, hint: str) -> None:
        super().__init__(message)
        # The rest of the request stays unread, so the connection must close.
        self.response = problem(status, message, hint, headers={"connection": "close"})


def _replay(body: bytes, receive: Receive) -> Receive:
    """Make a `receive` that yields the body, then passes on."""
    waiting: list[Message] = [{"type": "http.request", "body": body}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
