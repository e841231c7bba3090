"""Limit the number of connections, and the time that one may idle or stall.

    too many     drop the one that has been idle longest; if all are busy, the new one
    idle         drop it, even in the middle of a request's head
    stalled      drop it once the client stops reading its answer
    refused      answer, then discard what the client still sends for a while

So clients that open connections and leave them, or read answers byte by byte, do not
block others, and the server never runs out of file descriptors.
"""

import asyncio
import resource
from typing import Any, ClassVar, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .api import problem

__all__ = ["BACKLOG", "Connection", "most_connections"]

BACKLOG = 128
"""Connections waiting to be accepted, which can exceed the limit at once."""

_MOST = 256


def most_connections() -> int:
    """The limit: 256, or a quarter of the files that this process may open."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if files == resource.RLIM_INFINITY else max(1, min(_MOST, files // 4))


class Connection(H11Protocol):
    """A client's connection, dropped when it idles or stalls."""

    idle_seconds: ClassVar[float] = 10.0
    """Limit from connecting, or from the last answer, to the end of a head."""
    stalled_seconds: ClassVar[float] = 30.0
    """Limit for the client to read 48 KiB of its answer."""
    lingering_seconds: ClassVar[float] = 5.0
    """Limit for the client to finish a request that is refused already."""

    _since = 0.0
    _idle_timer: asyncio.TimerHandle | None = None
    _stalled_timer: asyncio.TimerHandle | None = None
    _lingering_timer: asyncio.TimerHandle | None = None

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        """Accept a connection, dropping another one at the limit."""
        super().connection_made(cast(Any, _ClosedByConnection(transport, self)))
        self._begin_idling()
        kept = [
            each
            for each in self.connections
            if isinstance(each, Connection)
            and (each.is_lingering or not each.transport.is_closing())
        ]
        if len(kept) > most_connections():
            idle = [each for each in kept if each.is_idle and each is not self]
            min(idle, key=lambda each: each._since, default=self).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers."""
        super().connection_lost(exc)
        for timer in (self._idle_timer, self._stalled_timer, self._lingering_timer):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Read more of a request, or discard it if it is refused already."""
        if not self.is_lingering:
            super().data_received(data)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._begin_idling()

    def pause_writing(self) -> None:
        """Start the timer: the client reads slower than its answer is written."""
        super().pause_writing()
        self._stalled_timer = self.loop.call_later(
            self.stalled_seconds, self.transport.abort
        )

    def resume_writing(self) -> None:
        """Stop the timer: the client has caught up."""
        super().resume_writing()
        if self._stalled_timer is not None:
            self._stalled_timer.cancel()

    def send_400_response(self, msg: str) -> None:
        """Answer malformed HTTP with a `Problem`, like all errors."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            close = {"connection": "close"}
            response = problem(400, msg, "send HTTP/1.1", headers=close)
            head = h11.Response(status_code=400, headers=response.raw_headers)
            body = h11.Data(data=bytes(response.body))
            for event in (head, body, h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        if not self.is_idle:  # abandon the request in progress
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def close(self, transport: asyncio.Transport) -> None:
        """Close the connection, once the client has sent the rest of its request.

        A socket that is closed with bytes unread resets the connection, and the client
        loses the answer.  So close one direction, and discard what arrives.
        """
        sending = self.conn.their_state in (h11.SEND_BODY, h11.ERROR)
        if not sending or transport.is_closing() or not transport.can_write_eof():
            transport.close()
        elif not self.is_lingering:
            transport.write_eof()
            transport.resume_reading()
            self._lingering_timer = self.loop.call_later(
                self.lingering_seconds, transport.abort
            )

    @property
    def is_lingering(self) -> bool:
        """Whether the answer is sent, and the rest of the request discarded."""
        return self._lingering_timer is not None

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _begin_idling(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._since = self.loop.time()
        self._idle_timer = self.loop.call_later(self.idle_seconds, self._stop_idling)

    def _stop_idling(self) -> None:
        if self.is_idle and not self.is_lingering:
            self.transport.abort()


class _ClosedByConnection:
    """A transport whose `close` is the connection's, whoever calls it."""

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        self._connection.close(self._transport)

    def is_closing(self) -> bool:
        return self._connection.is_lingering or self._transport.is_closing()
