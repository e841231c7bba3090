"""tct inspect-windows: epochs and documents to scale."""

import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tct.data.documents.yaml_writer import to_yaml
from tct.data.store import Split, Store
from tct.data.windows import POLICIES, Policy
from tct.data.windows.batches import Batches
from tct.tests.inspect_windows.command import longest, records_of, run_well
from tct.trainer.inspect.epoch import epoch_windows

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
            ("context", 1024),
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
            "context": 1024,
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
