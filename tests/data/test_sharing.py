"""One copy of the tokens for all: views of the map, processes that only read."""

import os
import shlex
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from tct.data.store import Store
from tct.data.windows import POLICIES, Policy
from tct.data.windows.batches import Batches
from tct.data.windows.layouts import LAYOUTS, Layout
from tct.tests.processes import Child

BuildStore = Callable[..., Store]
MEGABYTE = 1_000_000


@pytest.fixture
def large(build_store: BuildStore) -> Store:
    """20 MB of tokens in 5,000 documents and three shards."""
    tokens = np.random.default_rng(0).integers(0, 8192, 10_000_000).astype("<u2")
    store = build_store(np.split(tokens, 5000), max_tokens=4_000_000)
    assert len(store.shards) == 3
    return store


def mapped_ranges(path: Path) -> list[tuple[int, int]]:
    """The addresses where this process has a file mapped."""
    table = Path("/proc/self/maps")
    if not table.exists():
        pytest.skip("this system does not tell what is mapped where")
    found = []
    for line in table.read_text().splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5] == str(path.resolve()):
            begin, end = (int(address, 16) for address in fields[0].split("-"))
            found.append((begin, end))
    assert found, f"{path} is not mapped"
    return found


def is_in_the_map(array: NDArray[np.generic], path: Path) -> bool:
    begin = array.ctypes.data
    end = begin + (len(array) - 1) * array.strides[0] + array.itemsize
    return any(first <= begin and end <= last for first, last in mapped_ranges(path))


# ------------------------------------------------------------------------------ views


def test_shards_and_tokens_are_the_mapped_file(store: Store) -> None:
    for number, shard in enumerate(store.shards):
        path = store.folder / f"tokens-{number:05d}.npy"
        assert is_in_the_map(shard, path)
        assert not shard.flags.writeable
        assert not shard.flags.owndata
    for row in range(len(store)):
        tokens = store.tokens(row)
        assert len(tokens) == store.length[row]
        assert np.shares_memory(tokens, store.shards[store.shard[row]])
        assert not tokens.flags.writeable


def test_tokens_of_a_later_shard_are_the_mapped_file(large: Store) -> None:
    assert large.shard[-1] == 2
    tokens = large.tokens(len(large) - 1)
    assert is_in_the_map(tokens, large.folder / "tokens-00002.npy")
    assert not is_in_the_map(tokens.copy(), large.folder / "tokens-00002.npy")


def test_index_columns_are_the_mapped_file(store: Store) -> None:
    path = store.folder / "docs.arrow"
    for column in (store.shard, store.offset, store.phase):
        assert len(column) == len(store)
        assert is_in_the_map(column, path)
        assert not column.flags.owndata
    assert store.phase is store.phase  # looked up once
    # Lengths are widened for arithmetic: 8 bytes per document, the one copy.
    assert store.length.dtype == np.int64
    assert store.length.tolist() == store.docs["length"].to_pylist()


def test_the_phase_is_the_first_two_bytes_of_the_hash(store: Store) -> None:
    hashes = store.docs["sha256"].to_pylist()
    assert store.phase.dtype == np.dtype("<u2")
    assert store.phase.tolist() == [int.from_bytes(sha[:2], "little") for sha in hashes]
    assert len(set((store.phase % 32).tolist())) > 10


def test_the_index_is_mapped_and_not_read(store_folder: Path) -> None:
    before = pa.total_allocated_bytes()
    opened = Store.open(store_folder)
    assert opened.phase is not None
    assert pa.total_allocated_bytes() - before < opened.docs.nbytes / 4


def test_batches_hold_no_copy_of_the_tokens(large: Store) -> None:
    tokens = sum(shard.nbytes for shard in large.shards)
    assert tokens > 20 * MEGABYTE
    for policy in POLICIES:
        for layout in LAYOUTS:
            tracemalloc.start()
            try:
                read_fifty(large.folder, policy, layout)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert peak < 2 * MEGABYTE, (policy, layout)


def read_fifty(folder: Path, policy: Policy, layout: Layout) -> None:
    """Open a store and fill one buffer with fifty batches of several lookups."""
    batches = Batches(
        Store.open(folder),
        "train",
        batch_size=32,
        seed=0,
        policy=policy,
        layout=layout,
    )
    out = np.empty(batches.max_positions, dtype=np.uint16)
    for step in range(50):
        batches.batch(0, step * 3 % batches.num_steps(0), out)


# -------------------------------------------------------------------------- processes

# Prints the sha256 of some batches of every policy and layout, as one rank of three.
READER = """
import hashlib, sys
from pathlib import Path
import numpy as np
from tct.data.windows.batches import Batches
from tct.data.windows.layouts import LAYOUTS, Layout
from tct.data.store import Store
from tct.data.windows import POLICIES

folder = Path(sys.argv[1])
if len(sys.argv) > 2:
    try:
        (folder / "new").touch()
    except OSError:
        pass
    else:
        sys.exit("the folder can be written to")
store = Store.open(folder)
found = hashlib.sha256()
for policy in POLICIES:
    for layout in LAYOUTS:
        batches = Batches(
            store, "train", batch_size=8, seed=5, policy=policy, layout=layout
        )
        out = np.empty(batches.max_positions, dtype=np.uint16)
        for epoch in (0, 1):
            for step in range(batches.num_steps(epoch)):
                batch = batches.batch(epoch, step, out)
                found.update(batch.inputs.tobytes() + batch.last.tobytes())
                found.update(batch.windows.document.tobytes())
print(found.hexdigest())
"""


def snapshot(folder: Path) -> dict[str, tuple[int, int, int]]:
    return {
        path.name: (path.stat().st_size, path.stat().st_mtime_ns, path.stat().st_mode)
        for path in [folder, *folder.iterdir()]
    }


@pytest.fixture
def read_only(build_store: BuildStore) -> Iterator[Path]:
    """The folder of a store whose mode lets nobody write."""
    draw = np.random.default_rng(0)
    sizes = [*draw.integers(1, 3000, 100).tolist(), 1, 1023, 1024, 1025, 5000]
    documents = [draw.integers(0, 8192, size).astype("<u2") for size in sizes]
    folder = build_store(documents, max_tokens=50_000).folder
    paths = [*folder.iterdir(), folder]
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    yield folder
    for path in paths:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)


def reader(folder: Path) -> list[str]:
    """The command that reads a folder and cannot write to it."""
    command = [sys.executable, "-c", READER, str(folder), "sealed"]
    if os.geteuid() != 0:
        return command
    # Root may write whatever the mode is, so mount the folder read-only for it alone.
    name = shlex.quote(str(folder))
    mount = f"mount --bind {name} {name} && mount -o remount,ro,bind {name}"
    sealed = ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    try:
        subprocess.run([*sealed, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("root can write to any folder here, and cannot mount it read-only")
    return [*sealed, *command]


def test_processes_that_cannot_write_read_the_same_at_once(read_only: Path) -> None:
    command = reader(read_only)
    before = snapshot(read_only)
    environment = {"PYTHONDONTWRITEBYTECODE": 1}
    with ExitStack() as stack:
        running = [stack.enter_context(Child(command, environment)) for _ in range(3)]
        printed = [process.finish() for process in running]
    assert [err for _, err in printed] == [""] * 3
    assert snapshot(read_only) == before
    digests = {out for out, _ in printed}
    assert len(digests) == 1
    # And what one process reads alone from a folder that it could write to.
    with Child([sys.executable, "-c", READER, read_only], environment) as process:
        assert digests == {process.finish()[0]}
    assert snapshot(read_only) == before


def test_reading_changes_no_file(store: Store) -> None:
    before = snapshot(store.folder)
    for policy in POLICIES:
        batches = Batches(store, "train", batch_size=8, seed=0, policy=policy)
        for step in range(batches.num_steps(0)):
            inputs = batches.batch(0, step).inputs
            assert not any(np.shares_memory(inputs, shard) for shard in store.shards)
            inputs.fill(0)  # a batch is the caller's own
    assert snapshot(store.folder) == before
    Store.open(store.folder, verify="full")
