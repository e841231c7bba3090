"""Pictures of 80 columns, whatever is in a document or its path."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from tct.data.display.visible import visible_lines
from tct.data.documents.json_text import Json
from tct.data.documents.yaml_writer import to_yaml
from tct.data.windows import POLICIES, Policy, WindowPlan
from tct.data.windows.batches import Batches
from tct.data.windows.layouts import LAYOUTS
from tct.tests.stores import store_of_values
from tct.tests.strategies import json_objects, workflow_like
from tct.trainer.commands.inspect_windows import parse_epochs
from tct.trainer.inspect.bars import Axis
from tct.trainer.inspect.document import document_view, yaml_lines
from tct.trainer.inspect.epoch import epoch_view
from tct.trainer.inspect.epochs import epochs_view
from tct.trainer.inspect.places import stretches
from tct.trainer.inspect.step import step_view
from tct.trainer.inspect.view import View, fit, printable, rows, wrapped
from tct.trainer.inspect.when import when_view

WIDE = "漢字" * 60 + "/\x1b[31m\t\n\u202eci.yml"


def plain(line: Text | str) -> str:
    return line.plain if isinstance(line, Text) else line


def lines_of(view: View) -> list[str]:
    return [plain(line) for line in view.lines]


# -- width -----------------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
def test_no_line_is_wider_than_a_screen_whatever_the_path(policy: Policy) -> None:
    values: list[dict[str, Json]] = [
        {"name": "a" * 5000, "on": "push", "jobs": {}},
        {"name": "漢字" * 900, "on": "push", "jobs": {}},
    ]
    store = store_of_values(values, paths=[WIDE, "x" * 300])
    for layout in LAYOUTS:
        batches = Batches(
            store, "train", batch_size=2, seed=2**62, policy=policy, layout=layout
        )
        views = [
            epoch_view(batches, 10**6 * 32, None),
            epochs_view(batches, 0, [0, 1, 10**6]),
            document_view(batches, 0, 0),
            document_view(batches, 1, 1),
            step_view(batches, 0, 0, None),
            when_view(batches, 0, [0, 10**6]),
        ]
        for view in views:
            lines = lines_of(view)
            assert lines
            assert max(map(cell_len, lines)) <= 80
            assert not any("\x1b" in line or "\t" in line for line in lines)


@given(st.text(max_size=60), st.integers(1, 30), st.booleans())
@example("漢字漢字", 3, True)
def test_a_text_fits_where_it_has_to(text: str, width: int, keep_end: bool) -> None:
    found = fit(text, width, keep_end=keep_end)
    assert cell_len(found) <= width
    assert found == printable(text) or "…" in found
    assert found.isprintable()


def test_what_is_left_out_is_at_one_end() -> None:
    assert fit("owner/ci.yml", 7) == "owner/…"
    assert fit("owner/ci.yml", 7, keep_end=True) == "…ci.yml"
    assert fit("a\x1bb", 9) == "a\\x1bb"


def test_words_are_wrapped_and_indented() -> None:
    assert list(wrapped("one two three", 7, "  ")) == ["one two", "  three"]
    assert list(wrapped("", 7, "  ")) == [""]


def test_a_table_has_numbers_on_the_right() -> None:
    table = [["", "a", "bb"], ["x", "10", "7"]]
    assert list(rows(table)) == ["    a  bb", "x  10   7"]


# -- bars ------------------------------------------------------------------------------


@given(
    st.integers(1, 200), st.integers(0, 7), st.sampled_from(POLICIES), st.integers(0, 9)
)
def test_a_bar_shows_every_column_of_its_document(
    length: int, epoch: int, policy: Policy, phase: int
) -> None:
    plan = WindowPlan(
        [length], epoch=epoch, policy=policy, context=16, stride=2, phase=[phase]
    )
    axis = Axis.of(16, 40)
    bar = axis.bar(length, plan.all()).plain
    assert len(bar) <= axis.width
    assert bar.endswith("…") == (length > axis.width * axis.scale)
    held = bar.rstrip("░…")
    assert set(held) <= set("┣━≡·")
    if policy in ("plan", "spread", "sequential"):
        assert set(held) <= set("┣━")
        assert bar[0] == "┣"
    if policy != "original":
        assert "·" not in bar


@pytest.mark.parametrize(
    ("offset", "ruler"), [(0, "▼───────┼───────┼"), (96, "├▼──────┼───────┼")]
)
def test_the_offset_is_on_the_axis(offset: int, ruler: str) -> None:
    axis = Axis.of(1024, 17)
    assert axis.ruler(offset).plain == ruler
    assert axis.ruler(None).plain == "├───────┼───────┼"
    assert axis.labels() == "0       1024"


# -- the text of a document ------------------------------------------------------------


@settings(max_examples=40)
@given(json_objects() | workflow_like(), st.integers(0, 31), st.sampled_from(POLICIES))
@example(dict.fromkeys("\ud800\ud801"), 0, "plan")
@example({"run": "x" * 500 + "\n\n" + "漢" * 100 + "\n"}, 1, "plan")
@example({f"key {n}": "echo some words here\n\n" * 9 for n in range(60)}, 3, "original")
@example({f"key {n}": f"it's: {n}" * 9 for n in range(80)}, 3, "overlap")
@example({f"key {n}": f"\x1b: {n}" * 9 for n in range(80)}, 7, "spread")
def test_without_its_marks_the_text_is_the_yaml(
    value: dict[str, Json], epoch: int, policy: Policy
) -> None:
    store = store_of_values([value])
    batches = Batches(store, "train", batch_size=1, seed=0, policy=policy)
    windows = batches.document_windows(0, epoch)
    parts = stretches(store.tokenizer, store.tokens(0), windows)
    lines = [plain(line) for line in yaml_lines(parts, windows, 1024)]
    assert max(map(cell_len, lines)) <= 80
    written: list[str] = []
    for line in lines:
        assert line[0] in "━┅│·┆"
        if line[0] in "│·":
            written.append(line[2:])
        elif line[0] == "┆":
            written[-1] += line[2:]
    expected = "".join(part.text for part in parts)
    assert "".join(f"{line}\n" for line in written) == visible_lines(expected)
    assert expected == to_yaml(value)
    headers = [line for line in lines if line[0] == "━"]
    assert len(headers) == len(windows)


# -- options ---------------------------------------------------------------------------


def test_epochs_are_ranges_and_numbers() -> None:
    assert parse_epochs("7") == [7]
    assert parse_epochs("0-3") == [0, 1, 2, 3]
    assert parse_epochs("8-9, 0,4,8") == [0, 4, 8, 9]


@pytest.mark.parametrize("text", ["", "-1", "3-1", "1-", "a", "1;2", "0-99999", "1.5"])
def test_other_epochs_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"found .*, expected "):
        parse_epochs(text)
