"""`tct inspect-windows`: every mode and wrong use, never wider than 80 columns."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from tct.cli import main
from tct.data.batches import Batches
from tct.data.inspection import epoch_windows
from tct.data.layouts import LAYOUTS
from tct.data.store import Split, Store
from tct.data.tokenizer import PAD
from tct.data.windows import POLICIES, Policy
from tct.data.yaml_text import to_yaml

LENGTHS = [29, 700, 1024, 1025, 2500, 7000]


def run(*arguments: object) -> Result:
    command = ["inspect-windows", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(main, command)


def run_well(*arguments: object) -> str:
    result = run(*arguments)
    assert (result.exit_code, result.exception) == (0, None), result.stderr
    assert "\x1b" not in result.stdout
    if "--json" not in arguments:
        for line in result.stdout.split("\n"):
            assert cell_len(line) <= 80, line
            assert not line.endswith(" ") or line[:1] in "│┆·", line
    return result.stdout


def records_of(*arguments: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run_well(*arguments, "--json").splitlines()]


def error_of(*arguments: object) -> str:
    """The one line that a failing command says, without `Error: `."""
    result = run(*arguments)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


def usage_error_of(*arguments: object) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: ")
    return result.stderr.partition("Error: ")[2].strip()


@pytest.fixture
def exact(build_store: Callable[..., Store]) -> Path:
    """A store of documents on both sides of the context."""
    documents = [np.arange(length, dtype=np.uint16) for length in LENGTHS]
    return build_store([*documents, documents[0]], val=[6]).folder


def longest(store: Store) -> int:
    rows = store.rows("train")
    return int(rows[store.length[rows].argmax()])


# -- one epoch -------------------------------------------------------------------------

EPOCH = """\
epoch 3 · plan · offset 96 · 17 windows of 6 documents (train)

document   tokens  windows      PAD  0       1024    2048    3072    4096
                                     ├▼──────┼───────┼───────┼───────┼───────┼──
       0       29        1      995  ┣░░░░░░░
       1      700        1      324  ┣━━━━░░░
       2    1,024        1        0  ┣━━━━━━━
       3    1,025        2    1,023  ┣┣━━━━━━░
       4    2,500        4    1,596  ┣┣━━━━━━━┣━━━━━━━┣━━░░░░░
       5    7,000        8    1,192  ┣┣━━━━━━━┣━━━━━━━┣━━━━━━━┣━━━━━━━┣━━━━━━━┣…
┣ a window begins   ━ trained   ░ PAD   … goes on

documents       6
windows         17
steps           5
tokens          12,278
covered         12,278 (100.00%)
more than once  0
not seen        0
PAD, padded     33.4%: 6,154 of 18,432 positions
PAD, bucketed   16.6%: 2,442 of 14,720 positions
PAD, packed     33.4%: 6,154 of 18,432 positions
                (passes of at most 2 rows)
"""

ORIGINAL = """\
       0       29        0        0  ·
       1      700        0        0  ·····
       2    1,024        0        0  ········
       3    1,025        0        0  ········
       4    2,500        2        0  ·┣━━━━━━━┣━━━━━━━···
       5    7,000        6        0  ·┣━━━━━━━┣━━━━━━━┣━━━━━━━┣━━━━━━━┣━━━━━━━┣…
┣ a window begins   ━ trained   · never seen in this epoch   … goes on
"""

OVERLAP = """\
       0       29        1      995  ┣░░░░░░░
       1      700        1      324  ┣━━━━░░░
       2    1,024        1        0  ┣━━━━━━━
       3    1,025        2       31  ┣≡≡≡≡≡≡≡
       4    2,500       48       28  ┣≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡━
       5    7,000      188        8  ┣≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡≡…
┣ a window begins   ━ trained   ≡ trained more than once   ░ PAD   … goes on
"""


def test_an_epoch_is_drawn_to_scale(exact: Path) -> None:
    options = ("--batch-size", 4, "--micro-batch", 2)
    assert run_well(exact, "--epoch", 3, *options) == EPOCH


@pytest.mark.parametrize(
    ("policy", "picture"), [("original", ORIGINAL), ("overlap", OVERLAP)]
)
def test_what_is_never_or_often_trained_is_drawn(
    exact: Path, policy: str, picture: str
) -> None:
    assert picture in run_well(exact, "--epoch", 3, "--windows", policy)


def test_documents_beyond_the_limit_are_counted(exact: Path) -> None:
    text = run_well(exact, "--limit", 4)
    rows = re.findall(r"^ +(\d+)  .*[┣]", text, re.M)
    assert rows == ["0", "2", "3", "5"]
    assert "\n… and 2 documents (--limit, --json)\n" in text
    assert "--limit" not in run_well(exact, "--limit", 0)


def test_a_policy_without_a_window_in_an_epoch_is_drawn(
    build_store: Callable[..., Store],
) -> None:
    store = build_store([np.zeros(5, np.uint16)])
    text = run_well(store.folder, "--windows", "original", "--epoch", 1)
    assert "0 windows of 1 document (train)" in text
    assert re.search(r"^not seen +5$", text, re.M)


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("policy", POLICIES)
def test_json_is_one_object_per_window(
    store: Store, split: Split, policy: Policy
) -> None:
    options = ("--split", split, "--epoch", 9, "--windows", policy)
    records = records_of(store.folder, *options)
    batches = Batches(store, split, batch_size=1, seed=0, policy=policy)
    windows = epoch_windows(batches, 9)
    assert len(records) == len(windows)
    for index, record in enumerate(records):
        start, end = int(windows.start[index]), int(windows.end[index])
        assert list(record.items()) == [
            ("epoch", 9),
            ("document", int(windows.document[index])),
            ("start", start),
            ("end", end),
            ("position", start // 32),
            ("pad", 1024 - end + start),
            ("policy", policy),
        ]


# -- one document in many epochs -------------------------------------------------------

EPOCHS = """\
document 4 · 2,500 tokens · plan · owner__name/4.yml

 epoch  offset  windows   of epoch  0               1024            2048
                                    ├───────────────┼───────────────┼───────────
     0       0        3         15  ┣━━━━━━━━━━━━━━━┣━━━━━━━━━━━━━━━┣━━━━━━░░░░░
     3      96        4         17  ┣━┣━━━━━━━━━━━━━━━┣━━━━━━━━━━━━━━━┣━━━━░░░░░
    31     992        3         15  ┣━━━━━━━━━━━━━━━┣━━━━━━━━━━━━━━━┣━━━━━━░░░░░
┣ a window begins   ━ trained   ░ PAD
"""


def test_the_cuts_of_a_document_move(exact: Path) -> None:
    assert run_well(exact, "--epochs", "0,3,31", "--doc", 4) == EPOCHS


def test_without_a_name_it_is_a_typical_long_document(exact: Path) -> None:
    assert run_well(exact, "--epochs", "0-31").startswith("document 5 · 7,000 tokens")
    assert len(records_of(exact, "--epochs", "0-31")) == 32


def test_each_document_has_an_offset_of_its_own_under_spread(exact: Path) -> None:
    options = ("--epochs", "0-31", "--windows", "spread", "--doc", 4)
    offsets = re.findall(r"^ +\d+ +(\d+) +\d", run_well(exact, *options), re.M)
    assert sorted(map(int, offsets)) == list(range(0, 1024, 32))


def test_the_cuts_come_as_json(exact: Path) -> None:
    assert records_of(exact, "--epochs", 3, "--doc", 4) == [
        {
            "epoch": 3,
            "offset": 96,
            "document": 4,
            "policy": "plan",
            "starts": [0, 96, 1120, 2144],
            "ends": [96, 1120, 2144, 2500],
            "num_windows": 17,
        }
    ]


# -- one document ----------------------------------------------------------------------


def without_marks(text: str) -> str:
    """The YAML inside the text of a document, as the help describes it."""
    body = text.split("\n\n", 2)[2]
    lines = [line for line in body.split("\n")[:-1] if line[0] not in "━┅"]
    joined = "".join(line[2:] if line[0] == "┆" else "\n" + line[2:] for line in lines)
    return joined.removeprefix("\n") + "\n"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("epoch", [0, 5])
def test_without_its_marks_a_document_is_its_yaml(
    store: Store, policy: str, epoch: int
) -> None:
    for row in {0, 7, longest(store)}:
        options = ("--doc", row, "--epoch", epoch, "--windows", policy)
        text = run_well(store.folder, *options)
        value = store.tokenizer.decode(store.tokens(row))
        assert without_marks(text) == to_yaml(value)


def test_a_document_says_where_its_windows_begin(store: Store) -> None:
    row = longest(store)
    length, path = int(store.length[row]), store.docs["path"][row].as_py()
    text = run_well(store.folder, "--doc", path, "--epoch", 5)
    assert text.startswith(f"document {row} · {length:,} tokens · train · {path}\n")
    assert "\nepoch 5 · plan · offset 160\n" in text
    found = [line.strip("━ ") for line in text.splitlines() if line.startswith("━━ ")]
    ends = [0, 160, 1184, length]
    assert found == [
        f"window {number} of 3: [{start}, {end}), position {start // 32}, "
        f"{end - start:,} tokens, {1024 - (end - start):,} PAD"
        for number, (start, end) in enumerate(pairwise(ends), 1)
    ]


def test_a_document_says_what_is_never_seen(store: Store) -> None:
    row = longest(store)
    options = ("--doc", row, "--epoch", 5, "--windows", "original")
    text = run_well(store.folder, *options)
    assert "\n┅┅ never seen in this epoch: [0, 160), 160 tokens ┅" in text
    rest = int(store.length[row]) - 1184
    end = f"[1184, {int(store.length[row])}), {rest} tokens"
    assert f"\n┅┅ never seen in this epoch: {end} ┅" in text


def test_the_windows_of_a_document_come_with_their_text(store: Store) -> None:
    row = longest(store)
    digest = store.docs["sha256"][row].as_py().hex()
    found = [
        records_of(store.folder, "--epoch", 5, "--doc", name)
        for name in (row, digest, digest[:10])
    ]
    assert found[0] == found[1] == found[2]
    assert {record["document"] for record in found[0]} == {row}
    value = store.tokenizer.decode(store.tokens(row))
    assert "".join(record["text"] for record in found[0]) == to_yaml(value)


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


def write_run(folder: Path, store: Store, **sections: dict[str, object]) -> Path:
    folder.mkdir()
    config = {"config": sections, "store": {"digest": store.digest}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


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


# -- what is promised ------------------------------------------------------------------

PROMISES = """\
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
not so  original: each of the 12,278 tokens is a target exactly once in each of
          32 epochs
not so  original: each of the 6 beginnings is in each of 32 epochs
not so  original: each document beyond one window is cut in 32 alignments
not so  overlap: each of the 12,278 tokens is a target exactly once in each of
          32 epochs
holds   overlap: each of the 6 beginnings is in each of 32 epochs
not so  overlap: each document beyond one window is cut in 32 alignments
holds   sequential: each of the 12,278 tokens is a target exactly once in each
          of 32 epochs
holds   sequential: each of the 6 beginnings is in each of 32 epochs
not so  sequential: each document beyond one window is cut in 32 alignments
"""


def test_all_policies_are_compared(exact: Path) -> None:
    options = ("--batch-size", 4, "--micro-batch", 2)
    assert run_well(exact, "--prove", *options) == PROMISES


def test_promises_come_as_json(exact: Path) -> None:
    records = records_of(exact, "--prove")
    assert [record["policy"] for record in records] == list(POLICIES)
    assert records[0]["views"] == [32, 32.0, 32]
    assert [claim["holds"] for claim in records[0]["claims"]] == [True] * 3
    assert [claim["is_promised"] for claim in records[4]["claims"]] == [False] * 3


def test_a_broken_promise_is_an_exit_code(
    exact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tct.data.windows import WindowPlan

    locate = WindowPlan.locate

    def forget_heads(plan: WindowPlan, numbers: Any) -> Any:
        windows = locate(plan, numbers)
        tails = np.flatnonzero(windows.start > 0)
        return windows[tails] if plan.epoch == 31 else windows

    monkeypatch.setattr(WindowPlan, "locate", forget_heads)
    monkeypatch.setattr("tct.data.inspection.promises.count_positions", lambda *_: {})
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


# -- what goes wrong -------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--doc", "--when"])
def test_an_unknown_document_is_one_line(store_folder: Path, option: str) -> None:
    message = error_of(store_folder, option, "no/such.yml")
    assert message.startswith("--doc 'no/such.yml': found no document among 60")


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
        f"{tmp_path}: found no config.json, so this is no training run; "
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
        ({"data": {"windows": "all"}}, "policy: found 'all', expected plan or spread"),
        ({"data": {"batch_size": 0}}, "batch_size: found 0, expected an integer of"),
        ({"data": {"seed": "x"}}, "seed: found 'x', expected an integer of at least 0"),
        ({"run": {"layout": 3}}, "layout: found 3, expected padded or bucketed or"),
        ({"model": {"context": 33}}, "context: found 33, expected a multiple of 32"),
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
        (("--epoch", -1), "-1 is not in the range x>=0"),
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


# -- terminals -------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--prove",), ("--epochs", "0-3")], ids=str)
def test_colours_only_add(store_folder: Path, options: tuple[str, ...]) -> None:
    program = "from tct.cli import main; main()"
    start = [sys.executable, "-c", program, "inspect-windows"]
    command: list[str | Path] = [*start, store_folder, *options]
    plain = run_well(store_folder, *options)
    base = {"PATH": "", "TERM": "xterm-256color", "COLUMNS": "80", "LANG": "C.UTF-8"}
    for extra, has_colour in (({"FORCE_COLOR": "1"}, True), ({"NO_COLOR": "1"}, False)):
        done = subprocess.run(
            command, env=base | extra, capture_output=True, text=True, check=True
        )
        assert ("\x1b[" in done.stdout) == has_colour
        assert re.sub(r"\x1b\[[0-9;]*m", "", done.stdout) == plain
