"""What an epoch is said to hold is what it holds."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tct.data.display.progress import SilentProgress
from tct.data.errors import ConfigError
from tct.data.store import Split, Store
from tct.data.store.find import find_document
from tct.data.tokenizer import PAD
from tct.data.windows import POLICIES, Policy, Windows
from tct.data.windows.batches import Batches
from tct.data.windows.layouts import LAYOUTS, Layout
from tct.pipeline.prepare import PrepareOptions, prepare
from tct.tests.stores import store_of_lengths
from tct.trainer.inspect.bars import sample_documents
from tct.trainer.inspect.epoch import (
    epoch_windows,
    summarize,
    window_records,
)
from tct.trainer.inspect.epochs import typical_document
from tct.trainer.inspect.step import batch_windows
from tct.trainer.inspect.when import scheduled_windows

policies = pytest.mark.parametrize("policy", POLICIES)


def as_tuples(windows: Windows) -> list[tuple[int, int, int, int]]:
    columns = (windows.document, windows.start, windows.end, windows.position)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def small_batches(store: Store, policy: Policy = "plan") -> Batches:
    """A geometry in which short documents have many windows: C = 8, s = 2."""
    return Batches(
        store,
        "train",
        batch_size=4,
        seed=3,
        policy=policy,
        rows=2,
        context=8,
        stride=2,
    )


# -- counts ----------------------------------------------------------------------------


@policies
@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("epoch", [0, 1, 31, 32])
def test_the_summary_counts_what_the_windows_hold(
    store: Store, split: Split, epoch: int, policy: Policy
) -> None:
    batches = Batches(store, split, batch_size=8, seed=1, policy=policy, rows=4)
    counts = Counter(
        (document, token)
        for document, start, end, _ in as_tuples(epoch_windows(batches, epoch))
        for token in range(start, end)
    )
    rows = store.rows(split).tolist()
    summary = summarize(batches, epoch)
    assert (summary.epoch, summary.policy, summary.rows) == (epoch, policy, 4)
    assert summary.offset == batches.plan(epoch).offset
    assert summary.documents == len(rows)
    assert summary.windows == len(epoch_windows(batches, epoch))
    assert summary.steps == -(-summary.windows // 8)
    assert summary.tokens == sum(len(store.tokens(row)) for row in rows)
    assert summary.targets == counts.total()
    assert summary.covered == len(counts)
    assert summary.unseen == summary.tokens - len(counts)
    assert summary.repeated == sum(count > 1 for count in counts.values())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_pad_of_a_summary_is_that_of_the_batches(
    store: Store, layout: Layout
) -> None:
    batches = Batches(store, "train", batch_size=8, seed=1, layout=layout, rows=4)
    steps = range(batches.num_steps(5))
    inputs = np.concatenate([batches.batch(5, step).inputs for step in steps])
    summary = summarize(batches, 5)
    assert summary.positions[layout] == len(inputs)
    expected = (inputs == PAD).sum() / len(inputs)
    assert summary.pad_share(layout) == pytest.approx(expected)
    assert 0 < expected < 1


def test_an_epoch_without_windows_has_no_pad() -> None:
    batches = small_batches(store_of_lengths([3, 5]), "original")
    summary = summarize(batches, 1)
    assert (summary.windows, summary.steps, summary.covered) == (0, 0, 0)
    assert summary.unseen == summary.tokens == 8
    assert [summary.pad_share(layout) for layout in LAYOUTS] == [0, 0, 0]


def test_the_windows_of_an_epoch_name_rows_of_its_split(store: Store) -> None:
    names = store.docs["split"].to_pylist()
    splits: tuple[Split, Split] = ("train", "val")
    for split in splits:
        windows = epoch_windows(Batches(store, split, batch_size=1, seed=0), 3)
        assert {names[row] for row in windows.document.tolist()} == {split}


@policies
def test_the_windows_of_a_document_are_those_of_the_epoch(
    store: Store, policy: Policy
) -> None:
    batches = Batches(store, "train", batch_size=1, seed=0, policy=policy)
    for epoch in (0, 7):
        whole = epoch_windows(batches, epoch)
        for row in batches.documents.tolist():
            own = batches.document_windows(row, epoch)
            assert as_tuples(own) == as_tuples(whole[whole.document == row])


def test_a_split_without_documents_is_refused() -> None:
    store = store_of_lengths([5], val=[0])
    batches = Batches(store, "val", batch_size=1, seed=0)
    assert len(epoch_windows(batches, 0)) == 1
    object.__setattr__(batches, "documents", batches.documents[:0])
    message = "memory: the val split has no document; choose the other one with --split"
    with pytest.raises(ConfigError, match=message):
        epoch_windows(batches, 0)


@policies
def test_records_are_flat_and_complete(store: Store, policy: Policy) -> None:
    batches = Batches(store, "train", batch_size=1, seed=0, policy=policy)
    windows = epoch_windows(batches, 32)
    records = list(window_records(windows, 32, batches))
    assert records == [
        {
            "epoch": 32,
            "document": document,
            "start": start,
            "end": end,
            "position": start // 32,
            "context": 1024,
            "pad": 1024 - (end - start),
            "policy": policy,
        }
        for document, start, end, _ in as_tuples(windows)
    ]
    assert {type(value) for record in records for value in record.values()} <= {
        int,
        str,
    }


# -- when ------------------------------------------------------------------------------


@policies
@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_the_scheduled_windows_of_a_document_are_those_of_a_search_through_all_steps(
    policy: Policy, lengths: list[int]
) -> None:
    batches = small_batches(store_of_lengths(lengths), policy)
    expected, before = [], 0
    for epoch in range(6):  # two more than there are alignments
        for step in range(batches.num_steps(epoch)):
            for document, start, end, position in as_tuples(
                batches.windows(epoch, step)
            ):
                if document == 0:
                    found = (epoch, start, end, position, step, before + step)
                    expected.append(found)
        before += batches.num_steps(epoch)
    assert sorted(expected) == [
        (each.epoch, each.start, each.end, each.position, each.step, each.run_step)
        for each in scheduled_windows(batches, 0, range(6))
    ]


def test_the_scheduled_windows_number_the_windows_of_each_epoch() -> None:
    found = list(scheduled_windows(small_batches(store_of_lengths([20])), 0, [1, 3]))
    assert [(each.epoch, each.offset) for each in found] == [(1, 2)] * 4 + [(3, 6)] * 3
    assert [each.window for each in found] == [0, 1, 2, 3, 0, 1, 2]
    assert [each.num_windows for each in found] == [4] * 4 + [3] * 3


def test_a_document_of_the_other_split_is_never_trained() -> None:
    batches = small_batches(store_of_lengths([5, 5], val=[1]))
    message = "document 1: found it in the val split, expected it in train; add --split"
    with pytest.raises(ConfigError, match=message):
        list(scheduled_windows(batches, 1, [0]))


# -- batches ---------------------------------------------------------------------------


@policies
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("rank", "world"), [(0, 1), (1, 3)])
def test_the_windows_of_a_batch_lie_where_they_are_said_to(
    policy: Policy, layout: Layout, rank: int, world: int
) -> None:
    store = store_of_lengths([3, 8, 9, 21, 5, 30, 2])
    batches = Batches(
        store,
        "train",
        batch_size=6,
        seed=1,
        policy=policy,
        layout=layout,
        rows=2,
        context=8,
        stride=2,
        rank=rank,
        world_size=world,
    )
    for step in range(batches.num_steps(0)):
        batch = batches.batch(0, step)
        seen = np.zeros(len(batch.inputs), dtype=np.int64)
        for window in batch_windows(batch):
            ids = store.tokens(window.document)[window.start : window.end]
            assert window.inputs.tolist() == [window.start // 2, *ids[:-1].tolist()]
            assert window.targets.tolist() == ids.tolist()
            assert window.is_target.all()
            rows, width = batch.arrangement.passes[window.number_of_pass]
            assert window.row < rows
            assert window.column + len(ids) + window.pad <= width
            before = batch.arrangement.passes[: window.number_of_pass]
            begin = sum(height * size for height, size in before)
            assert window.first == begin + window.row * width + window.column
            seen[window.first : window.first + len(ids) + window.pad] += 1
            behind = window.first + len(ids)
            assert (batch.inputs[behind : behind + window.pad] == PAD).all()
        # What belongs to no window is PAD of rows without one.
        assert seen.max() == min(1, len(batch.windows))  # a rank may have none
        assert (batch.inputs[seen == 0] == PAD).all()


# -- which documents -------------------------------------------------------------------


def test_a_sample_has_both_sides_of_the_context_and_both_ends() -> None:
    lengths = np.array([50, 7, 8, 9, 1, 3, 20, 30, 2, 8])
    found = lengths[sample_documents(lengths, 6, 8)].tolist()
    assert found == [1, 3, 8, 9, 30, 50]
    assert sample_documents(lengths, 6, 8).tolist() == [4, 5, 9, 3, 7, 0]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(0, 25))
def test_a_sample_is_as_large_as_it_can_be(lengths: list[int], limit: int) -> None:
    found = sample_documents(np.array(lengths), limit, 8).tolist()
    assert len(set(found)) == len(found) == min(limit, len(lengths))
    sizes = [lengths[index] for index in found]
    assert sizes == sorted(sizes)


def test_a_typical_document_has_three_to_four_contexts() -> None:
    assert typical_document(np.array([5, 24, 27, 29, 90]), 8) == 2
    assert typical_document(np.array([5, 23, 33, 33, 7]), 8) == 2
    assert typical_document(np.array([5]), 8) == 0


def test_a_document_is_found_by_row_path_and_sha256(store: Store) -> None:
    paths = store.docs["path"].to_pylist()
    digests = [digest.hex() for digest in store.docs["sha256"].to_pylist()]
    for row in range(len(store)):
        names = [str(row), paths[row], digests[row], digests[row][:12]]
        assert [find_document(store, name) for name in names] == [row] * 4


@pytest.mark.parametrize(
    "name",
    [
        "60",
        "999999",
        "-1",
        "no__such/ci.yml",
        "",
        "abcde",
        "ABCDEF",
        "f" * 64,
        "zzzzzz",
    ],
)
def test_a_name_that_no_document_has_is_refused(store: Store, name: str) -> None:
    message = rf"document {name!r}: found no document among 60 documents; give a row"
    with pytest.raises(ConfigError, match=message):
        find_document(store, name)


def test_a_name_of_several_documents_is_refused(
    workflows: Path, store_folder: Path, tmp_path: Path
) -> None:
    # Two sources may have files of the same name.
    for folder, name in (("a", "one"), ("b", "two")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "ci.yml").write_text(f"name: {name}\non: push\njobs: {{}}")
    options = PrepareOptions(tokenizer=store_folder / "tokenizer.json")
    sources = [tmp_path / "a", tmp_path / "b"]
    prepare(sources, tmp_path / "store", options, SilentProgress())
    with pytest.raises(
        ConfigError, match=r"document 'ci.yml': found rows 0, 1 among 2"
    ):
        find_document(Store.open(tmp_path / "store"), "ci.yml")
