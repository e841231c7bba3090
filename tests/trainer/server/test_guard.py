"""Which requests are looked at, without a network."""

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from tct.trainer.server.guard import Guard


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await Response(body)(scope, receive, send)


def answer(guard: Guard, messages: list[Message], host: str = "a") -> tuple[int, bytes]:
    """Status and body; a client that has sent its messages waits."""
    sent: list[Message] = []

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.sleep(60)
        raise AssertionError("nobody stopped waiting")

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [(b"host", host.encode())],
    }
    asyncio.run(guard(scope, receive, send))
    return sent[0]["status"] if sent else 0, b"".join(m.get("body", b"") for m in sent)


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize(
    ("host", "is_served"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8000", True),
        ("Localhost:80", True),
        ("[::1]:8000", True),
        ("[::1]", True),
        ("::1", False),
        ("127.0.0.1:", False),
        ("127.0.0.1:80:80", False),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("evil.example@localhost", False),
        ("localhost/evil.example", False),
        ("", False),
    ],
)
def test_the_name_is_compared_whole_and_without_its_port(
    host: str, is_served: bool
) -> None:
    guard = Guard(echo, hosts=["127.0.0.1", "localhost", "::1"], max_bytes=9)

    assert answer(guard, [part(b"")], host)[0] == (200 if is_served else 400)


def test_a_star_stands_for_every_host() -> None:
    guard = Guard(echo, hosts=["*"], max_bytes=9)

    assert answer(guard, [part(b"")], "any.example")[0] == 200


@pytest.mark.parametrize(("size", "status"), [(0, 200), (9, 200), (10, 413)])
@pytest.mark.parametrize("step", [1, 3, 100])
def test_a_body_arrives_whole_or_is_refused(size: int, status: int, step: int) -> None:
    guard = Guard(echo, hosts=["a"], max_bytes=9)
    body = bytes(range(size))
    parts = [part(body[i : i + step], more=True) for i in range(0, size, step)]

    found = answer(guard, [*parts, part(b"")])

    assert found[0] == status
    if status == 200:
        assert found[1] == body


def test_a_body_that_never_ends_is_not_received_for_ever() -> None:
    guard = Guard(echo, hosts=["a"], max_bytes=9)
    messages = [part(bytes(1 << 16), more=True) for _ in range(100)]

    assert answer(guard, messages)[0] == 413
    assert len(messages) == 99


def test_a_body_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Guard, "body_seconds", 0.05)
    guard = Guard(echo, hosts=["a"], max_bytes=9)

    status, body = answer(guard, [part(b"x", more=True)])

    assert status == 408
    assert "0.05 s" in json.loads(body)["error"]["message"]


def test_who_hangs_up_before_the_end_gets_no_answer() -> None:
    guard = Guard(echo, hosts=["a"], max_bytes=9)
    messages: list[Message] = [part(b"x", more=True), {"type": "http.disconnect"}]

    assert answer(guard, messages) == (0, b"")
