"""The text of a document is cut where its tokens are."""

import json
import re

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tct.data.documents.json_text import Json
from tct.data.documents.yaml_writer import to_yaml
from tct.data.store import Store
from tct.data.tokenizer import Tokenizer
from tct.data.windows import POLICIES, Policy
from tct.data.windows.batches import Batches
from tct.tests.strategies import json_objects, workflow_like
from tct.trainer.inspect.places import stretches, yaml_places

TOKENIZER = Tokenizer.default()
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def places_of(value: Json) -> tuple[str, list[int]]:
    """The YAML and the place after each number of tokens."""
    ids = TOKENIZER.encode(value)
    return yaml_places(TOKENIZER, ids, range(len(ids) + 1))


def open_text(json_text: str) -> str | None:
    """The beginning of the string that a JSON text breaks off in."""
    rest = _STRING.sub(lambda match: "#" * len(match[0]), json_text)
    start = rest.find('"')
    return None if start < 0 else json.loads(json_text[start:] + '"')


@given(json_objects() | workflow_like())
def test_places_go_through_the_yaml_from_its_beginning_to_its_end(
    value: dict[str, Json],
) -> None:
    text, places = places_of(value)
    assert text == to_yaml(value)
    assert places == sorted(places)
    assert places[0] >= 0
    assert places[-1] == len(text)


def read_so_far(before: str) -> str:
    """The value whose YAML breaks off here."""
    if before.startswith("|"):
        lines = re.split("([\n\x85\u2028\u2029])", before.partition("\n")[2])
        return "".join(line.removeprefix("  ") for line in lines)
    if before[:1] in ("'", '"'):
        value: str = yaml.safe_load(before + before[0])
        return value
    return before


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40),
    st.booleans(),
)
@example("it's: 'so'", False)
@example("  first\n\n    second\n", True)
@example("a\u2028b", True)
@example("tab\tand \x1b \U0001f600 x", False)
def test_a_cut_inside_a_text_is_exact_to_the_character(
    text: str, has_lines: bool
) -> None:
    value: Json = {"run": f"{text}\nmake all\n" if has_lines else text}
    ids = TOKENIZER.encode(value)
    written, places = places_of(value)
    begin = '{"run":"'
    for stop, place in enumerate(places):
        json_text = TOKENIZER.decode_prefix(ids[:stop]).text
        begun = open_text(json_text)
        if begun and json_text.startswith(begin):
            assert read_so_far(written[len("run: ") : place]) == begun


MARKED = """\
|on:
|  push:
|  pull_request: |{}
|jobs:
|  test:
|    steps:
|    - run: |mak|e
|    - run: |tox|
"""


def test_cuts_are_where_one_would_put_them() -> None:
    # Before the whole line where that begins with what comes next, else inside it.
    value: Json = {
        "on": {"push": None, "pull_request": {}},
        "jobs": {"test": {"steps": [{"run": "make"}, {"run": "tox"}]}},
    }
    text, places = places_of(value)
    marked = "".join(
        "|" * (index in places) + character for index, character in enumerate(text)
    )
    assert marked == MARKED


def test_a_lone_surrogate_is_shown_as_what_yaml_has_for_it() -> None:
    value: Json = {"name": "a\ud800b", "k\udfff": [1]}
    text, places = places_of(value)
    assert text == "name: a\ufffdb\nk\ufffd:\n- 1\n"
    assert places[-1] == len(text)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("epoch", [0, 1, 13, 31])
def test_the_stretches_of_a_document_are_its_yaml(
    store: Store, policy: Policy, epoch: int
) -> None:
    batches = Batches(store, "train", batch_size=1, seed=0, policy=policy)
    longest = int(store.length.argmax())
    for row in {0, 1, len(store) - 1, longest}:
        ids = store.tokens(row)
        windows = batches.document_windows(row, epoch)
        parts = stretches(store.tokenizer, ids, windows)
        text = to_yaml(store.tokenizer.decode(ids))
        assert "".join(part.text for part in parts) == text
        assert [part.start for part in parts[1:]] == [part.end for part in parts[:-1]]
        assert (parts[0].start, parts[-1].end) == (0, len(ids))
        begun = [part.start for part in parts if part.window is not None]
        assert begun == windows.start.tolist()
        held = {
            token
            for start, end in zip(windows.start, windows.end, strict=True)
            for token in range(start, end)
        }
        for part in parts:
            here = range(part.start, part.end)
            assert all((token in held) == (part.window is not None) for token in here)


def test_a_document_in_no_window_is_one_stretch(store: Store) -> None:
    batches = Batches(store, "train", batch_size=1, seed=0, policy="original")
    row = int(store.length.argmin())
    windows = batches.document_windows(row, 1)
    (part,) = stretches(store.tokenizer, store.tokens(row), windows)
    assert (part.window, part.start, part.end) == (None, 0, int(store.length[row]))
