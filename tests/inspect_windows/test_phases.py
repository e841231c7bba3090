"""tct inspect-windows of a run whose context changes."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tct.data.store import Store
from tct.data.windows import Windows
from tct.data.windows.streams import Piece
from tct.tests.inspect_windows.command import (
    LENGTHS,
    error_of,
    records_of,
    run,
    run_well,
    write_run,
)

TWO = ("--context", "[[0, 512], [0.5, 1024]]", "--steps", 10, "--batch-size", 3)


@pytest.fixture
def store(build_store: Callable[..., Store]) -> Store:
    lengths = [*LENGTHS, 40]
    documents = [np.arange(length, dtype=np.uint16) for length in lengths]
    return build_store(documents, val=[len(LENGTHS)], name="workflows")


def test_an_epoch_says_its_context_and_what_breaks_it_off(store: Store) -> None:
    # Five windows of 512 tokens have as many targets as three of 1,024.
    first = run_well(store.folder, *TWO, "--epoch", 0)
    assert " ".join(first.split()).startswith(
        "epoch 0 · plan · offset 0 · context 512 · broken off 2 windows before its "
        "end by context 1,024 from step 5 · 25 windows of 6 documents (train) "
    )
    second = run_well(store.folder, *TWO, "--epoch", 1)
    assert second.startswith("epoch 1 · plan · offset 32 · context 1,024 · 17 windows")
    assert "context" not in run_well(store.folder, "--epoch", 0)


def test_each_window_says_its_context(store: Store) -> None:
    for epoch, context in ((0, 512), (1, 1024), (2, 1024)):
        records = records_of(store.folder, *TWO, "--epoch", epoch)
        assert {record["context"] for record in records} == {context}
        sizes = [record["end"] - record["start"] for record in records]
        assert max(sizes) == context
        assert [record["pad"] for record in records] == [context - s for s in sizes]
        for record in records_of(store.folder, *TWO, "--epoch", epoch, "--step", 0):
            assert record["context"] == context
            assert len(record["inputs"]) + record["pad"] == context
    records = records_of(store.folder, *TWO, "--doc", 4, "--epochs", "0-2")
    assert [record["context"] for record in records] == [512, 1024, 1024]
    lines = run_well(store.folder, *TWO, "--doc", 4, "--epochs", "0-2").splitlines()
    assert "context" in lines[2]
    assert [int(line.split()[4].replace(",", "")) for line in lines[4:7]] == [
        512,
        1024,
        1024,
    ]


def test_the_steps_of_a_document_are_those_of_the_run(store: Store) -> None:
    records = records_of(store.folder, *TWO, "--when", 4, "--epochs", "0-1")
    assert {(r["epoch"], r["context"]) for r in records} == {(0, 512), (1, 1024)}
    for record in records:
        assert (record["run_step"] >= 5) == (record["context"] == 1024)
        step = ("--epoch", record["epoch"], "--step", record["step"])
        batch = records_of(store.folder, *TWO, *step)
        assert (4, record["start"]) in [(r["document"], r["start"]) for r in batch]
    text = run_well(store.folder, *TWO, "--when", 4, "--epochs", "0-1")
    assert "3 or 5 windows per step" in text
    assert "of run  context" in text


def test_each_context_is_proven(store: Store) -> None:
    text = run_well(store.folder, *TWO, "--prove")
    for line in (
        "context 512 · 1 epoch of 6 documents",
        "context 1,024 · 32 epochs of 6 documents",
        "holds   plan: no window of the steps 0 to 4 has more than 512 tokens",
        "holds   plan: no window of the steps 5 to ",
        "holds   spread: each token of workflows has been a target once per pass",
        "0.9259 passes, the last one broken off",
    ):
        assert line in " ".join(text.split()) or line in text
    assert "BROKEN" not in text
    records = records_of(store.folder, *TWO, "--prove")
    seen = Counter((record["context"], record["policy"]) for record in records)
    assert set(seen.values()) == {1}
    assert len(seen) == 10
    for record in records:
        assert record["longest"] == record["context"]
        assert record["steps"]["begin"] == (0 if record["context"] == 512 else 5)


def test_a_window_above_its_context_is_found(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    beginning = Piece.beginning

    def longer(piece: Piece, num: int) -> Windows:
        windows = beginning(piece, num)
        if piece.stream.context == 512:
            windows.end[windows.end == 512] += 32
        return windows

    monkeypatch.setattr(Piece, "beginning", longer)
    result = run(store.folder, *TWO, "--prove")
    assert result.exit_code == 1
    broken = [line for line in result.stdout.splitlines() if "BROKEN" in line]
    assert any("of the steps 0 to 4 has more than 512" in line for line in broken)
    assert not any("steps 5 to" in line for line in broken)


def test_a_run_has_its_own_phases(store: Store, tmp_path: Path) -> None:
    sections: dict[str, dict[str, object]] = {
        "data": {"context": [[0, 512], [0.5, 1024]], "batch_size": 3},
        "run": {"steps": 10},
    }
    folder = write_run(tmp_path / "run", store, **sections)
    for mode in (("--epoch", 0), ("--epoch", 1, "--step", 2), ("--when", 4)):
        expected = records_of(store.folder, *TWO, *mode)
        assert records_of(store.folder, "--run", folder, *mode) == expected
    # Validation has the model's context in all phases.
    text = run_well(store.folder, "--run", folder, "--split", "val")
    assert text.startswith("epoch 0 · plan · offset 0 · 1 window of 1 document (val)")


def test_a_context_that_does_not_fit_is_refused(store: Store) -> None:
    message = error_of(store.folder, "--context", "[[0.5, 512]]")
    assert message.startswith("data.context: found [[0.5, 512]], expected a first sta")
