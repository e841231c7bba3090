"""tct inspect-windows --step and --when: what the trainer gets, and when."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tct.data.store import Store
from tct.data.tokenizer import PAD
from tct.data.windows.batches import Batches
from tct.data.windows.layouts import LAYOUTS
from tct.tests.inspect_windows.command import longest, records_of, run_well, write_run

# -- one step --------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_step_is_what_the_trainer_gets(store: Store, layout: Any) -> None:
    options = ("--batch-size", 6, "--seed", 4, "--layout", layout, "--micro-batch", 2)
    place = ("--step", 2, "--epoch", 3, "--rank", 1, "--world", 2)
    records = records_of(store.folder, *options, *place)
    batches = Batches(
        store,
        "train",
        batch_size=6,
        seed=4,
        layout=layout,
        rows=2,
        rank=1,
        world_size=2,
    )
    batch = batches.batch(3, 2)
    targets, is_target = batch.targets()
    assert len(records) == len(batch.windows) == 3
    for index, record in enumerate(records):
        at, size = batch.arrangement.at[index], int(batch.windows.length[index])
        assert record["document"] == batch.windows.document[index]
        assert record["inputs"] == batch.inputs[at : at + size].tolist()
        assert record["targets"] == targets[at : at + size].tolist()
        before = sum(b * w for b, w in batch.arrangement.passes[: record["pass"]])
        width = batch.arrangement.passes[record["pass"]][1]
        assert at == before + record["row"] * width + record["column"]
        assert not is_target[at + size : at + size + record["pad"]].any()
    assert sum(len(record["targets"]) for record in records) == is_target.sum()


def test_a_step_is_read_token_by_token(store: Store) -> None:
    options = ("--batch-size", 4, "--step", 1, "--limit", 3)
    text = run_well(store.folder, *options)
    batch = Batches(store, "train", batch_size=4, seed=0, rows=8).batch(0, 1)
    head, *windows = text.split("\n\n")
    assert head.startswith("epoch 0 · plan · offset 0 · seed 0 · step 1 of ")
    assert "rank 0 of 1 · 4 windows · padded: 4 x 1024" in head
    num_pad = int((batch.inputs == PAD).sum())
    assert f"{num_pad:,} of 4,096 positions are PAD" in head
    for index, lines in enumerate(window.splitlines() for window in windows):
        row, size = int(batch.windows.document[index]), int(batch.windows.length[index])
        start = int(batch.windows.start[index])
        ids = store.tokens(row)[start : start + size].tolist()
        assert lines[0].startswith(f"window {index + 1} of 4 · document {row} · ")
        assert lines[1] == (
            f"[{start}, {start + size}) · pass 0, row {index}, columns 0 to {size - 1}"
        )
        assert lines[2].split() == ["column", "input", "token", "target", "token"]
        first, second = lines[3].split(), lines[4].split()
        assert first[:4] == ["0", f"{start // 32}", "position:", "token"]
        assert f" {ids[0]}  " in lines[3]
        assert second[:2] == ["1", f"{ids[0]}"]
        assert lines[6] == f"     …  {size - 3:,} more positions (--limit 0 for all)"
        if size < 1024:
            pad = lines[7].split()
            assert pad == [
                *(f"{size}", "8192", "PAD", "x"),
                *(f"{1024 - size:,}", "masked"),
            ]


def test_all_tokens_of_a_step_are_shown_on_request(store: Store) -> None:
    text = run_well(store.folder, "--batch-size", 2, "--step", 0, "--limit", 0)
    batch = Batches(store, "train", batch_size=2, seed=0).batch(0, 0)
    rows = re.findall(r"^ *\d+ +\d+  \S", text, re.M)
    num_pad_lines = int((batch.windows.length < 1024).sum())
    assert len(rows) == int(batch.windows.length.sum()) + num_pad_lines


def test_a_run_says_what_its_steps_are(store: Store, tmp_path: Path) -> None:
    trained = write_run(
        tmp_path / "run",
        store,
        data={"batch_size": 3, "seed": 7, "windows": "spread"},
        run={"layout": "packed", "micro_batch": 1},
        model={"context": 512},
    )
    found = records_of(store.folder, "--step", 2, "--run", trained)
    batches = Batches(
        store,
        "train",
        batch_size=3,
        seed=7,
        policy="spread",
        layout="packed",
        rows=1,
        context=512,
    )
    expected = batches.batch(0, 2)
    assert [each["start"] for each in found] == expected.windows.start.tolist()
    assert [each["pass"] for each in found] == [
        at // 512 for at in expected.arrangement.at
    ]
    # Options that are given win.
    text = run_well(
        store.folder, "--step", 0, "--run", trained, "--seed", 9, "--windows", "plan"
    )
    assert "plan · offset 0 · seed 9 · step 0" in text
    assert "packed: 1 x 512" in text


def test_a_run_of_an_older_version_has_defaults(store: Store, tmp_path: Path) -> None:
    trained = write_run(tmp_path / "run", store, run={"micro_batch": None})
    text = run_well(store.folder, "--step", 0, "--run", trained)
    assert text == run_well(store.folder, "--step", 0)


# -- when ------------------------------------------------------------------------------


def test_when_a_document_is_trained(store: Store) -> None:
    row = longest(store)
    options = ("--batch-size", 4, "--seed", 2)
    records = records_of(store.folder, "--when", row, "--epochs", "0-2", *options)
    batches = Batches(store, "train", batch_size=4, seed=2)
    before, expected = 0, []
    for epoch in range(3):
        for step in range(batches.num_steps(epoch)):
            windows = batches.windows(epoch, step)
            for index in np.flatnonzero(windows.document == row).tolist():
                start = int(windows.start[index])
                expected.append((epoch, start, step, before + step))
        before += batches.num_steps(epoch)
    assert sorted(expected) == [
        (each["epoch"], each["start"], each["step"], each["run_step"])
        for each in records
    ]
    text = run_well(store.folder, "--when", row, "--epochs", "0-2", *options)
    table = [line.split() for line in text.split("\n\n")[1].splitlines()[1:]]
    assert [(int(line[0]), int(line[-1])) for line in table] == [
        (each["epoch"], each["run_step"]) for each in records
    ]


def test_without_epochs_the_first_four_are_searched(store: Store) -> None:
    records = records_of(store.folder, "--when", 0, "--split", split_of(store, 0))
    assert {record["epoch"] for record in records} == {0, 1, 2, 3}


def test_a_document_may_be_trained_in_no_epoch(store: Store) -> None:
    row = int(store.length.argmin())
    options = ("--windows", "original", "--epochs", 1, "--split", split_of(store, row))
    assert "\nin none of these epochs\n" in run_well(
        store.folder, "--when", row, *options
    )


def split_of(store: Store, row: int) -> str:
    name: str = store.docs["split"][row].as_py()
    return name
