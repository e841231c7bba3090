"""What an epoch is said to hold is what it holds."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tct.data.errors import ConfigError
from tct.data.inspection import (
    document_windows,
    epoch_windows,
    find_document,
    summarize,
    window_records,
    window_texts,
)
from tct.data.json_text import Json
from tct.data.store import Split, Store
from tct.data.windows import CONTEXT
from tct.pipeline.prepare import PrepareOptions, prepare
from tct.pipeline.progress import SilentProgress

ODD: Json = {
    "on": {"push": {}, "pull_request": None},
    "name": "Prüfung 🚀 a\u0301\u2028 \ue001",
    "permissions": {},
    "jobs": {
        "empty": {"steps": [], "needs": [], "with": {"a": [[], {}, [{}], {"b": []}]}},
        "": {"runs-on": ["self-hosted", 1, 1.5, -0.0, 1e22, True, False, None, ""]},
        "long": {
            "runs-on": "ubuntu-latest",
            "steps": [
                {
                    "name": f"Schritt {i}",
                    "run": f"echo '{i} ☃ 🚀 {i * i}'\nmake -j{i}\n",
                }
                for i in range(400)
            ],
        },
    },
}


@pytest.fixture(scope="module")
def odd_store(
    store_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Store, Json]:
    """A store of one long document with everything that JSON has."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "odd.json").write_text(json.dumps(ODD))
    options = PrepareOptions(tokenizer=store_folder / "tokenizer.json")
    prepare([folder / "odd.json"], folder / "store", options, SilentProgress())
    store = Store.open(folder / "store")
    assert store.length[0] > 3 * CONTEXT
    return store, ODD


# -- counts ----------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("epoch", [0, 1, 31, 32])
def test_the_summary_counts_what_the_windows_hold(
    store: Store, split: Split, epoch: int
) -> None:
    windows = epoch_windows(store, split, epoch)
    counts = Counter(
        (document, token)
        for document, start, end in zip(
            windows.document.tolist(),
            windows.start.tolist(),
            windows.end.tolist(),
            strict=True,
        )
        for token in range(start, end)
    )
    rows = store.rows(split).tolist()
    summary = summarize(store, split, epoch, CONTEXT)
    assert summary.epoch == epoch
    assert summary.offset == 32 * epoch % 1024
    assert summary.documents == len(rows)
    assert summary.windows == len(windows)
    assert summary.tokens == sum(len(store.tokens(row)) for row in rows)
    assert summary.targets == counts.total()
    assert summary.covered == len(counts)
    assert summary.repeated == sum(count - 1 for count in counts.values())
    assert summary.pad == len(windows) * CONTEXT - counts.total()
    assert summary.pad_share == summary.pad / (len(windows) * CONTEXT)


def test_an_epoch_covers_each_token_once(store: Store) -> None:
    for epoch in range(33):
        summary = summarize(store, "train", epoch, CONTEXT)
        assert summary.covered == summary.tokens == summary.targets
        assert summary.repeated == 0


def test_the_windows_of_an_epoch_name_rows_of_its_split(store: Store) -> None:
    for split in ("train", "val"):
        windows = epoch_windows(store, "train" if split == "train" else "val", 3)
        names = store.docs["split"].to_pylist()
        assert {names[row] for row in windows.document.tolist()} == {split}


def test_the_windows_of_a_document_are_those_of_the_epoch(store: Store) -> None:
    for epoch in (0, 7):
        whole = epoch_windows(store, "train", epoch)
        for row in store.rows("train").tolist():
            own = document_windows(store, row, epoch)
            here = whole.document == row
            assert own.document.tolist() == whole.document[here].tolist()
            assert own.start.tolist() == whole.start[here].tolist()
            assert own.end.tolist() == whole.end[here].tolist()
            assert own.position.tolist() == whole.position[here].tolist()


def test_a_split_without_documents_is_refused(odd_store: tuple[Store, Json]) -> None:
    store, _ = odd_store
    names = store.docs["split"].to_pylist()
    missing: Split = "val" if names == ["train"] else "train"
    message = f"the {missing} split has no document; choose the other one with --split"
    with pytest.raises(ConfigError, match=message):
        epoch_windows(store, missing, 0)


def test_records_are_flat_and_complete(store: Store) -> None:
    windows = epoch_windows(store, "train", 5)
    records = list(window_records(windows, epoch=5, context=CONTEXT))
    assert len(records) == len(windows)
    for index, record in enumerate(records):
        start, end = int(windows.start[index]), int(windows.end[index])
        assert record == {
            "epoch": 5,
            "document": int(windows.document[index]),
            "start": start,
            "end": end,
            "position": start // 32,
            "pad": 1024 - (end - start),
        }
        assert {type(value) for value in record.values()} == {int}


# -- texts -----------------------------------------------------------------------------


@pytest.mark.parametrize("epoch", [0, 1, 13, 31])
def test_the_texts_of_a_documents_windows_are_its_text(
    store: Store, epoch: int
) -> None:
    longest = int(store.length.argmax())
    for row in {0, 1, 2, len(store) - 1, longest}:
        value = store.tokenizer.decode(store.tokens(row))
        texts = list(window_texts(store, document_windows(store, row, epoch)))
        assert "".join(texts) == json.dumps(value, indent=2, ensure_ascii=False)


@pytest.mark.parametrize("epoch", [0, 1, 2, 17])
def test_the_texts_hold_empty_containers_and_all_characters(
    odd_store: tuple[Store, Json], epoch: int
) -> None:
    store, value = odd_store
    windows = document_windows(store, 0, epoch)
    texts = list(window_texts(store, windows))
    assert len(texts) == len(windows) >= 4
    assert all(texts)
    assert "".join(texts) == json.dumps(value, indent=2, ensure_ascii=False)


# -- names -----------------------------------------------------------------------------


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
    message = rf"--doc {name!r}: found no document among 60 documents; give a row"
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
    with pytest.raises(ConfigError, match=r"--doc 'ci.yml': found rows 0, 1 among 2"):
        find_document(Store.open(tmp_path / "store"), "ci.yml")
