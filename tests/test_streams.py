"""Streams that are closed or full: what is asked for is done, or one line says why."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tct.cli import main


def tct(redirection: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run a command whose streams a shell has redirected."""
    command = [sys.executable, "-m", "tct", *map(str, arguments)]
    script = f'exec "$@" {redirection}'
    return subprocess.run(
        ["sh", "-c", script, "sh", *command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def workflows(tmp_path: Path) -> Path:
    folder = tmp_path / "workflows"
    folder.mkdir()
    for number in range(3):
        text = f"on: push\nname: {number}\n"
        (folder / f"{number}.yml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_nothing(closed: str, workflows: Path) -> None:
    store = workflows.with_name("store")
    done = tct(closed, "prepare", workflows, "-o", store)
    assert (done.returncode, done.stderr) == (0, "")
    verified = CliRunner().invoke(main, ["store", "verify", str(store), "--decode"])
    assert verified.exit_code == 0, verified.output


def test_a_closed_stdin_lists_nothing(tmp_path: Path) -> None:
    done = tct("<&-", "prepare", "-", "-o", tmp_path / "store")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: -: found no path on stdin; ")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", ["--help", "--version", "prepare --help"])
def test_a_full_disk_behind_stdout_is_one_line(arguments: str) -> None:
    done = tct(">/dev/full", *arguments.split())
    assert done.returncode == 1
    assert done.stderr.startswith("Error: input or output: No space left on device; ")
    assert done.stderr.count("\n") == 1


def test_a_device_is_not_said_to_be_absent() -> None:
    done = tct("", "tokenizer", "show", os.devnull)
    expected = f"Error: {os.devnull}: found a device, expected a regular file; "
    assert done.returncode == 1
    assert done.stderr.startswith(expected)
