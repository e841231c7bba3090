"""tct inspect-windows: what goes wrong is one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tct.data.store import Store
from tct.tests.inspect_windows.command import error_of, usage_error_of, write_run

# -- what goes wrong -------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--doc", "--when"])
def test_an_unknown_document_is_one_line(store_folder: Path, option: str) -> None:
    message = error_of(store_folder, option, "no/such.yml")
    assert message.startswith("document 'no/such.yml': found no document among 60")


@pytest.mark.parametrize(
    "options", [(), ("--epochs", "0"), ("--step", 0), ("--prove",), ("--doc", 0)]
)
def test_an_empty_split_is_one_line(
    build_store: Callable[..., Store], options: tuple[object, ...]
) -> None:
    store = build_store([np.zeros(5, np.uint16)])
    assert error_of(store.folder, "--split", "val", *options) == (
        f"{store.folder}: the val split has no document; "
        "choose the other one with --split"
    )


def test_a_step_beyond_the_epoch_is_one_line(exact: Path) -> None:
    options = ("--step", 5, "--batch-size", 4, "--epoch", 3)
    assert error_of(exact, *options) == (
        "--step 5: epoch 3 has 5 steps of 4 windows; give 0 to 4"
    )


def test_an_epoch_without_steps_is_one_line(build_store: Callable[..., Store]) -> None:
    store = build_store([np.zeros(5, np.uint16)])
    options = ("--step", 0, "--windows", "original", "--epoch", 1)
    assert error_of(store.folder, *options) == (
        "--step 0: epoch 1 has 0 steps of 32 windows; choose another epoch"
    )


def test_a_document_of_the_other_split_is_one_line(exact: Path) -> None:
    assert error_of(exact, "--when", 6) == (
        "document 6: found it in the val split, expected it in train; add --split val"
    )


def test_more_ranks_than_windows_are_one_line(exact: Path) -> None:
    options = ("--step", 0, "--world", 9, "--batch-size", 4)
    assert error_of(exact, *options).startswith("found 9 ranks for 4 windows per step")


def test_a_folder_without_a_run_is_one_line(exact: Path, tmp_path: Path) -> None:
    assert error_of(exact, "--run", tmp_path) == (
        f"{tmp_path}: found no config.json, so this is not a training run; "
        "give the folder that tct train -o wrote"
    )


def test_a_run_of_another_store_is_one_line(
    exact: Path, store: Store, tmp_path: Path
) -> None:
    trained = write_run(tmp_path / "run", store)
    digest = Store.open(exact).digest
    assert error_of(exact, "--run", trained) == (
        f"{trained / 'config.json'}: the run is of the store with digest "
        f"{store.digest[:12]}…, {exact} has {digest[:12]}…; "
        "give the store that the run was trained on"
    )


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        (
            {"data": {"windows": "all"}},
            "run.config.data.windows: found 'all', expected plan or spread",
        ),
        (
            {"data": {"batch_size": 0}},
            "data.batch_size: found 0, expected at least 1",
        ),
        (
            {"data": {"seed": "x"}},
            "run.config.data.seed: found 'x', expected int",
        ),
        (
            {"run": {"layout": 3}},
            "run.config.run.layout: found 3, expected padded or bucketed or packed",
        ),
        (
            {"model": {"context": 33}},
            "model.context: found 33, expected a multiple of 32",
        ),
    ],
)
def test_a_damaged_run_is_one_line(
    store: Store, tmp_path: Path, sections: dict[str, Any], problem: str
) -> None:
    trained = write_run(tmp_path / "run", store, **sections)
    message = error_of(store.folder, "--run", trained)
    assert message.startswith(f"{trained / 'config.json'}: {problem}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--split", "test"), "'test' is not one of"),
        (("--epoch", -1), "-1 is not in the range 0<=x<="),
        (("--limit", "ten"), "not a valid integer"),
        (("--windows", "all"), "'all' is not one of"),
        (("--epochs", "5-3"), "found '5-3', expected A-B with A <= B, a number, or"),
        (("--epochs", "a"), "found 'a', expected A-B"),
        (("--epochs", "1,,2"), "found '1,,2', expected A-B"),
        (("--epochs", "0-10000"), "found '0-10000', expected at most 10,000 epochs"),
        (
            ("--rank", 0),
            "--rank does not go with the picture of an epoch, only with --step",
        ),
        (
            ("--world", 2, "--doc", 1),
            "--world does not go with --doc, only with --step",
        ),
        (
            ("--limit", 2, "--doc", 1),
            "--limit does not go with --doc, only with --step or the picture of an "
            "epoch",
        ),
        (("--step", 1, "--doc", 1), "--doc and --step exclude each other"),
        (("--step", 1, "--when", 1), "--step and --when exclude each other"),
        (("--prove", "--step", 1), "--step and --prove exclude each other"),
        (
            ("--epoch", 1, "--epochs", "1"),
            "--epoch does not go with --epochs, only with --step or --doc or the "
            "picture of an epoch",
        ),
        (
            ("--step", 1, "--epochs", "1"),
            "--epochs does not go with --step, only with --when or --epochs",
        ),
        (("--prove", "--epoch", 1), "--epoch does not go with --prove"),
        (("--prove", "--windows", "plan"), "--windows does not go with --prove"),
        (("--when", 1, "--plot", "a.svg"), "--plot does not go with --when"),
        (("--step", 1, "--plot", "a.svg"), "--plot does not go with --step"),
        (("--step", 0, "--rank", 1), "--rank: found 1, expected 0 to 0 with --world 1"),
        (
            ("--step", 0, "--rank", 4, "--world", 4),
            "--rank: found 4, expected 0 to 3 with --world 4",
        ),
    ],
)
def test_wrong_use_is_named(
    exact: Path, options: tuple[object, ...], message: str
) -> None:
    found = " ".join(usage_error_of(exact, *options).split())
    assert message in found
