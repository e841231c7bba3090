"""Real servers in threads, and a plain client of them."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from tct.trainer.generation import Generator
from tct.trainer.server.completions import Completions
from tct.trainer.server.serving import listen, new_server

PATH = "/v1/completions"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def value(self) -> Any:
        return json.loads(self.text)


@contextmanager
def running(
    generator: Generator,
    *,
    max_concurrency: int = 4,
    timeout: float = 60,
    max_bytes: int = 64 << 10,
    send_bytes: int | None = None,
) -> Iterator[str]:
    """The address of a server, as host:port; `send_bytes` is its sockets' buffer."""
    completions = Completions(
        generator, max_concurrency=max_concurrency, timeout=timeout
    )
    with listen("127.0.0.1", 0) as listener:
        if send_bytes is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)
        server = new_server(completions, hosts=["127.0.0.1"], max_bytes=max_bytes)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            completions.stop()
            server.should_exit = True
            thread.join()


def ask(
    address: str,
    body: Any = None,
    *,
    path: str = PATH,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    seconds: float = 300,
) -> Answer:
    """One request; `body` is what becomes JSON, or bytes or a generator of them."""
    connection = http.client.HTTPConnection(address, timeout=seconds)
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    head = {"content-type": "application/json", **(headers or {})}
    with closing(connection):
        connection.request(method, path, body, head)
        response = connection.getresponse()
        text = response.read().decode()
    return Answer(response.status, dict(response.getheaders()), text)


def get(address: str, path: str, **headers: str) -> Answer:
    return ask(address, path=path, method="GET", headers=headers)


@contextmanager
def streaming(address: str, **options: Any) -> Iterator[Iterator[Any]]:
    """The events of a stream as they come; hangs up at the end of the block."""
    connection = http.client.HTTPConnection(address, timeout=300)
    body = json.dumps({"stream": True, **options})
    connection.request("POST", PATH, body, {"content-type": "application/json"})
    response = connection.getresponse()
    try:
        assert response.status == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield _events(response)
    finally:
        # In this order: the socket lives as long as the response does.
        response.close()
        connection.close()


def _events(response: http.client.HTTPResponse) -> Iterator[Any]:
    while line := response.readline():
        assert line.startswith(b"data: ")
        assert response.readline() == b"\n"
        yield json.loads(line.removeprefix(b"data: "))
