"""tct inspect-windows of several stores."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tct.data.store import Store
from tct.data.windows import Windows
from tct.data.windows.streams import Piece
from tct.tests.inspect_windows.command import error_of, records_of, run, run_well


@pytest.fixture
def stores(build_store: Callable[..., Store]) -> list[str]:
    """Two stores, the second with weight 0.5."""
    folders = [
        build_store(
            [np.arange(length, dtype=np.uint16) for length in lengths],
            val=[len(lengths) - 1],
            name=name,
        ).folder
        for name, lengths in (("left", [29, 1500, 2500, 9]), ("right", [700, 3000, 8]))
    ]
    return [str(folders[0]), f"{folders[1]}=0.5"]


def test_windows_are_of_the_store_they_say(stores: list[str]) -> None:
    seen: Counter[tuple[str, int]] = Counter()
    for epoch in range(2):
        for record in records_of(*stores, "--epoch", epoch):
            assert record["store"] == ("left" if record["document"] < 4 else "right")
            size = record["end"] - record["start"]
            seen[record["store"], record["document"]] += size
    assert seen == {
        ("left", 0): 2 * 29,
        ("left", 1): 2 * 1500,
        ("left", 2): 2 * 2500,
        ("right", 4): 700,
        ("right", 5): 3000,
    }


def test_a_step_and_a_document_name_their_store(stores: list[str]) -> None:
    records = records_of(*stores, "--step", 0)
    assert {record["store"] for record in records} == {"left", "right"}
    for record in records:
        assert record["path"].startswith(f"{record['store']}/owner__name/")
    assert "right/owner__name/1.yml" in run_well(*stores, "--epochs", "0-3", "--doc", 5)


def test_the_steps_of_a_document_are_found_in_all_stores(stores: list[str]) -> None:
    path = "right/owner__name/1.yml"
    options = ("--epochs", "0-3", "--batch-size", 2)
    records = records_of(*stores, "--when", path, *options)
    assert {record["store"] for record in records} == {"right"}
    assert sum(record["end"] - record["start"] for record in records) == 6000
    for record in records:
        step = ("--epoch", record["epoch"], "--step", record["step"])
        batch = records_of(*stores, *step, "--batch-size", 2)
        windows = [(each["document"], each["start"]) for each in batch]
        assert (5, record["start"]) in windows


def test_once_per_pass_is_proven(stores: list[str]) -> None:
    text = run_well(*stores, "--prove")
    assert "holds   plan: each token of left has been a target once per pass" in text
    assert "holds   spread: each token of right has been a target once per pass" in text
    (plan, *_) = records_of(*stores, "--prove")
    assert [each["passes"] for each in plan["stores"]] == [32, 16]
    assert [each["once"] for each in plan["stores"]] == [32, 32]
    assert all(claim["holds"] for claim in plan["claims"])


def test_a_window_that_comes_twice_in_a_pass_is_found(
    stores: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    beginning = Piece.beginning

    def again(piece: Piece, num: int) -> Windows:
        windows = beginning(piece, num)
        numbers = np.arange(len(windows))
        if piece.stream.first and piece.number == 7:
            numbers[-1] = 0
        return windows[numbers]

    monkeypatch.setattr(Piece, "beginning", again)
    result = run(*stores, "--prove")
    assert result.exit_code == 1
    broken = [line for line in result.stdout.splitlines() if "BROKEN" in line]
    assert broken
    assert all("of right" in line for line in broken)


def test_other_weights_than_those_of_the_run_are_refused(
    stores: list[str], tmp_path: Path
) -> None:
    import json

    from tct.data.store import open_stores

    store: Any = open_stores(stores)
    facts = {"name": "x", "digest": store.digest, "weights": store.weights}
    config = {
        "config": {},
        "data": {"tokens": 1, "windows_per_epoch": [1, 1]},
        "store": facts,
    }
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text(json.dumps(config))
    run_well(*stores, "--run", tmp_path / "run", "--epoch", 1)
    message = error_of(stores[0], stores[1] + "1", "--run", tmp_path / "run")
    assert "the run has other weights than" in message
