"""The command: what it prints, writes and refuses."""

import json
from pathlib import Path

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result

from tct.cli import main
from tct.data.documents.parse import parse_document
from tct.data.documents.yaml_writer import to_yaml
from tct.data.store import Store
from tct.data.tokenizer import Tokenizer
from tct.pipeline.workflow_schema import workflow_schema
from tct.trainer.presets import preset
from tct.trainer.training.loop import train

VALIDATOR = jsonschema_rs.Draft7Validator(workflow_schema())
SMALL = ["model.width=32", "model.layers=1", "model.heads=2", "run.steps=2"]


@pytest.fixture(scope="module")
def run(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command") / "run"
    train(store, folder, preset("tiny", SMALL), device="cpu")
    return folder


def tct(run: Path, *options: str) -> Result:
    command = ["generate", str(run), "--max-tokens", "80", "--device", "cpu"]
    return CliRunner().invoke(main, [*command, *options])


def test_yaml_documents_are_separated(run: Path) -> None:
    result = tct(run, "-n", "3")

    assert result.exit_code == 0
    documents = result.stdout.split("---\n")
    assert len(documents) == 3
    for text in documents:
        assert VALIDATOR.is_valid(parse_document(text.encode()))
    assert result.stderr.startswith("3 samples")


def test_json_and_tokens_are_the_same_samples(run: Path, store: Store) -> None:
    yaml, lines, tokens = (
        tct(run, "-n", "2", "--format", style).stdout
        for style in ("yaml", "json", "tokens")
    )
    values = [json.loads(line) for line in lines.splitlines()]

    assert yaml == "---\n".join(map(to_yaml, values))
    ids = [list(map(int, line.split())) for line in tokens.splitlines()]
    assert [store.tokenizer.decode(part) for part in ids] == values


def test_jsonl_says_how_a_sample_came_about(run: Path) -> None:
    result = tct(run, "-n", "2", "--jsonl", "--seed", "3", "--first", "7")
    records = [json.loads(line) for line in result.stdout.splitlines()]

    assert [record["number"] for record in records] == [7, 8]
    for record in records:
        assert VALIDATOR.is_valid(record.pop("workflow"))
        assert record.pop("log_prob") < 0
        assert record.pop("ending") in ("finished", "cut")
        assert 0 < record.pop("num_tokens") <= 80
        del record["number"]
        assert record == {
            "seed": 3,
            "temperature": 1.0,
            "top_k": None,
            "top_p": None,
            "min_p": None,
            "max_tokens": 80,
        }


def test_a_folder_gets_one_file_per_sample(run: Path, tmp_path: Path) -> None:
    result = tct(run, "-n", "2", "-o", str(tmp_path / "out"))

    assert result.exit_code == 0
    assert result.stdout == ""
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == ["00000.yml", "00001.yml"]
    assert "---\n".join(f.read_text() for f in files) == tct(run, "-n", "2").stdout


def test_a_stream_prints_what_is_printed_at_once(run: Path) -> None:
    streamed = tct(run, "-n", "2", "--stream", "--max-tokens", "200")

    assert streamed.exit_code == 0
    assert streamed.stdout == tct(run, "-n", "2", "--max-tokens", "200").stdout


def test_free_samples_without_a_document_are_counted(run: Path) -> None:
    text = tct(run, "-n", "4", "--free")
    records = tct(run, "-n", "4", "--free", "--jsonl").stdout.splitlines()

    assert text.exit_code == 0
    assert text.stdout == ""
    assert "4 broken off at a token" in text.stderr
    assert [json.loads(line)["workflow"] for line in records] == [None] * 4


def test_shortcuts_begin_the_workflow(run: Path) -> None:
    options = ["--name", "CI", "--on", "push", "--on", "fork", "--runs-on", "self"]
    value = parse_document(tct(run, *options).stdout.encode())

    assert list(value)[:3] == ["name", "on", "jobs"]
    assert value["name"] == "CI"
    assert value["on"] == ["push", "fork"]
    assert isinstance(value["jobs"], dict)
    job = value["jobs"]["build"]
    assert isinstance(job, dict)
    assert job["runs-on"] == "self"


def test_a_prompt_is_read_from_yaml(run: Path, tmp_path: Path) -> None:
    prompt = tmp_path / "start.yml"
    start = "on: push\njobs:\n  a:\n    steps:\n    - run: |\n        ls\n"
    prompt.write_text(start)
    text = tct(run, "--prompt", str(prompt)).stdout

    assert text.startswith(start)
    assert VALIDATOR.is_valid(parse_document(text.encode()))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--prompt", "x.yml", "--name", "CI"], "write them into FILE"),
        (["--runs-on", "ubuntu-latest"], "--runs-on needs --on"),
        (["--stream", "--jsonl"], "--stream shows YAML"),
        (["--stream", "-o", "out"], "--stream shows YAML"),
        (["-n", "0"], "0 is not in the range"),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(
    run: Path, options: list[str], problem: str
) -> None:
    result = tct(run, *options)

    assert result.exit_code == 2
    assert problem in result.stderr


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--on", "pushed"], "the prompt breaks the workflow schema"),
        (["--prompt", "nowhere.yml"], "nowhere.yml: not found"),
        (["--max-tokens", "3"], "found a budget of 3; shorten the prompt"),
        (["--min-p", "2"], "min-p: found 2.0, expected 0 to 1"),
    ],
)
def test_problems_are_one_line(run: Path, options: list[str], problem: str) -> None:
    result = tct(run, *options)

    assert result.exit_code == 1
    assert problem in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_default_tokenizer_is_the_runs(run: Path) -> None:
    assert Tokenizer.load(run / "tokenizer.json").digest == Tokenizer.default().digest
