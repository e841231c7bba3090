"""Killed anywhere, a run leaves the old store or the new one, and can be taken up."""

import json
import os
import random
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tct.cli import main
from tct.data.display.progress import SilentProgress
from tct.data.errors import ConfigError
from tct.data.files import sha256_file
from tct.pipeline.prepare import PrepareOptions, prepare
from tct.pipeline.prepare.selection import Rules
from tct.tests.processes import Child

FAULTS = Path(__file__).with_name("faults.py")


def start(mode: str, *arguments: Path, **environment: object) -> Child:
    return Child([sys.executable, FAULTS, mode, *arguments], environment)


def finish(mode: str, *arguments: Path, **environment: object) -> str:
    with start(mode, *arguments, **environment) as process:
        return process.finish()[0]


def state(store: Path) -> dict[str, str]:
    found = {path.name: sha256_file(path) for path in store.iterdir()}
    manifest = json.loads((store / "manifest.json").read_bytes())
    return {**found, "manifest.json": manifest["digest"]}


@pytest.fixture(scope="module")
def few(workflows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 workflows: five parts of at most five, `run` in `faults.py`."""
    folder = tmp_path_factory.mktemp("few")
    for number, path in enumerate(sorted(workflows.rglob("*.yml"))[:24]):
        (folder / f"{number:02}.yml").write_bytes(path.read_bytes())
    (folder / "bad.yml").write_text("a: 1\na: 2\n")
    return folder


@pytest.fixture(scope="module")
def undisturbed(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of `few`, made in this process as a single part."""
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    prepare([few], store, PrepareOptions(workers=1), SilentProgress())
    return store


@pytest.fixture(scope="module")
def old(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a third of `few`, with a group of validation documents more."""
    store = tmp_path_factory.mktemp("old") / "store"
    files = sorted(few.iterdir())[::3]
    prepare(
        files,
        store,
        PrepareOptions(rules=Rules(split_seed=1), workers=1),
        SilentProgress(),
    )
    return store


def fault_points(store: Path, few: Path, **environment: object) -> list[dict[str, Any]]:
    lines = finish("points", store, few, **environment).splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    "every", [pytest.param(1, marks=pytest.mark.slow), pytest.param(9)]
)
def test_a_run_killed_at_any_event_leaves_no_store_and_ends_with_the_same_bytes(
    few: Path, undisturbed: Path, tmp_path: Path, every: int
) -> None:
    found = fault_points(tmp_path / "made" / "store", few, EVERY=every)
    expected = state(undisturbed)
    assert found[-1]["point"] > 60  # five parts, each with several events
    for point in found:
        assert point["killed"] in ({}, expected), point
        assert point["after"] == expected, point
        assert point["left"] == ["store"], point
    # Some points come before the store is there, some after.
    assert {} in [point["killed"] for point in found]


@pytest.mark.parametrize(
    "every", [pytest.param(1, marks=pytest.mark.slow), pytest.param(9)]
)
def test_a_run_killed_at_any_event_leaves_the_old_store_or_the_new_one(
    few: Path, undisturbed: Path, old: Path, tmp_path: Path, every: int
) -> None:
    found = fault_points(tmp_path / "made" / "store", few, EVERY=every, OLD=old)
    before, expected = state(old), state(undisturbed)
    assert before.keys() == expected.keys()
    assert found[-1]["point"] > 60
    for point in found:
        assert point["killed"] in (before, expected), point
        assert point["after"] == expected, point
        assert point["left"] == ["store"], point
    if every == 1:
        assert expected in [point["killed"] for point in found]


@pytest.mark.parametrize(
    "times", [pytest.param(50, marks=pytest.mark.slow), pytest.param(3)]
)
def test_a_run_killed_at_any_moment_ends_with_the_same_bytes(
    few: Path, undisturbed: Path, tmp_path: Path, times: int
) -> None:
    draw, store = random.Random(times), tmp_path / "made" / "store"
    begun = time.monotonic()
    finish("run", store, few, PROCESSES=2)
    longest = time.monotonic() - begun
    killed = 0
    for number in range(times):
        store = tmp_path / f"killed-{number}" / "store"
        with start("run", store, few, PROCESSES=2) as process:
            time.sleep(draw.uniform(0, longest))
        killed += process.returncode == -signal.SIGKILL
        finish("run", store, few, PROCESSES=2)
        assert state(store) == state(undisturbed)
        assert [path.name for path in store.parent.iterdir()] == ["store"]
    assert killed  # a busy machine may have been slower at first


def test_several_processes_make_the_same_bytes_as_one(
    few: Path, undisturbed: Path, tmp_path: Path
) -> None:
    for processes in (1, 2, 3):
        store = tmp_path / f"by-{processes}"
        finish("run", store, few, PROCESSES=processes)
        assert state(store) == state(undisturbed)


def test_a_part_whose_process_is_killed_is_done_again(
    few: Path, undisturbed: Path, tmp_path: Path
) -> None:
    store = tmp_path / "made" / "store"
    finish("lose", store, few, PROCESSES=2)
    lost = sorted(path.name for path in store.parent.glob("lost-*"))
    assert lost == ["lost-1", "lost-4"]
    assert state(store) == state(undisturbed)


def test_a_part_that_kills_every_process_is_given_up(few: Path, tmp_path: Path) -> None:
    with start("die", tmp_path / "store", few, PROCESSES=2) as process:
        _, stderr = process.finish(code=1)
    message = (
        r"WorkerError: part \d: lost 3 processes .*; use fewer --workers; finished"
    )
    assert re.search(message, stderr)
    assert not (tmp_path / "store").exists()


def wait_until_workers_run(process: Child, store: Path) -> None:
    parts = store.with_name(f".{store.name}.staging") / "parts"
    process.wait_until(lambda: list(parts.glob("*.json")))


@pytest.fixture(scope="module")
def many(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`few` as 30,000 rows, to interrupt their tokenizing, which Python does slowly."""
    path = tmp_path_factory.mktemp("many") / "many.jsonl"
    texts = [path.read_text() for path in sorted(few.iterdir())]
    with path.open("w") as file:
        for number in range(30_000):
            text = f"{texts[number % len(texts)]}\n# {number}\n"
            file.write(json.dumps({"text": text}) + "\n")
    return path


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_workers_end_with_the_process_that_started_them(
    many: Path, tmp_path: Path
) -> None:
    with start("run", tmp_path / "store", many, PROCESSES=2, TCT_NATIVE=0) as process:
        wait_until_workers_run(process, tmp_path / "store")
        assert len(process.family()) > 2
        process.kill()  # the parent alone
        process.finish(code=-signal.SIGKILL)
        end = time.monotonic() + 300
        while process.family():
            assert time.monotonic() < end
            time.sleep(0.05)


def test_ctrl_c_stops_all_processes_and_keeps_what_is_done(
    many: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with start("run", store, many, PROCESSES=2, TCT_NATIVE=0) as process:
        wait_until_workers_run(process, store)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, stderr = process.finish(code=None)
    assert stderr.count("KeyboardInterrupt") == 1, stderr  # the parent's alone
    assert list((tmp_path / ".store.staging" / "parts").glob("*.json"))
    assert not store.exists()


def test_a_second_process_is_told_who_is_at_work(many: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    with start("run", store, many, PROCESSES=2, TCT_NATIVE=0) as process:
        wait_until_workers_run(process, store)
        os.killpg(process.pid, signal.SIGSTOP)  # so that it cannot be done too soon
        second = CliRunner().invoke(main, ["prepare", str(many), "-o", str(store)])
    assert second.exit_code == 1
    assert f"in use by process {process.pid} on" in second.stderr
    assert "wait until that process is done" in second.stderr


# -- Ray -------------------------------------------------------------------------------


@pytest.mark.slow
def test_ray_makes_the_same_store_when_a_worker_is_killed_in_the_middle_of_a_part(
    few: Path, undisturbed: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    store = tmp_path / "made" / "store"
    finish("lose-on-ray", store, few, PROCESSES=2)
    lost = sorted(path.name for path in store.parent.glob("lost-*"))
    assert lost == ["lost-1", "lost-4"]
    assert state(store) == state(undisturbed)
    # What the killed worker had begun is not in the way of the other one.
    assert sorted(path.name for path in store.parent.iterdir()) == [*lost, "store"]


@pytest.mark.slow
def test_a_part_that_kills_every_worker_of_ray_is_given_up(
    few: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    with start("die-on-ray", tmp_path / "store", few, PROCESSES=2) as process:
        _, stderr = process.finish(code=1)
    assert "WorkerError: Ray: a part's process was lost 4 times" in stderr
    assert not (tmp_path / "store").exists()


def test_without_ray_it_says_what_to_install(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    options = PrepareOptions(engine="ray")
    with pytest.raises(ConfigError, match=r"--engine ray: the package ray is not inst"):
        prepare([few], tmp_path / "store", options, SilentProgress())
    assert list(tmp_path.iterdir()) == []
