"""tct inspect-windows --prove and --plot."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tct.data.store import Store
from tct.data.windows import POLICIES
from tct.tests.inspect_windows.command import (
    error_of,
    longest,
    records_of,
    run,
    run_well,
)

# -- guarantees ------------------------------------------------------------------------

TABLE = """\
32 epochs of 6 documents (train), 12,278 tokens
4 windows per step, seed 0, passes of at most 2 rows

                     plan  spread  original  overlap  sequential
windows, fewest        15      15         6      241          15
windows, most          17      17        12      241          15
tokens never seen       0       0        29        0           0
missed per epoch    0.00%   0.00%    38.31%    0.00%       0.00%
again in an epoch   0.00%   0.00%     0.00%   84.70%       0.00%
views, fewest          32      32         0       32          32
views, mean          32.0    32.0      19.7    639.6        32.0
views, most            32      32        32    1,024          32
alignments             32      32   1 to 32  2 to 32           1
beginnings         100.0%  100.0%      3.1%   100.0%      100.0%
PAD, padded         28.9%   28.9%      5.3%     1.0%       25.1%
PAD, bucketed       14.9%   15.2%      5.3%     1.0%       14.5%
PAD, packed         26.5%   27.1%      5.3%     1.0%       22.6%

holds   plan: each of the 12,278 tokens is a target exactly once in each of 32
          epochs
holds   plan: each of the 6 beginnings is in each of 32 epochs
holds   plan: each document beyond one window is cut in 32 alignments
holds   spread: each of the 12,278 tokens is a target exactly once in each of 32
          epochs
holds   spread: each of the 6 beginnings is in each of 32 epochs
holds   spread: each document beyond one window is cut in 32 alignments
fails   original: each of the 12,278 tokens is a target exactly once in each of
          32 epochs
fails   original: each of the 6 beginnings is in each of 32 epochs
fails   original: each document beyond one window is cut in 32 alignments
fails   overlap: each of the 12,278 tokens is a target exactly once in each of
          32 epochs
holds   overlap: each of the 6 beginnings is in each of 32 epochs
fails   overlap: each document beyond one window is cut in 32 alignments
holds   sequential: each of the 12,278 tokens is a target exactly once in each
          of 32 epochs
holds   sequential: each of the 6 beginnings is in each of 32 epochs
fails   sequential: each document beyond one window is cut in 32 alignments
"""


def test_all_policies_are_compared(exact: Path) -> None:
    options = ("--batch-size", 4, "--micro-batch", 2)
    assert run_well(exact, "--prove", *options) == TABLE


def test_guarantees_come_as_json(exact: Path) -> None:
    records = records_of(exact, "--prove")
    assert [record["policy"] for record in records] == list(POLICIES)
    assert records[0]["views"] == [32, 32.0, 32]
    assert [claim["holds"] for claim in records[0]["claims"]] == [True] * 3
    assert [claim["is_promised"] for claim in records[4]["claims"]] == [False] * 3


def test_a_broken_guarantee_is_an_exit_code(
    exact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tct.data.windows import WindowPlan

    locate = WindowPlan.locate

    def forget_heads(plan: WindowPlan, numbers: Any) -> Any:
        windows = locate(plan, numbers)
        tails = np.flatnonzero(windows.start > 0)
        return windows[tails] if plan.epoch == 31 else windows

    monkeypatch.setattr(WindowPlan, "locate", forget_heads)
    monkeypatch.setattr("tct.trainer.inspect.guarantees.count_positions", lambda *_: {})
    result = run(exact, "--prove")
    assert result.exit_code == 1
    assert result.stderr == ""
    broken = [line for line in result.stdout.splitlines() if "BROKEN" in line]
    assert [line.split()[1] for line in broken] == ["plan:", "plan:"] + ["spread:"] * 2


# -- figures ---------------------------------------------------------------------------

MODES: list[tuple[object, ...]] = [
    ("--epoch", 3),
    ("--epoch", 3, "--windows", "original"),
    ("--epochs", "0-70"),
    ("--doc", 5, "--windows", "overlap"),
    ("--prove",),
]


@pytest.mark.parametrize("options", MODES[:3] + MODES[4:], ids=str)
def test_a_figure_is_the_same_each_time(
    exact: Path, tmp_path: Path, options: tuple[object, ...]
) -> None:
    first, second = tmp_path / "a.svg", tmp_path / "deep" / "b.svg"
    for path in (first, second):
        result = run(exact, *options, "--plot", path)
        assert (result.exit_code, result.stderr) == (0, f"{path}: written\n")
        assert result.stdout == run_well(exact, *options)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith(b"<?xml")
    assert b"<dc:date>" not in first.read_bytes()
    assert [path.name for path in second.parent.iterdir()] == ["b.svg"]


def test_a_document_has_a_figure(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "doc.png"
    options = ("--doc", longest(store), "--windows", "overlap", "--plot", path)
    result = run(store.folder, *options)
    assert (result.exit_code, result.stderr) == (0, f"{path}: written\n")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_page_stands_alone(exact: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    assert run(exact, "--epoch", 3, "--plot", path).exit_code == 0
    page = path.read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<svg") == 1
    assert "<script" not in page
    assert "src=" not in page
    assert "color-scheme: light dark" in page
    assert "fill: currentColor" in page or "stroke: currentColor" in page
    assert "       4    2,500        4    1,596  ┣┣━━━━━━━┣━━━━━━━┣━━░░░░░\n" in page
    assert "<h1>epoch 3 · plan · offset 96 · 17 windows" in page


def test_a_figure_of_another_kind_is_refused(exact: Path, tmp_path: Path) -> None:
    path = tmp_path / "figure.gif"
    assert error_of(exact, "--plot", path) == (
        f"--plot {path}: found suffix '.gif', expected .png or .svg or .html; "
        "choose one of these"
    )
    assert not path.exists()


def test_without_matplotlib_there_is_a_hint(
    exact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert error_of(exact, "--plot", tmp_path / "a.svg") == (
        "--plot: matplotlib is not installed; "
        "install the extra with pip install 'tct-workflows[plot]'"
    )
