import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch

from tct.data.errors import CheckpointError, ConfigError
from tct.data.store import Store
from tct.data.tokenizer import PAD
from tct.data.windows.batches import Batches
from tct.data.windows.layouts import LAYOUTS, Layout
from tct.trainer.config import Config
from tct.trainer.model import IGNORE_INDEX
from tct.trainer.training.distributed import World
from tct.trainer.training.loader import DeviceBatch, Loader
from tct.trainer.training.splits import training_batches

MakeStore = Callable[..., Store]
CPU = torch.device("cpu")
WORLD = World(device=CPU)
LENGTHS = [60, 20, 200, 33, 5, 64, 65, 130, 1, 2]
needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="this machine has no CUDA device"
)


@pytest.fixture(scope="module")
def store(make_store: MakeStore) -> Store:
    return make_store(LENGTHS, [7, 80], vocabulary=8192)


def make(store: Store, **settings: Any) -> Batches:
    values = {"batch_size": 4, "seed": 3, "context": 64} | settings
    return Batches(store, "train", **values)


def as_lists(batch: DeviceBatch) -> list[tuple[list[list[int]], list[list[int]]]]:
    return [
        (part.inputs.tolist(), part.targets.tolist()) for part in batch.micro_batches
    ]


def take(loader: Loader, number: int) -> list[Any]:
    return [
        (batch.epoch, batch.step, batch.num_targets, as_lists(batch))
        for batch in islice(loader, number)
    ]


def slow_rows(store: Store, batch: DeviceBatch) -> Iterator[tuple[list[int], ...]]:
    """Inputs and targets of each window, by the words of the documentation."""
    windows = batch.windows
    columns = (windows.document, windows.start, windows.end)
    for row, start, end in zip(*(c.tolist() for c in columns), strict=True):
        content = store.tokens(row)[start:end].tolist()
        rest = 64 - len(content)
        yield (
            [start // 32, *content[:-1], *[PAD] * rest],
            [*content, *[IGNORE_INDEX] * rest],
        )


def test_padded_tensors_are_the_windows_of_the_documentation(store: Store) -> None:
    batches = make(store)
    with Loader(batches, CPU) as loader:
        for batch in islice(loader, 3 * batches.num_steps(0)):
            (part,) = batch.micro_batches
            assert part.inputs.dtype == part.targets.dtype == torch.int64
            assert part.inputs.shape == part.targets.shape == (4, 64)
            assert part.bounds is None
            rows = list(zip(part.inputs.tolist(), part.targets.tolist(), strict=True))
            used = len(batch.windows)
            assert rows[:used] == list(slow_rows(store, batch))
            assert rows[used:] == [([PAD] * 64, [IGNORE_INDEX] * 64)] * (4 - used)
            assert batch.num_targets == int(batch.windows.length.sum())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rows", [1, 3, None])
@pytest.mark.parametrize("static", [True, False])
def test_every_layout_holds_the_same_windows(
    store: Store, layout: Layout, rows: int | None, static: bool
) -> None:
    def pieces(batch: DeviceBatch) -> list[tuple[int, ...]]:
        """The (input, target) pairs of each window, in some order."""
        found: list[tuple[int, ...]] = []
        for part in batch.micro_batches:
            x, y = part.inputs.flatten().tolist(), part.targets.flatten().tolist()
            spans = [part.inputs.size(1)] * part.inputs.size(0)
            if part.bounds is not None:
                assert part.bounds.dtype == torch.int32
                assert part.bounds[0] == 0
                spans = part.bounds.diff().tolist()
            assert sum(spans) == len(x)
            begin = 0
            for span in spans:
                kept = [i for i in range(begin, begin + span) if y[i] != IGNORE_INDEX]
                assert kept == list(range(begin, begin + len(kept)))
                assert all(x[i] == PAD for i in range(begin + len(kept), begin + span))
                if kept:
                    pairs = [(x[i], y[i]) for i in kept]
                    found.append(tuple(token for pair in pairs for token in pair))
                begin += span
        return sorted(found)

    reference = make(store)
    other = make(store, layout=layout, rows=rows, static=static)
    with Loader(reference, CPU) as left, Loader(other, CPU) as right:
        for a, b in islice(zip(left, right, strict=True), 2 * reference.num_steps(0)):
            assert pieces(a) == pieces(b)
            assert len(pieces(a)) == len(a.windows)


def test_epochs_follow_on_one_another(store: Store) -> None:
    batches = make(store)
    expected = [
        (epoch, step) for epoch in range(3) for step in range(batches.num_steps(epoch))
    ]
    with Loader(batches, CPU) as loader:
        found = [(b.epoch, b.step) for b in islice(loader, len(expected))]

    assert found == expected


def test_an_epoch_without_a_window_is_skipped(make_store: MakeStore) -> None:
    # `original` leaves short documents out at every offset but 0: 2 views here.
    batches = make(make_store([5, 6]), policy="original")
    assert batches.num_steps(1) == 0
    with Loader(batches, CPU) as loader:
        assert [b.epoch for b in islice(loader, 3)] == [0, 2, 4]


def test_a_split_without_windows_is_refused(make_store: MakeStore) -> None:
    with pytest.raises(ConfigError, match="found no window in the train split"):
        Loader(make(make_store([], [5])), CPU)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stop", [0, 1, 5, 6, 7, 13])
def test_a_loaded_state_goes_on_as_if_it_had_not_stopped(
    store: Store, layout: Layout, stop: int
) -> None:
    batches = make(store, layout=layout)
    with Loader(batches, CPU) as loader:
        whole = take(loader, 20)
    with Loader(batches, CPU) as loader:
        before = take(loader, stop)
        state = loader.state_dict()
    with Loader(make(store, layout=layout), CPU) as loader:
        take(loader, 3)  # what it did before does not matter
        loader.load_state_dict(state)
        after = take(loader, 20 - stop)

    assert before + after == whole


def test_a_state_counts_what_was_handed_out_not_what_was_made(store: Store) -> None:
    with Loader(make(store), CPU) as loader:
        assert (loader.state_dict()["epoch"], loader.state_dict()["step"]) == (0, 0)
        next(loader)
        # The thread is up to four batches further by now.
        assert (loader.state_dict()["epoch"], loader.state_dict()["step"]) == (0, 1)


def test_a_state_may_go_on_with_other_ranks_and_layouts(store: Store) -> None:
    with Loader(make(store), CPU) as loader:
        take(loader, 2)
        state = loader.state_dict()
        whole = next(loader)
    windows = []
    for rank in range(3):
        part = make(store, layout="packed", rank=rank, world_size=3)
        with Loader(part, CPU) as loader:
            loader.load_state_dict(state)
            batch = next(loader)
            assert batch.num_targets == whole.num_targets
            windows.append(batch.windows.document)

    assert np.concatenate(windows).tolist() == whole.windows.document.tolist()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("windows", {"policy": "spread"}),
        ("seed", {"seed": 4}),
        ("batch_size", {"batch_size": 5}),
        ("context", {"context": 32}),
        ("stride", {"stride": 16}),
    ],
)
def test_a_state_of_another_order_is_refused(
    store: Store, name: str, settings: dict[str, Any]
) -> None:
    state = Loader(make(store, **settings), CPU).state_dict()
    loader = Loader(make(store), CPU)
    with pytest.raises(CheckpointError, match=f"loader state: {name} is .*, but these"):
        loader.load_state_dict(state)


@pytest.mark.parametrize("name", ["epoch", "step"])
@pytest.mark.parametrize("value", [None, -1, "3", 1.5])
def test_a_damaged_state_is_refused(store: Store, name: str, value: Any) -> None:
    loader = Loader(make(store), CPU)
    state = loader.state_dict() | {name: value}
    with pytest.raises(CheckpointError, match=f"loader state: {name} is .*, expected"):
        loader.load_state_dict(state)


def test_a_state_of_another_store_is_refused(
    store: Store, make_store: MakeStore
) -> None:
    state = Loader(make(make_store([60, 21])), CPU).state_dict()
    with pytest.raises(CheckpointError, match="loader state: store is "):
        Loader(make(store), CPU).load_state_dict(state)


def test_what_was_handed_out_does_not_change_when_slots_are_filled_again(
    store: Store,
) -> None:
    with Loader(make(store), CPU) as loader:
        batches = list(islice(loader, 12))
        first = [as_lists(batch) for batch in batches]
        take(loader, 12)

    assert [as_lists(batch) for batch in batches] == first
    with Loader(make(store), CPU) as loader:
        assert [as_lists(batch) for batch in islice(loader, 12)] == first


def test_closing_stops_the_thread(store: Store) -> None:
    before = threading.active_count()
    loader = Loader(make(store), CPU)
    next(loader)
    assert threading.active_count() == before + 1
    loader.close()
    loader.close()
    assert threading.active_count() == before


def test_an_error_of_the_thread_reaches_the_caller(store: Store) -> None:
    batches = make(replace(store, shards=[shard[:50] for shard in store.shards]))
    loader = Loader(batches, CPU)
    with pytest.raises((ValueError, IndexError)):
        take(loader, batches.num_steps(0))
    assert loader.state_dict()["epoch"] == 0


@needs_cuda
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_gpu_gets_the_tensors_of_the_cpu(store: Store, layout: Layout) -> None:
    batches = make(store, layout=layout)
    gpu = torch.device("cuda")
    with Loader(batches, CPU) as left, Loader(make(store, layout=layout), gpu) as right:
        pairs = list(islice(zip(left, right, strict=True), 40))
    for a, b in pairs:
        assert b.micro_batches[0].inputs.is_cuda
        assert as_lists(a) == as_lists(b)


def test_a_run_reads_the_windows_that_its_configuration_names(
    store: Store, small: Config
) -> None:
    config = replace(small, data=replace(small.data, windows="overlap"))
    assert training_batches(store, config, WORLD).policy == "overlap"
    assert training_batches(store, config, WORLD).layout == "bucketed"
    run = replace(config.run, layout="packed", micro_batch=2)
    batches = training_batches(store, replace(config, run=run), WORLD)
    assert (batches.layout, batches.rows) == ("packed", 2)
