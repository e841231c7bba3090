"""tct eval from the command line, on a run that learnt next to nothing."""

import json
import re
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tct.cli import main
from tct.data.store import Store
from tct.trainer.evaluation.evaluate import evaluate
from tct.trainer.evaluation.sample_sets import Settings
from tct.trainer.runs.checkpoint import load_model, save_checkpoint

SMALL = ["--preset", "tiny", "--steps", "6", "--batch-size", "4", "--device", "cpu"]
for setting in ("context=64", "width=32", "layers=1", "heads=2"):
    SMALL += ["--set", f"model.{setting}"]
FEW = ["-n", "2", "--seeds", "2", "--device", "cpu"]


def tct(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def problem(*arguments: object) -> str:
    done = tct(*arguments)
    assert done.exit_code == 1, done.output
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


@pytest.fixture(scope="module")
def store_folder(workflows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with held-out documents of several groups."""
    folder = tmp_path_factory.mktemp("eval") / "store"
    assert tct("prepare", workflows, "-o", folder, "--split-seed", "9").exit_code == 0
    store = Store.open(folder)
    groups = store.docs["group"].take(store.rows("val")).unique()
    assert len(groups) > 2
    return folder


@pytest.fixture(scope="module")
def run(store_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eval") / "run"
    done = tct("train", store_folder, "-o", folder, *SMALL)
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def evaluated(run: Path, store_folder: Path) -> tuple[Result, Path]:
    done = tct("eval", run, "--store", store_folder, "--judges", run / "none", *FEW)
    assert done.exit_code == 0, done.output
    return done, run / "eval"


@pytest.fixture(scope="module")
def found(evaluated: tuple[Result, Path]) -> dict[str, Any]:
    value = json.loads((evaluated[1] / "eval.json").read_text())
    assert isinstance(value, dict)
    return value


def test_python_finds_the_store_and_says_the_same(
    run: Path,
    store_folder: Path,
    found: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(store_folder.parent)  # the run knows the store by its name
    evaluation = evaluate(str(run), settings=Settings(samples=2, seeds=2), device="cpu")
    assert asdict(evaluation)["likelihood"] == found["likelihood"]
    assert [column.name for column in evaluation.columns] == [
        column["name"] for column in found["columns"]
    ]


def test_bits_per_byte_are_those_that_training_reports(
    run: Path, found: dict[str, Any]
) -> None:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    reported = [one for one in map(json.loads, lines) if one["kind"] == "eval"][-1]
    held_out = found["likelihood"]

    for figure in ("bits_per_byte", "perplexity", "nats_per_document"):
        value = held_out[figure]["value"]
        assert value == pytest.approx(reported[figure], rel=1e-6)
        assert held_out[figure]["low"] <= value <= held_out[figure]["high"]
    assert held_out["tokens"] == reported["val_tokens"]


def test_four_ways_of_writing_stand_beside_real_workflows(
    found: dict[str, Any],
) -> None:
    columns = found["columns"]
    assert [column["name"] for column in columns] == [
        "held-out",
        "constrained T=1",
        "constrained T=0.7 p=0.9",
        "free T=1",
        "free T=0.7 p=0.9",
    ]
    assert all(column["funnel"]["documents"] == [2, 2] for column in columns[1:])
    assert columns[0]["distances"]["triggers"] == 0


def test_masks_leave_nothing_that_the_official_schema_refuses(
    found: dict[str, Any],
) -> None:
    for column in found["columns"][1:3]:
        stages = {stage["name"]: stage for stage in column["funnel"]["stages"]}
        assert column["funnel"]["whole"] == 4
        assert stages["schema-correct"]["right"] == 4


def test_real_held_out_workflows_pass_every_judge_but_copy_none(
    found: dict[str, Any],
) -> None:
    column = found["columns"][0]
    documents = column["funnel"]["documents"]
    passed = [stage["passed"] for stage in column["funnel"]["stages"]]
    assert passed == [documents] * 4 + [None, None]
    assert column["novelty"]["exact"] == 0
    assert 0 < column["novelty"]["known"] < 1


def test_the_table_is_stdout_and_progress_stderr(
    evaluated: tuple[Result, Path],
) -> None:
    done, _ = evaluated
    lines = done.stdout.splitlines()
    stages = ["finished", "JSON", "schema-correct", "YAML round trip"]
    for name in ("bits per byte", *stages, "exact copies", "distance: actions"):
        assert any(line.startswith(name) for line in lines), name
    assert re.search(r"GitHub's parser +not *\n +installed", done.stdout)
    assert "constrained constrained" in done.stdout  # no name is cut off
    assert "wrote free T=0.7 p=0.9 seed 1: 2 in" in done.stderr


def test_the_page_needs_nothing_else(
    evaluated: tuple[Result, Path], found: dict[str, Any]
) -> None:
    page = (evaluated[1] / "eval.html").read_text()

    assert page.startswith("<!DOCTYPE html>")
    assert "default-src 'none'" in page
    assert not re.search(
        r"<(script|link|img|iframe)\b|\b(src|href)=|@import|url\(", page
    )
    assert page.count("<svg") >= 10
    examples = found["columns"][1]["examples"]
    assert page.count("<summary>Sample") == len(examples) == 4


def test_the_same_run_gives_the_same_figures(
    run: Path, store_folder: Path, evaluated: tuple[Result, Path], tmp_path: Path
) -> None:
    where = ["--store", store_folder, "--judges", run / "none", "-o", tmp_path]
    assert tct("eval", run, *where, *FEW).exit_code == 0
    for name in ("eval.json", "eval.html"):
        assert (tmp_path / name).read_bytes() == (evaluated[1] / name).read_bytes()


def test_a_store_beside_the_run_is_found_by_its_name(
    run: Path, store_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(run, tmp_path / "run")
    assert "--store" in problem("eval", tmp_path / "run", *FEW)
    shutil.copytree(store_folder, tmp_path / store_folder.name)
    done = tct("eval", tmp_path / "run", "-n", "1", "--seeds", "1", "--device", "cpu")
    assert done.exit_code == 0, done.output


def test_another_store_is_refused(run: Path, workflows: Path, tmp_path: Path) -> None:
    other = tmp_path / "store"
    assert tct("prepare", workflows, "-o", other, "--split-seed", "0").exit_code == 0
    assert "belongs to another store" in problem("eval", run, "--store", other)


def test_a_store_of_another_tokenizer_is_refused(
    run: Path, workflows: Path, other_tokenizer: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    arguments = ["prepare", workflows, "-o", store, "--tokenizer", other_tokenizer]
    assert tct(*arguments).exit_code == 0
    assert "belongs to another tokenizer" in problem("eval", run, "--store", store)


def test_a_store_without_held_out_documents_is_refused(
    workflows: Path, store_folder: Path, tmp_path: Path
) -> None:
    given = Store.open(store_folder)
    repository = given.docs["path"][int(given.rows("train")[0])].as_py().split("/")[0]
    shutil.copytree(workflows / repository, tmp_path / "source" / repository)
    store, run = tmp_path / "store", tmp_path / "run"
    arguments = ["prepare", tmp_path / "source", "-o", store, "--split-seed", "9"]
    assert tct(*arguments).exit_code == 0
    assert not len(Store.open(store).rows("val"))
    assert tct("train", store, "-o", run, *SMALL).exit_code == 0
    assert "no document in the val split" in problem("eval", run)


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path}: found no complete checkpoint" in problem("eval", tmp_path)


def test_the_best_checkpoint_is_evaluated_unless_the_newest_is_asked_for(
    run: Path, store_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    model, _, state = load_model(folder)
    save_checkpoint(folder, replace(state, step=state.step + 1), model, [])
    few = ["--store", store_folder, "-n", "1", "--seeds", "1", "--device", "cpu"]
    for options, step in (([], state.step), (["--checkpoint", "newest"], 7)):
        assert tct("eval", folder, *few, *options).exit_code == 0
        assert json.loads((folder / "eval/eval.json").read_text())["step"] == step


def test_a_damaged_checkpoint_is_named(
    run: Path, store_folder: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "run"
    shutil.copytree(run, broken)
    (weights,) = broken.glob("checkpoints/*/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x07")
    text = problem("eval", broken, "--store", store_folder, *FEW)
    assert "model.safetensors: found sha256" in text


def test_a_damaged_config_asks_for_the_store(run: Path, tmp_path: Path) -> None:
    broken = tmp_path / "run"
    shutil.copytree(run, broken)
    (broken / "config.json").write_text("[")
    text = problem("eval", broken)
    assert "config.json: does not say which store" in text
    assert "--store" in text


def test_another_tokenizer_in_the_run_is_refused(
    run: Path, store_folder: Path, other_tokenizer: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "run"
    shutil.copytree(run, broken)
    shutil.copy(other_tokenizer, broken / "tokenizer.json")
    text = problem("eval", broken, "--store", store_folder, *FEW)
    assert "restore the run's own tokenizer.json" in text


def test_without_the_extra_nothing_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    text = problem("eval", tmp_path)
    assert "pip install 'tct-workflows[eval]'" in text


@pytest.mark.parametrize(
    "option", ["--temperature=nan", "--temperature=inf", "--top-p=nan"]
)
def test_a_number_to_draw_with_is_refused_before_anything_is_written(
    run: Path, store_folder: Path, tmp_path: Path, option: str
) -> None:
    name = option[2:].partition("=")[0]
    text = problem("eval", run, "--store", store_folder, "-o", tmp_path / "e", option)
    assert text.startswith(f"Error: {name}: found ")
