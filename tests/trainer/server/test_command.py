"""The command: where it listens, how it stops, what it says."""

import re
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tct.cli import main
from tct.tests.processes import Child
from tct.tests.trainer.server.servers import get, streaming


def tct(run: Path, *options: str) -> Result:
    command = ["serve", str(run), "--device", "cpu", *options]
    return CliRunner().invoke(main, command)


@contextmanager
def serving(run: Path, *options: str) -> Iterator[tuple[Child, str]]:
    """The process of `tct serve` and its address."""
    command = [sys.executable, "-m", "tct", "serve", run, "--port", 0]
    with Child([*command, "--device", "cpu", *options]) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.fullmatch(r"Serving http://(127\.0\.0\.1:[1-9][0-9]*)\n", line)
        assert found, line
        yield process, found[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_what_is_being_written_and_ends_the_server(
    run: Path, number: signal.Signals
) -> None:
    with serving(run) as (process, address):
        with streaming(address, max_tokens=200_000) as events:
            assert next(events)["ending"] is None
            process.send_signal(number)
            *_, last = events
        said = process.finish()

    assert last["ending"] == "cut"
    assert said == ("", "")


@pytest.fixture(scope="module")
def served(run: Path) -> Iterator[tuple[Child, str]]:
    with serving(run, "--allow-host", "box.example", "--max-concurrency", "2") as found:
        yield found


def test_options_of_the_command_are_those_of_the_server(
    served: tuple[Child, str],
) -> None:
    _, address = served
    assert get(address, "/healthz", host="box.example:80").status == 200
    assert get(address, "/healthz").value["max_concurrency"] == 2
    assert get(address, "/healthz", host="other.example").status == 400


def test_running_out_of_files_is_said_once_and_gets_over(
    served: tuple[Child, str],
) -> None:
    process, address = served
    host, _, port = address.rpartition(":")
    open_files = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    # Room for so few that accepting fails before a connection is seen.
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (open_files + 8, before[1]))
    with ExitStack() as clients:
        for _ in range(60):
            clients.enter_context(socket.create_connection((host, int(port))))
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line == "Connections have to wait: Too many open files\n"
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
    assert get(address, "/healthz").status == 200
    process.terminate()
    assert process.finish() == ("", "")


def test_problems_are_one_line(run: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        results = [
            (tct(run, "--port", str(port)), f"port {port}: found in use; choose an"),
            (tct(run, "--host", "192.0.2.1", "--port", "0"), "192.0.2.1:0: "),
            (tct(tmp_path, "--port", "0"), "checkpoint"),
        ]
    for result, problem in results:
        assert result.exit_code == 1
        assert problem in result.stderr
        assert result.stderr.count("\n") == 1


def test_without_the_extra_it_says_how_to_install_it(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "tct.trainer.server.serving", raising=False)
    monkeypatch.delattr("tct.trainer.server.serving", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    result = tct(run)

    assert result.exit_code == 1
    assert "found no uvicorn; install the extra" in result.stderr
