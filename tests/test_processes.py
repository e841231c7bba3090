"""What tests start ends with them, and is waited for as long as it does something."""

import sys
from contextlib import suppress

import pytest

from tct.tests import processes
from tct.tests.processes import Child

LEAVES = """
import subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(999)"]
subprocess.Popen(sleep, start_new_session=True)
print("started", flush=True)
{}
"""


@pytest.mark.parametrize("end", ["time.sleep(999)", ""], ids=["running", "over"])
def test_a_failing_test_leaves_nothing_behind(end: str) -> None:
    process = Child([sys.executable, "-c", LEAVES.format(end)])
    with suppress(ZeroDivisionError), process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        assert process.family()
        raise ZeroDivisionError

    assert process.family() == []
    assert process.poll() is not None


def test_waiting_ends_when_a_process_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "_STALLED_SECONDS", 0.5)
    with (
        Child([sys.executable, "-c", "import time; time.sleep(999)"]) as process,
        pytest.raises(AssertionError, match="stands still"),
    ):
        process.finish()


def test_waiting_ends_when_a_process_never_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "_MOST_CPU_SECONDS", 0.2)
    with (
        Child([sys.executable, "-c", "while True: pass"]) as process,
        pytest.raises(AssertionError, match="goes on"),
    ):
        process.finish()


def test_an_end_of_another_kind_shows_what_was_said() -> None:
    with (
        Child([sys.executable, "-c", "raise SystemExit('because')"]) as process,
        pytest.raises(AssertionError, match="because"),
    ):
        process.finish()
