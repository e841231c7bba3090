"""Documents to a tokenizer: which ones count, and that nothing else does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tct.data.display.progress import SilentProgress
from tct.data.documents.json_text import canonical_bytes
from tct.data.documents.parse import parse_document
from tct.data.errors import ConfigError, SourceError
from tct.data.tokenizer import Tokenizer
from tct.data.tokenizer.symbols import MAX_CHARACTERS
from tct.pipeline.sources import Columns
from tct.pipeline.vocabulary import train as module
from tct.pipeline.vocabulary.train import (
    MAX_PER_GROUP,
    Training,
    train_from_sources,
    train_tokenizer,
    training_rows,
)


def learn(*sources: Path, output: Path, force: bool = False) -> Training:
    return train_from_sources(sources, output, Columns(), SilentProgress(), force=force)


def learn_rows(folder: Path, rows: list[dict[str, Any]]) -> Training:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return learn(path, output=folder / "learnt.json")


def version(repo: str, path: str, mark: str, **time: float) -> dict[str, Any]:
    """A row; its character is common, so the tokenizer tells that it was learnt."""
    return {"repo": repo, "path": path, "text": f"name: {mark * 9}", **time}


@pytest.fixture(scope="module")
def training(workflows: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    output = tmp_path_factory.mktemp("learnt") / "tokenizer.json"
    training = learn(workflows, output=output)
    assert Tokenizer.load(output).digest == training.tokenizer.digest
    return training


# -- which documents -------------------------------------------------------------------


def test_only_the_newest_version_of_a_file_counts(tmp_path: Path) -> None:
    rows = [
        version("a/b", "ci.yml", "α", time=2),
        version("a/b", "ci.yml", "β", time=3.5),
        version("a/b", "ci.yml", "γ", time=1),
        version("a/b", "no-time.yml", "δ"),
        version("a/b", "no-time.yml", "ε"),
        version("c/d", "ci.yml", "ζ", time=0),
    ]
    training = learn_rows(tmp_path, rows)
    assert set(training.tokenizer.characters) == set("βεζ")
    assert (training.inputs, training.rejected) == (6, 0)
    assert (training.documents, training.groups) == (3, 2)


def test_rows_that_name_no_file_are_files_of_their_own(tmp_path: Path) -> None:
    rows = [{"repo": "a/b", "text": f"name: {mark * 9}"} for mark in "αβγ"]
    training = learn_rows(tmp_path, rows)
    assert set(training.tokenizer.characters) == set("αβγ")
    assert (training.documents, training.groups) == (3, 1)


def test_files_of_the_same_name_in_two_sources_are_two_files(tmp_path: Path) -> None:
    for name, mark in (("one", "α"), ("two", "β")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ci.yml").write_text(f"name: {mark * 9}")
    training = learn(tmp_path / "one", tmp_path / "two", output=tmp_path / "t.json")
    assert set(training.tokenizer.characters) == set("αβ")
    assert training.documents == 2


def test_a_group_has_at_most_60_documents_spread_over_all_it_has() -> None:
    assert MAX_PER_GROUP == 60
    rows = training_rows(["many"] * 120 + ["few"] * 2)
    assert rows == [*range(0, 120, 2), 120, 121]
    assert training_rows(["a"] * 60) == list(range(60))
    assert len(set(training_rows(["a"] * 61))) == 60


def test_the_documents_of_a_group_need_not_stand_together() -> None:
    rows = training_rows(["many", "other"] * 120)
    assert rows == [row for row in range(240) if row % 4 < 2]


def test_there_are_at_most_so_many_documents_of_all_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_DOCUMENTS", 4)
    assert training_rows(list("abcdefghij")) == [0, 2, 5, 7]
    assert training_rows(["a"] * 120) == [0, 30, 60, 90]
    assert training_rows(list("abc")) == [0, 1, 2]


def test_the_cap_of_a_group_counts_files_and_not_versions(tmp_path: Path) -> None:
    rows = [
        {"repo": "a/b", "path": f"{number}.yml", "time": time, "text": f"on: x{time}"}
        for time in range(2)
        for number in range(61)
    ]
    training = learn_rows(tmp_path, rows)
    assert (training.inputs, training.documents, training.groups) == (122, 60, 1)


def test_inputs_that_are_no_documents_are_counted(tmp_path: Path) -> None:
    lines = ['{"text": "on: push"}', "[]", "{", '{"text": "- a"}', '{"on": "push"}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    training = learn(tmp_path / "rows.jsonl", output=tmp_path / "t.json")
    assert (training.inputs, training.rejected) == (5, 3)
    assert (training.documents, training.groups) == (2, 2)


# -- what is learnt --------------------------------------------------------------------


def test_the_tokenizer_is_lossless_and_shorter_than_without_merges(
    training: Training, workflows: Path
) -> None:
    tokenizer = training.tokenizer
    plain = Tokenizer(
        tokenizer.grammar,
        characters=tokenizer.characters,
        merges=[],
        schema_sha256=tokenizer.schema_sha256,
    )
    for path in workflows.rglob("*.yml"):
        value = parse_document(path.read_bytes())
        ids = tokenizer.encode(value)
        assert canonical_bytes(tokenizer.decode(ids)) == canonical_bytes(value)
        assert len(ids) < len(plain.encode(value)) / 2
    assert (training.documents, training.groups) == (60, 15)


def test_the_128_most_frequent_characters_are_symbols(tmp_path: Path) -> None:
    marks = [chr(0x4E00 + number) for number in range(130)]
    text = "".join(mark * (200 - number) for number, mark in enumerate(marks))
    training = learn_rows(tmp_path, [{"text": f"name: {text}"}])
    assert MAX_CHARACTERS == 128
    assert training.tokenizer.characters == "".join(marks[:128])


def test_characters_of_one_place_and_of_private_use_stay_bytes(tmp_path: Path) -> None:
    training = learn_rows(tmp_path, [{"text": "name: αββ\nenv: {A: \ue000\ue000}"}])
    assert training.tokenizer.characters == "β"


@pytest.mark.parametrize(("groups", "is_learnt"), [("aaaaaaaa", False), ("abcd", True)])
def test_a_chunk_counts_once_for_each_group(groups: str, is_learnt: bool) -> None:
    # A token is learnt from four places or more.
    tokenizer = train_tokenizer(lambda: [(group, {"name": "xyz"}) for group in groups])
    assert any("xyz" in token for token in tokenizer.merges) == is_learnt


def test_the_order_of_the_documents_does_not_matter(
    training: Training, workflows: Path, tmp_path: Path
) -> None:
    paths = sorted(workflows.rglob("*.yml"), reverse=True)
    rows = [
        {
            "repo": path.parent.name.replace("__", "/"),
            "path": path.name,
            "text": path.read_text(),
        }
        for path in paths
    ]
    again = learn_rows(tmp_path, rows)
    assert (again.documents, again.groups) == (60, 15)
    assert again.tokenizer.digest == training.tokenizer.digest
    assert len(again.tokenizer.merges) > 100


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_learns_the_same(
    training: Training, workflows: Path, tmp_path: Path, seed: str
) -> None:
    command = [sys.executable, "-m", "tct", "tokenizer", "train", str(workflows)]
    subprocess.run(
        [*command, "-o", "t.json"],
        check=True,
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    assert Tokenizer.load(tmp_path / "t.json").digest == training.tokenizer.digest


# -- failures --------------------------------------------------------------------------


def test_no_document_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("[]\n{\n")
    message = r"rows\.jsonl: no document among 2 inputs; check that these are"
    with pytest.raises(SourceError, match=message):
        learn(tmp_path / "rows.jsonl", output=tmp_path / "t.json")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_missing_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere: not found"):
        learn(tmp_path / "nowhere", output=tmp_path / "t.json")
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_exists_is_left_alone(workflows: Path, tmp_path: Path) -> None:
    output = tmp_path / "t.json"
    output.write_text("mine")
    with pytest.raises(ConfigError, match=r"t\.json: exists already, .* --force"):
        learn(workflows, output=output)
    assert output.read_text() == "mine"


def test_force_replaces_an_output(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("on: push")
    (tmp_path / "t.json").write_text("mine")
    training = learn(tmp_path / "a.yml", output=tmp_path / "t.json", force=True)
    assert Tokenizer.load(tmp_path / "t.json").digest == training.tokenizer.digest
