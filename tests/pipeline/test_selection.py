"""What is chosen: limits per file and group, and nothing near across the splits."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tct.data.display.progress import SilentProgress
from tct.data.errors import ConfigError
from tct.data.store import REJECTS_SCHEMA, Store
from tct.data.store.files import read_arrow
from tct.pipeline.prepare import PrepareOptions, PrepareReport, prepare
from tct.pipeline.prepare.selection import Rules, split_of
from tct.pipeline.prepare.selection.near_duplicates import (
    SIGNATURE_BYTES,
    Signer,
    near_rows,
)

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
    rejects = read_arrow(
        tmp_path / "store" / "rejects.arrow", REJECTS_SCHEMA
    ).to_pylist()
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


def test_what_github_refuses_is_a_reject(tmp_path: Path) -> None:
    job = "jobs: {a: {runs-on: x, steps: [{run: '%s'}]}}"
    rows = [
        {**row, "text": f"on: push\n{job % script}"}
        for row, script in zip(versions(3), ["a", "${{ b }}", "c"], strict=True)
    ]
    make(rows, tmp_path)
    assert kept(tmp_path) == [0, 1, 2]
    report = make(rows, tmp_path, valid_only=True)  # tokens come from the store before
    assert kept(tmp_path) == [0, 2]
    assert report.manifest["rejects"] == {"breaks_rules": 1}
    (reject,) = read_arrow(
        tmp_path / "store" / "rejects.arrow", REJECTS_SCHEMA
    ).to_pylist()
    assert reject["stage"] == "check"
    assert reject["message"].startswith("jobs.a.steps[0].run: context 'b'")
    make(rows, tmp_path)
    assert kept(tmp_path) == [0, 1, 2]


def test_equal_texts_count_once(tmp_path: Path) -> None:
    rows = [version for version in versions(3) for _ in range(2)]
    report = make(rows, tmp_path, max_per_path=2)
    assert report.manifest["rejects"] == {"exact_duplicate": 2, "path_limit": 2}
    report = make(rows, tmp_path, max_per_path=2, max_per_group=1)
    counts = {"exact_duplicate": 1, "group_limit": 2, "path_limit": 2}
    assert report.manifest["rejects"] == counts
    duplicates = {"exact_inside_splits": 1, "exact_across_splits": 0}
    assert report.manifest["duplicates"] == duplicates


def test_a_text_is_as_new_as_its_newest_copy(tmp_path: Path) -> None:
    rows = versions(3)  # the newest first
    rows.append({**rows[2], "time": 2000})  # the oldest one is taken up again
    make(rows, tmp_path, max_per_path=1)
    assert kept(tmp_path) == [2]


def test_what_is_left_out_is_not_parsed(tmp_path: Path) -> None:
    rows = [*versions(2), {**versions(3)[2], "text": "a: ["}]
    assert make(rows, tmp_path).manifest["rejects"] == {"syntax": 1}
    report = make(rows, tmp_path, max_per_path=1)
    assert report.manifest["rejects"] == {"path_limit": 2}
    assert report.manifest["run"]["tokenized"] + report.manifest["run"]["reused"] == 1
    # The newest version may turn out not to be a document.
    rows[2]["time"] = 3000
    report = make([*rows, *versions(1, path="b")], tmp_path, max_per_path=1)
    assert report.manifest["rejects"] == {"path_limit": 2, "syntax": 1}
    assert kept(tmp_path) == [3]


def test_inputs_without_a_repository_have_no_limit(tmp_path: Path) -> None:
    rows = [{**row, "repo": None} for row in versions(4)]
    make(rows, tmp_path, max_per_path=1, max_per_group=1)
    assert kept(tmp_path) == [0, 1, 2, 3]


def test_what_cannot_be_read_takes_no_place(tmp_path: Path) -> None:
    rows = versions(3)
    rows[0]["text"] = None
    report = make(rows, tmp_path, max_per_path=1, max_per_group=1)
    assert report.manifest["rejects"] == {"bad_record": 1, "path_limit": 1}
    assert kept(tmp_path) == [1]


def test_exact_duplicates_are_counted_inside_and_across_splits(tmp_path: Path) -> None:
    assert (split_of(VAL, seed=0), split_of(TRAIN, seed=0)) == ("val", "train")
    first, again = versions(1, repo=TRAIN), versions(1, repo=VAL)
    rows = [*first, *versions(3, repo="a/b"), *first]
    rows += [{**again[0], "text": first[0]["text"]}, {**first[0], "repo": "c/d"}]
    report = make(rows, tmp_path)
    assert split_of("c/d", seed=0) == "train"
    duplicates = {"exact_inside_splits": 2, "exact_across_splits": 1}
    assert report.manifest["duplicates"] == duplicates
    assert kept(tmp_path) == [0, 1, 2, 3]


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


def splits(folder: Path) -> dict[int, str]:
    docs = Store.open(folder / "store").docs
    return dict(zip(kept(folder), docs["split"].to_pylist(), strict=True))


def test_what_is_near_to_a_validation_document_stays_out_of_training(
    tmp_path: Path,
) -> None:
    rows = [
        row(workflow(range(100), "one"), TRAIN),
        row(workflow(range(100), "two"), VAL),
        row(workflow(range(300, 400), "three"), TRAIN),
        row(workflow(range(300, 400), "four"), TRAIN),
        row(workflow(range(200, 300), "five"), VAL),
    ]
    make(rows, tmp_path)
    alone = {0: "train", 1: "val", 2: "train", 3: "train", 4: "val"}
    assert splits(tmp_path) == alone
    report = make(rows, tmp_path, near_duplicates=True)
    assert splits(tmp_path) == {n: alone[n] for n in (1, 2, 3, 4)}
    assert report.manifest["rejects"] == {"near_duplicate": 1}
    (reject,) = read_arrow(
        tmp_path / "store" / "rejects.arrow", REJECTS_SCHEMA
    ).to_pylist()
    assert (reject["path"], reject["stage"]) == ("rows.jsonl#0", "select")
    assert reject["message"] == "near to rows.jsonl#1 of validation"
    assert report.manifest["duplicates"] == {
        "exact_inside_splits": 0,
        "exact_across_splits": 0,
        "near_inside_splits": 2,
        "near_across_splits": 1,
    }


def test_nearness_is_not_passed_on(tmp_path: Path) -> None:
    # Each is near the next one; the first, in validation, is near the second alone.
    texts = [workflow(range(12 * n, 12 * n + 150), "x") for n in range(5)]
    rows = [row(text, TRAIN if n else VAL) for n, text in enumerate(texts)]
    make(rows, tmp_path, near_duplicates=True)
    assert kept(tmp_path) == [0, 2, 3, 4]


def test_validation_does_not_depend_on_what_training_is_like(tmp_path: Path) -> None:
    val = [row(workflow(range(9 * n, 9 * n + 40), "x"), VAL) for n in range(9)]
    train = [row(workflow(range(5 * n, 5 * n + 40), "y"), TRAIN) for n in range(30)]
    make(val, tmp_path, near_duplicates=True)
    alone = Store.open(tmp_path / "store").docs["sha256"].to_pylist()
    make([*train, *val], tmp_path, near_duplicates=True)
    store = Store.open(tmp_path / "store")
    digests = store.docs["sha256"].to_pylist()
    assert [digests[n] for n in store.rows("val")] == alone
    assert 0 < len(store.rows("train")) < 30


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
    table = pa.array(signatures, pa.binary(SIGNATURE_BYTES))
    first, others = np.array([0]), np.arange(1, 5)
    assert near_rows(table, others, first).tolist() == [0, 0, -1, -1]
    assert near_rows(table, first, others[2:]).tolist() == [-1]


@pytest.mark.parametrize("offset", [0, 3])
def test_every_signature_with_90_equal_numbers_is_found_and_no_other(
    offset: int,
) -> None:
    rng = np.random.default_rng(0)
    table = rng.integers(0, 2**32, (400, 128), dtype=np.uint32)
    for number in range(200, 400):
        # A copy with 37 to 39 other numbers, at worst in as many bands as there can be.
        others = (rng.permutation(128), np.r_[0:128:3], np.r_[0:128:4, 1:128:4])
        other = others[number % 3][: rng.integers(37, 40)]
        table[number] = np.where(
            np.isin(np.arange(128), other), table[number], table[number - 200]
        )
    signatures = pa.array([row.tobytes() for row in table], pa.binary(SIGNATURE_BYTES))
    ours, theirs = np.arange(offset, 200), np.arange(200 - offset, 400 - offset)
    signatures = signatures.slice(offset)
    found = near_rows(signatures, ours - offset, theirs)
    equal = (table[ours][:, None] == table[theirs + offset]).sum(axis=2)
    assert found.tolist() == [
        theirs[row.argmax()] if row.max() >= 90 else -1 for row in equal
    ]
    assert {89, 90, 91} <= set(equal.max(axis=1).tolist())


def test_a_signature_is_not_near_itself() -> None:
    texts = [" ".join(map(str, range(50 * n, 50 * n + 50))) for n in range(40)]
    texts += texts[:10]
    signed = [Signer().sign(text.encode()) for text in texts]
    rows = np.arange(50)
    found = near_rows(pa.array(signed, pa.binary(SIGNATURE_BYTES)), rows, rows)
    assert found.tolist() == [*range(40, 50), *([-1] * 30), *range(10)]
    assert (
        near_rows(pa.array(signed, pa.binary(SIGNATURE_BYTES)), rows, rows[:0]).max()
        == -1
    )


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
