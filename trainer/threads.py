"""How many threads PyTorch computes with: as many as there are idle processors.

The threads of a product wait for each other in a spin, so a thread too many takes the
time of the others: two on two processors that are busy elsewhere are an order of
magnitude slower than one.  PyTorch's own default counts processors, busy or not.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import click
import torch

from .training.device import pick_device

__all__ = ["cgroup_quota", "fitting_threads", "idle_processors", "use_threads"]

_SAMPLE = 0.2  # seconds; the kernel counts in hundredths
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def use_threads(asked: int | None, *, device: str) -> None:
    """Set the number of PyTorch's threads, and say on stderr what was chosen.

    On a GPU, and where OMP_NUM_THREADS or MKL_NUM_THREADS is set, PyTorch keeps its
    own number unless one is asked for.

    Args:
        asked: this many; None chooses by what is idle now.
        device: of the model, as for `pick_device`.

    Raises:
        ConfigError: no such device.
    """
    if asked is not None:
        torch.set_num_threads(asked)
        return
    if pick_device(device).type != "cpu" or any(map(os.environ.get, _VARIABLES)):
        return
    most, free = torch.get_num_threads(), free_processors()
    threads = fitting_threads(free.number, most=most)
    torch.set_num_threads(threads)
    if os.environ.get("RANK", "0") == "0":
        click.echo(
            f"threads: {threads} of {most}, {free}; --threads changes it", err=True
        )


def fitting_threads(free: float, *, most: int) -> int:
    """The number of threads, 1 to `most`, for `free` processors."""
    return min(most, max(1, int(free + 0.5)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Free:
    """The processors that this process can have."""

    idle: float
    """Of those it may run on; a fraction counts one that is idle part of the time."""
    quota: float | None
    """Of its control group; None without a limit."""

    @property
    def number(self) -> float:
        """The smaller of both."""
        return self.idle if self.quota is None else min(self.idle, self.quota)

    def __str__(self) -> str:
        """In words."""
        text = f"{self.idle:.1f} idle"
        return text if self.quota is None else f"{text}, a quota of {self.quota:g}"


def free_processors() -> Free:
    """Look for a fifth of a second at what this process can have."""
    return Free(idle=idle_processors(), quota=cgroup_quota())


def idle_processors() -> float:
    """Idle processors among those that this process may run on, in a short sample.

    Where the kernel does not say, all but the load average of the last minute.
    """
    try:
        before = _ticks()
        time.sleep(_SAMPLE)
        after = _ticks()
    except OSError:
        return (os.cpu_count() or 1) - os.getloadavg()[0]
    mine = os.sched_getaffinity(0)
    idle = 0.0
    for processor in mine & before.keys() & after.keys():
        (idle_then, all_then), (idle_now, all_now) = before[processor], after[processor]
        passed = all_now - all_then
        idle += (idle_now - idle_then) / passed if passed else 1.0
    return idle


def _ticks() -> dict[int, tuple[int, int]]:
    """Ticks since the start of the machine by processor: idle ones, and all."""
    found = {}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name != "cpu":
            # user nice system idle iowait irq softirq steal; guests count as user
            ticks = [int(field) for field in fields[:8]]
            found[int(name[3:])] = ticks[3] + ticks[4], sum(ticks)
    return found


def cgroup_quota(
    groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> float | None:
    """Processors that the control groups of this process grant it; None for all.

    Args:
        groups: lists the groups, as cgroups(7) says.
        root: where they are mounted, of version 1 or 2.
    """
    try:
        lines = groups.read_text().splitlines()
    except OSError:  # not Linux
        return None
    quotas = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "cpu" if controllers else root
        place = top / path.lstrip("/")
        # A group has at most what the groups around it have.
        for folder in (place, *place.parents):
            quotas.append(_quota_of(folder))
            if folder == top:
                break
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota_of(folder: Path) -> float | None:
    """Of one group, in either version's files; None without a limit."""
    try:
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / name).read_text().strip() for name in names)
    except (OSError, ValueError):
        return None
    return int(quota) / int(period) if quota not in ("max", "-1") else None
