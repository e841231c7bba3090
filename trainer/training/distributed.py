"""Data-parallel training: one process per device, one model.

`torchrun` starts the processes and tells each its rank.  Every process reads its slice
of each step's windows; gradients are averaged over all, so all hold the same weights at
all times.  Only rank 0 writes.  A process started alone is a world of size 1.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from ...data.errors import ConfigError
from .device import pick_device

__all__ = ["World", "is_main_process", "join"]


# Keep groups until the process ends.  The last reference would otherwise be that of
# DistributedDataParallel, which holds the interpreter's lock while it waits for a
# thread of Gloo, and that may be waiting for the lock to let go of a tensor.
_joined: list[object] = []


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """The processes of a run, seen from one of them."""

    device: torch.device
    """On which this process computes."""
    rank: int = 0
    """Of this process, 0 <= rank < size."""
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """Sum over all processes, elementwise; of tensors on any device."""
        if self.size == 1:
            return values
        values = values.to(self.device, copy=True)
        dist.all_reduce(values)
        return values

    def from_main(self, value: int) -> int:
        """The value that rank 0 has."""
        return int(self.total(torch.tensor(value if self.is_main else 0)).item())

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in at least one process."""
        if self.size == 1:
            return flag
        return bool(self.total(torch.tensor(int(flag))).item())


@contextmanager
def join(device: str = "auto") -> Iterator[World]:
    """Join the process group that `torchrun` announced; leave it with the block.

    Args:
        device: as for `pick_device`; each of several processes takes its own GPU.

    Raises:
        ConfigError: no such device, or fewer GPUs than processes on this machine.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(device=pick_device(device))
        return
    place = _device_of_rank(device, int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    _joined.append(dist.group.WORLD)
    try:
        yield World(device=place, rank=dist.get_rank(), size=size)
    finally:
        dist.destroy_process_group()


def is_main_process() -> bool:
    """Whether this is rank 0, which alone prints results."""
    return os.environ.get("RANK", "0") == "0"


def _device_of_rank(device: str, local_rank: int) -> torch.device:
    place = pick_device(device)
    if place.type != "cuda":
        return place
    if place.index is not None:
        raise ConfigError(
            f"device {device!r}: found one GPU for several processes, expected cuda",
            "leave --device out: each process takes a GPU of its own",
        )
    if local_rank >= torch.cuda.device_count():
        raise ConfigError(
            f"found {torch.cuda.device_count()} GPUs, "
            f"expected one for each process, of which this is number {local_rank + 1}",
            "lower torchrun's --nproc-per-node",
        )
    place = torch.device("cuda", local_rank)
    torch.cuda.set_device(place)
    return place
