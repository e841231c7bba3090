"""The number of threads: from quota, affinity and load, unless it is given."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tct.tests.processes import Child
from tct.trainer.threads import (
    cgroup_quota,
    fitting_threads,
    idle_processors,
    use_threads,
)

TRAIN = ["--preset=tiny", "--set=width=32", "--set=layers=1", "--set=heads=2"]


@pytest.mark.parametrize(
    ("free", "threads"),
    [(-1.0, 1), (0.0, 1), (0.4, 1), (1.4, 1), (1.5, 2), (3.9, 4), (4.4, 4), (9.0, 4)],
)
def test_there_is_a_thread_for_each_free_processor(free: float, threads: int) -> None:
    assert fitting_threads(free, most=4) == threads


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_the_smallest_quota_of_all_groups_around_counts(tmp_path: Path) -> None:
    groups, root = tmp_path / "cgroup", tmp_path / "fs"
    groups.write_text("0::/outer/inner\n")
    write(root / "outer/inner", cpu__max="max 100000\n")
    assert cgroup_quota(groups, root) is None
    write(root / "outer", cpu__max="250000 100000\n")
    assert cgroup_quota(groups, root) == 2.5
    write(root, cpu__max="50000 100000\n")
    assert cgroup_quota(groups, root) == 0.5


def test_the_first_version_of_groups_is_read_too(tmp_path: Path) -> None:
    groups, root = tmp_path / "cgroup", tmp_path / "fs"
    groups.write_text("4:memory:/a\n2:cpu,cpuacct:/a\n0::/\n")
    write(root / "memory/a", cpu__cfs_quota_us="1000", cpu__cfs_period_us="100000")
    write(root / "cpu/a", cpu__cfs_quota_us="-1\n", cpu__cfs_period_us="100000\n")
    assert cgroup_quota(groups, root) is None
    write(root / "cpu/a", cpu__cfs_quota_us="150000\n", cpu__cfs_period_us="100000\n")
    assert cgroup_quota(groups, root) == 1.5


def test_a_system_without_groups_has_no_quota(tmp_path: Path) -> None:
    assert cgroup_quota(tmp_path / "nothing") is None


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_a_processor_that_is_busy_is_not_idle() -> None:
    """Pinned to one processor beside a process that spins on it."""
    program = "import os; os.sched_setaffinity(0, {%d}); print(flush=True)\nwhile 1: 0"
    mine = os.sched_getaffinity(0)
    one = min(mine)
    with Child([sys.executable, "-c", program % one]) as child:
        assert child.stdout is not None
        child.stdout.readline()
        os.sched_setaffinity(0, {one})
        try:
            assert idle_processors() < 0.5
        finally:
            os.sched_setaffinity(0, mine)


def first_line(store: Path, folder: Path, *options: str, **variables: str) -> str:
    """What `tct train` says first."""
    command = [sys.executable, "-m", "tct", "train", str(store), "-o", str(folder)]
    env = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [*command, *TRAIN, "--device=cpu", "--steps=1", *options],
        env=env | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return str(done.stderr).splitlines()[0]


def test_a_run_begins_with_the_threads_it_chose(
    store_folder: Path, tmp_path: Path
) -> None:
    line = first_line(store_folder, tmp_path / "chosen")
    assert line.startswith("threads: ")
    assert line.endswith("; --threads changes it")
    assert " idle" in line


def test_threads_that_were_given_are_not_chosen_again(
    store_folder: Path, tmp_path: Path
) -> None:
    for number, (options, variables) in enumerate(
        [(["--threads=1"], {}), ([], {"OMP_NUM_THREADS": "1"})]
    ):
        line = first_line(store_folder, tmp_path / str(number), *options, **variables)
        assert line.startswith("step 1/1  loss")


def test_an_option_sets_the_threads() -> None:
    before = torch.get_num_threads()
    try:
        use_threads(3, device="cpu")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
