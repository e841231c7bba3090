"""HTTP: whatever is sent to `tct serve`, the answer is right, a refusal, or waiting.

Real sockets to a real server.  An answer is right when it is a workflow, a page or a
document that is valid, or a 4xx with a `Problem`; an unfinished request has no answer.
"""

import json
import logging
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPException, HTTPResponse
from typing import Any

import jsonschema_rs
import pytest

from tct.pipeline.workflow_schema import workflow_schema
from tct.tests.boundaries.harness import NUM_SHORT, NUM_SLOW, attack
from tct.tests.trainer.server.conftest import generator, run  # noqa: F401
from tct.tests.trainer.server.servers import PATH, ask, get, running
from tct.trainer.generation import Generator
from tct.trainer.server.connections import Connection, most_connections
from tct.trainer.server.guard import Guard

VALIDATOR = jsonschema_rs.Draft7Validator(workflow_schema())
WAIT = 300.0  # seconds: no more than a guard against waiting for ever
BODIES = [
    b"{}",
    b'{"prompt": "name: CI\\non: push\\njobs:\\n  a:\\n    runs-on: x\\n"}',
    b'{"prompt": "name: CI\\non: [push, ", "partial": true, "seed": 3}',
    b'{"prompt": "{\\"name\\": \\"\\\\u00e9\\", \\"on\\": [\\"push\\"]}", "seed": 1}',
    b'{"temperature": 0.7, "top_k": 5, "top_p": 0.9, "min_p": 0.05, "max_tokens": 90}',
    b'{"prompt": "on: push", "stream": true, "seed": 12345678901234567890}',
    b'{"prompt": "on: pushed", "max_tokens": 5, "temperature": 0}',
]
PROMPTS = [
    b"",
    b"name: CI\non: push\njobs:\n  a:\n    runs-on: x\n    steps:\n    - run: make\n",
    b"on:\n  push:\n    branches: [main, 'a b']\nenv: {A: \"\\u00e9\", B: 1.5}\n",
    b'{"on": ["push"], "jobs": {"a": {"uses": "o/r/.github/workflows/x.yml@v1"}}}',
    b"# c\n---\nname: &a |\n  x\n  y\nrun-name: *a\non: workflow_dispatch\n",
]
Attack = Callable[[str, int], Counter[str]]


def request(method: str, path: str, body: bytes = b"", *heads: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *heads]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


CHUNKED = request("POST", PATH, b"", "Transfer-Encoding: chunked") + (
    b'6\r\n{"seed\r\n5;x=y\r\n": 1}\r\n0\r\nTrailer: x\r\n\r\n'
)
REQUESTS = [
    *(request("POST", PATH, body) for body in BODIES),
    *(request("GET", path) for path in ("/", "/healthz", "/openapi.json?a=%41#b")),
    request("HEAD", "/healthz", b"", "Connection: close"),
    request("OPTIONS", PATH, b"", "Origin: http://evil.example"),
    request("POST", PATH, b"{}", "Expect: 100-continue", "Accept: */*"),
    request("GET", "/healthz", b"", "Connection: upgrade", "Upgrade: websocket"),
    CHUNKED,
    request("GET", "/healthz") + request("POST", PATH, b"{}"),
]


@pytest.fixture(scope="module")
def address(generator: Generator) -> Iterator[str]:  # noqa: F811
    """Of a server that closes every workflow after a slice."""
    with running(generator, timeout=1e-6) as address:
        yield address


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.ERROR):
        yield
    assert caplog.get_records("call") == []


def connect(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=WAIT)


def check(status: int, kind: str, text: str) -> None:
    """An answer is right, or says what is wrong."""
    if status >= 400:
        assert status < 500 or status == 503, (status, text)
        error = json.loads(text)["error"]
        assert set(error) == {"message", "hint"}
        assert all(error.values())
        assert (error["message"] + error["hint"]).isprintable()
        assert "--max-tokens" not in error["hint"]
    elif kind.startswith("text/event-stream"):
        events = [json.loads(line[6:]) for line in text.split("\n") if line]
        assert events[-1]["ending"] is not None
        assert all(VALIDATOR.is_valid(event["workflow"]) for event in events)
    elif kind.startswith("application/json"):
        value = json.loads(text)
        assert {"workflow", "writing", "openapi"} & set(value)
        assert "workflow" not in value or VALIDATOR.is_valid(value["workflow"])
    else:
        assert kind.startswith("text/html"), kind


def answers(address: str, data: bytes) -> list[int]:
    """Send bytes; check what comes back until the server hangs up or waits for more."""
    statuses: list[int] = []
    with closing(connect(address)) as client:
        try:
            client.sendall(data)
            method = data.partition(b" ")[0].decode("latin-1")
            while True:
                client.settimeout(WAIT if not statuses else 0.02)
                response = HTTPResponse(client, method=method)
                response.begin()
                text = response.read().decode()
                if method != "HEAD":
                    check(response.status, response.headers["content-type"], text)
                statuses.append(response.status)
                if response.will_close:
                    break
        except (ConnectionError, TimeoutError, HTTPException) as error:
            # No answer, or no other one: the request is unfinished.
            assert not isinstance(error, TimeoutError) or statuses, "it hangs"
    return statuses


# -- mutations -------------------------------------------------------------------------


def attack_bodies(address: str, number: int) -> Counter[str]:
    found = Counter[str]()

    def read(body: bytes) -> None:
        answer = ask(address, body, seconds=WAIT)
        check(answer.status, answer.headers["content-type"], answer.text)
        found[str(answer.status)] += 1

    attack("http-body", BODIES, read, number)
    return found


def attack_prompts(address: str, number: int) -> Counter[str]:
    found = Counter[str]()

    def read(prompt: bytes) -> None:
        # A text of any kind, half of a surrogate pair included.
        text = prompt.decode(errors="surrogateescape")
        options = {"partial": len(prompt) % 2 == 0, "stream": len(prompt) % 3 == 0}
        answer = ask(address, {"prompt": text, **options}, seconds=WAIT)
        check(answer.status, answer.headers["content-type"], answer.text)
        found[str(answer.status)] += 1

    attack("http-prompt", PROMPTS, read, number)
    return found


def attack_requests(address: str, number: int) -> Counter[str]:
    found = Counter[str]()

    def read(data: bytes) -> None:
        found.update([str(n) for n in answers(address, data)] or ["none"])

    attack("http-request", REQUESTS, read, number)
    return found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not wait for unfinished requests."""
    monkeypatch.setattr(Connection, "idle_seconds", 0.02)
    monkeypatch.setattr(Guard, "body_seconds", 0.02)


def test_bodies_are_answered_or_refused(address: str) -> None:
    found = attack_bodies(address, NUM_SHORT)

    assert {"200", "400", "422"} <= set(found)
    assert get(address, "/healthz").value["writing"] == 0


def test_prompts_are_completed_or_refused(address: str) -> None:
    found = attack_prompts(address, NUM_SHORT)

    assert set(found) == {"200", "422"}
    assert get(address, "/healthz").value["writing"] == 0


@pytest.mark.usefixtures("impatient")
def test_requests_are_answered_refused_or_waited_for(address: str) -> None:
    found = attack_requests(address, NUM_SHORT // 2)

    assert {"200", "400", "404", "422"} <= set(found)
    assert get(address, "/healthz").value["writing"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("bodies", [attack_bodies, attack_prompts])
def test_many_more_bodies(address: str, bodies: Attack) -> None:
    print(sorted(bodies(address, NUM_SLOW // 3).items()))


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_many_more_requests(address: str) -> None:
    print(sorted(attack_requests(address, NUM_SLOW // 3).items()))


# -- what no mutation finds ------------------------------------------------------------


@pytest.mark.parametrize("data", REQUESTS, ids=range(len(REQUESTS)))
def test_the_requests_themselves_are_right(address: str, data: bytes) -> None:
    statuses = answers(address, data)

    assert statuses
    assert set(statuses) <= {200, 405, 422}


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(99), 400),  # TLS
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no host
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (request("GET", "/" + "a" * 1_000_000), 400),
        (request("GET", "/", b"", f"X: {'a' * 1_000_000}"), 400),
        (request("GET", "/", b"", *(f"X{n}: y" for n in range(99_999))), 400),
        (request("GET", "/", b"", "Bad Name: x"), 400),
        (request("GET", "http://evil.example/"), 404),
        (request("GET", "/%00%ff%0d%0aSet-Cookie:x/../.."), 404),
        (request("OPTIONS", "*"), 404),
        (request("TRACE", "/"), 405),
        (request("POST", PATH, b"{}", "Content-Length: 3"), 400),
        (request("POST", PATH, b"", "Content-Length: -1"), 400),
        (request("POST", PATH, b"", "Transfer-Encoding: gzip, chunked"), 400),
        (request("POST", PATH, b"", "Transfer-Encoding: chunked") + b"zz\r\n", 400),
        (request("POST", PATH, b"{}", "Content-Encoding: gzip"), 200),  # not read
        (request("POST", PATH, "{}".encode("utf-16")), 200),  # JSON finds out
        (request("POST", PATH, b'{"\\ud800": 1}'), 422),
        (request("POST", PATH, b'{"prompt": "\\ud800"}'), 422),
        (request("POST", PATH, b'{"partial": true, "prompt": "on: \\ud800"}'), 422),
        (request("POST", PATH, b'{"seed": 1' + b"0" * 5000 + b"}"), 400),
        (request("POST", PATH, b'{"a": ' + b"[" * 9999 + b"]" * 9999 + b"}"), 400),
        (request("POST", PATH, b'{"prompt": "{\\"name\\": \\"\\\\ud800\\"}"}'), 422),
        (request("POST", PATH, b'{"prompt": "on: push", "max_tokens": 1}'), 422),
    ],
)
def test_an_odd_request_has_one_right_answer(
    address: str, data: bytes, status: int
) -> None:
    assert answers(address, data)[:1] == [status]
    assert get(address, "/healthz").status == 200


EVIL = b"POST / HTTP/1.1\r\nHost: evil.example\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (request("GET", "/" + "a" * 100_000)[:-4], 400),
        (EVIL + b"Content-Length: 999999999\r\n\r\n", 400),
        (request("POST", PATH, b"", "Content-Length: 999999999") + bytes(70_000), 413),
        (CHUNKED[:-30] + b"zz\r\n", 400),
    ],
)
def test_who_still_sends_when_refused_gets_the_answer(
    address: str, head: bytes, status: int
) -> None:
    with closing(connect(address)) as client:
        client.sendall(head)
        assert select.select([client], [], [], WAIT)[0]  # the answer is there
        for _ in range(20):
            client.sendall(bytes(100_000))
        response = HTTPResponse(client)
        response.begin()
        assert response.status == status
        check(status, "application/json", response.read().decode())
        assert client.recv(1) == b""


def test_who_never_stops_sending_is_hung_up_on(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "lingering_seconds", 0.05)

    def send() -> None:
        limit = time.monotonic() + WAIT
        while time.monotonic() < limit:
            client.sendall(bytes(100_000))

    with closing(connect(address)) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(ConnectionError):
            send()


def test_hints_name_fields_and_not_options(address: str) -> None:
    error = ask(address, {"prompt": "on: push", "max_tokens": 1}).value["error"]

    assert error["hint"] == "shorten the prompt or raise max_tokens"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("step", [1, 7])
def test_a_request_that_comes_in_pieces_is_one_request(address: str, step: int) -> None:
    data = request("POST", PATH, b'{"seed": 1}')
    with closing(connect(address)) as client:
        for at in range(0, len(data), step):
            client.sendall(data[at : at + step])
        response = HTTPResponse(client)
        response.begin()
        assert response.status == 200


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("data", [b"", b"GET / HT", CHUNKED[:40]])
def test_who_says_nothing_is_hung_up_on(address: str, data: bytes) -> None:
    with closing(connect(address)) as client:
        client.sendall(data)
        assert client.recv(1) == b""
    with closing(connect(address)) as client:  # after an answer, too
        client.sendall(request("GET", "/healthz") + data)
        while client.recv(1 << 16):
            pass


@pytest.mark.usefixtures("impatient")
def test_a_client_that_drips_bytes_of_a_head_is_hung_up_on(address: str) -> None:
    with closing(connect(address)) as client:
        limit = time.monotonic() + WAIT
        try:
            while time.monotonic() < limit:
                client.sendall(b"G")
                time.sleep(0.01)
        except ConnectionError:
            return
    raise AssertionError("nobody hung up")


def is_dropped(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def test_many_idle_connections_leave_room_for_others(address: str) -> None:
    idle = [connect(address) for _ in range(most_connections() + 99)]
    try:
        assert get(address, "/healthz").status == 200
        assert ask(address, {}).status == 200
        for client in idle[:99]:  # those that were idle longest
            assert is_dropped(client)
        idle[-1].sendall(request("GET", "/healthz"))
        assert idle[-1].recv(12) == b"HTTP/1.1 200"
    finally:
        for client in idle:
            client.close()


def test_who_takes_nothing_of_an_answer_leaves_the_place(
    generator: Generator,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Connection, "stalled_seconds", 0.1)
    body: dict[str, Any] = {"stream": True, "max_tokens": 200_000}
    with running(generator, max_concurrency=1, send_bytes=4096) as address:
        with closing(socket.socket()) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            host, _, port = address.rpartition(":")
            client.connect((host, int(port)))
            client.sendall(request("POST", PATH, json.dumps(body).encode()))
            limit = time.monotonic() + WAIT
            while not get(address, "/healthz").value["writing"]:
                assert time.monotonic() < limit
            while get(address, "/healthz").value["writing"]:
                assert time.monotonic() < limit, "a client that does not read stays"
                time.sleep(0.05)
        assert ask(address, {"max_tokens": 30}).status == 200
