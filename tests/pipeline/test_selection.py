"""What is chosen: limits per file and group, and near-duplicates on one side."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tct.data.errors import ConfigError
from tct.data.store import Store, read_arrow
from tct.pipeline.near_duplicates import SIGNATURE_BYTES, Signer, near_pairs
from tct.pipeline.prepare import PrepareOptions, PrepareReport, prepare
from tct.pipeline.progress import SilentProgress
from tct.pipeline.selection import Rules
from tct.pipeline.splits import split_of

VAL, TRAIN = "owner/16", "owner/0"  # by themselves, with the split seed 0


def make(rows: list[dict[str, Any]], folder: Path, **rules: Any) -> PrepareReport:
    folder.mkdir(exist_ok=True)
    source = folder / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = PrepareOptions(rules=Rules(**rules), force=True)
    return prepare([source], folder / "store", options, SilentProgress())


def kept(folder: Path) -> list[int]:
    paths = Store.open(folder / "store").docs["path"].to_pylist()
    return [int(path.partition("#")[2]) for path in paths]


def versions(
    count: int, *, repo: str = "a/b", path: str = "ci.yml"
) -> list[dict[str, Any]]:
    """Versions of a file, the newest one first."""
    return [
        {
            "text": f"on: push\nname: {repo} {path} {number}\njobs: {{}}\n",
            "repo": repo,
            "path": path,
            "time": 1000 - number,
        }
        for number in range(count)
    ]


# -- limits ----------------------------------------------------------------------------


def test_the_newest_versions_of_a_file_are_kept(tmp_path: Path) -> None:
    rows = [
        *versions(5),
        *versions(2, path="other.yml"),
        *versions(4, repo="c/d"),  # a file of the same name elsewhere is another file
    ]
    report = make(rows, tmp_path, max_per_path=3)
    assert kept(tmp_path) == [0, 1, 2, 5, 6, 7, 8, 9]
    assert report.manifest["rejects"] == {"path_limit": 3}
    rejects = read_arrow(tmp_path / "store" / "rejects.arrow").to_pylist()
    assert [row["path"] for row in rejects] == [f"rows.jsonl#{n}" for n in (3, 4, 10)]
    message = "the 3 newest versions of this file are kept"
    assert {(row["stage"], row["message"]) for row in rejects} == {("select", message)}


def test_of_versions_without_a_time_the_last_ones_are_kept(tmp_path: Path) -> None:
    rows = [{**row, "time": None} for row in versions(5)]
    make(rows, tmp_path, max_per_path=2)
    assert kept(tmp_path) == [3, 4]


def test_a_group_has_no_more_documents_than_the_limit(tmp_path: Path) -> None:
    rows = [
        row
        for repo, count in (("a/b", 40), ("c/d", 3))
        for number in range(count)
        for row in versions(1, repo=repo, path=f"{number}.yml")
    ]
    make(rows, tmp_path, max_per_group=7)
    first = kept(tmp_path)
    assert len([row for row in first if row < 40]) == 7
    assert [row for row in first if row >= 40] == [40, 41, 42]
    assert first != [*range(7), 40, 41, 42]  # a draw, not the beginning
    # It is stable: with another row at most one document gives way.
    make([*rows, *versions(1, path="new.yml")], tmp_path, max_per_group=7)
    assert len(set(first) - set(kept(tmp_path))) <= 1


def test_limits_count_after_duplicates_are_gone(tmp_path: Path) -> None:
    rows = [version for version in versions(3) for _ in range(2)]
    report = make(rows, tmp_path, max_per_path=2, max_per_group=1)
    counts = {"exact_duplicate": 3, "group_limit": 1, "path_limit": 1}
    assert report.manifest["rejects"] == counts
    assert report.manifest["duplicates"] == {"exact": 3, "exact_across_splits": 0}


def test_limits_are_part_of_the_key(tmp_path: Path) -> None:
    make(versions(3), tmp_path)
    report = make(versions(3), tmp_path, max_per_path=2)
    assert not report.up_to_date
    assert report.manifest["key_inputs"]["max_per_path"] == 2


# -- near duplicates -------------------------------------------------------------------


def workflow(words: range, name: str) -> str:
    steps = "".join(f"      - run: step-{word} --with option{word}\n" for word in words)
    return (
        f"name: {name}\non: push\njobs:\n  a:\n    runs-on: ubuntu\n    steps:\n{steps}"
    )


def row(text: str, repo: str) -> dict[str, Any]:
    return {"text": text, "repo": repo}


def splits(folder: Path) -> dict[str, str]:
    docs = Store.open(folder / "store").docs
    columns = docs["group"].to_pylist(), docs["split"].to_pylist()
    return dict(zip(*columns, strict=True))


def test_groups_that_share_near_duplicates_are_in_one_split(tmp_path: Path) -> None:
    assert (split_of(VAL, seed=0), split_of(TRAIN, seed=0)) == ("val", "train")
    rows = [
        row(workflow(range(100), "one"), VAL),
        row(workflow(range(100), "two"), TRAIN),
        row(workflow(range(200, 300), "three"), "owner/41"),
    ]
    make(rows, tmp_path)
    assert splits(tmp_path) == {VAL: "val", TRAIN: "train", "owner/41": "val"}
    report = make(rows, tmp_path, near_duplicates=True)
    found = splits(tmp_path)
    # Together they are called by the smaller name; what is alone stays where it is.
    assert found == {VAL: "train", TRAIN: "train", "owner/41": "val"}
    assert report.manifest["duplicates"] == {
        "exact": 0,
        "exact_across_splits": 0,
        "near": 2,
        "near_across_groups": 2,
        "near_across_splits_by_group_alone": 2,
        "near_across_splits": 0,
        "groups_joined": 1,
    }


def test_groups_are_joined_through_others(tmp_path: Path) -> None:
    # Each is near the next one, the first and the last are not near each other.
    chain = [
        row(workflow(range(6 * n, 6 * n + 150), "x"), f"o/{9 - n}") for n in range(5)
    ]
    report = make(chain, tmp_path, near_duplicates=True)
    assert len(set(splits(tmp_path).values())) == 1
    assert report.manifest["duplicates"]["groups_joined"] == 4


def test_near_is_a_jaccard_similarity_of_word_shingles() -> None:
    def shingles(text: str) -> set[str]:
        words = text.split()
        return {" ".join(words[at : at + 5]) for at in range(len(words) - 4)}

    rng, signer = np.random.default_rng(0), Signer()
    base = [f"w{number}" for number in range(400)]
    texts = [" ".join(base)]
    for changes in (1, 4, 60, 200):
        words = list(base)
        for at in rng.choice(400, changes, replace=False):
            words[at] = f"other{at}"
        texts.append(" ".join(words))
    similar = [
        len(shingles(texts[0]) & shingles(text))
        / len(shingles(texts[0]) | shingles(text))
        for text in texts[1:]
    ]
    assert similar[0] > similar[1] > 0.85 > 0.5 > similar[2] > similar[3]
    signatures = [signer.sign(text.encode()) for text in texts]
    pairs = near_pairs(pa.array(signatures, pa.binary(SIGNATURE_BYTES))).tolist()
    assert [0, 1] in pairs
    assert [0, 2] in pairs
    assert not {3, 4} & {number for pair in pairs for number in pair}


def test_every_copy_is_found_among_many() -> None:
    signer = Signer()
    texts = [" ".join(map(str, range(50 * n, 50 * n + 50))) for n in range(200)]
    texts = [text for text in texts for _ in range(3)]
    signatures = [signer.sign(text.encode()) for text in texts]
    pairs = near_pairs(pa.array(signatures, pa.binary(SIGNATURE_BYTES)))
    assert len(np.unique(pairs)) == 600
    assert (pairs[:, 0] // 3 == pairs[:, 1] // 3).all()


@pytest.mark.parametrize("text", ["", "one", "one two three four", "\xff"])
def test_a_short_text_has_a_signature(text: str) -> None:
    assert len(Signer().sign(text.encode("latin-1"))) == SIGNATURE_BYTES


def test_without_the_library_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rensa", None)
    message = r"--near-dup: the package rensa is not installed; pip install"
    with pytest.raises(ConfigError, match=message):
        make(versions(1), tmp_path, near_duplicates=True)
