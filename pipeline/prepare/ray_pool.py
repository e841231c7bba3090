"""Do parts on a Ray cluster, or on a Ray that is started here.

Ray only sees numbers and records: inputs and results go through the staging folder,
which every node must see under the same path.  Ray retries tasks whose process or node
is lost; that is safe, since a part may be done more than once.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from ...data.errors import ConfigError, WorkerError

__all__ = ["run_on_ray"]

_Result = TypeVar("_Result")

_AHEAD = 2  # parts in flight per core
_MAX_RETRIES = 3


def run_on_ray(
    task: Callable[[int], _Result], numbers: Iterable[int], *, workers: int
) -> Iterator[_Result]:
    """Call `task` for each number; yield its results in any order.

    Args:
        task: may run on another node, and again if that node is lost.
        numbers: drawn as cores become free.
        workers: cores of a Ray that is started here; ignored for a cluster named in
            RAY_ADDRESS.

    Raises:
        ConfigError: Ray is not installed.
        WorkerError: a part lost its process in every attempt.
    """
    ray = _library()
    if not ray.is_initialized():
        here = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": workers}
        ray.init(**here, include_dashboard=False, log_to_driver=False)
    try:
        yield from _results(ray, task, numbers)
    except ray.exceptions.WorkerCrashedError as error:
        raise WorkerError(
            f"Ray: a part's process was lost {_MAX_RETRIES + 1} times, perhaps for "
            "lack of memory",
            "see Ray's logs; finished parts are kept",
        ) from error
    finally:
        ray.shutdown()


def _results(
    ray: Any, task: Callable[[int], _Result], numbers: Iterable[int]
) -> Iterator[_Result]:
    remote = ray.remote(max_retries=_MAX_RETRIES)(_do)
    most = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
    pending: list[Any] = []
    for number in numbers:
        pending.append(remote.remote(task, number))
        if len(pending) >= most:
            done, pending = ray.wait(pending)
            yield from ray.get(done)
    while pending:
        done, pending = ray.wait(pending)
        yield from ray.get(done)


def _do(task: Callable[[int], _Result], number: int) -> _Result:
    return task(number)


def _library() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            "--engine ray: the package ray is not installed",
            "pip install 'tct-workflows[ray]'",
        ) from error
    return ray
