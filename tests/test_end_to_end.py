"""The whole path by the command line, as a newcomer walks it."""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from click.testing import CliRunner, Result
from safetensors.numpy import load_file

from tct.cli import main
from tct.data.documents.parse import parse_document
from tct.pipeline.workflow_schema import workflow_schema
from tct.tests.processes import Child

VALIDATOR = jsonschema_rs.Draft7Validator(workflow_schema())
SMALL = ["--preset", "tiny", "--steps", "6", "--batch-size", "4", "--device", "cpu"]
SMALL += [
    "--set",
    "model.width=32",
    "--set",
    "model.layers=1",
    "--set",
    "model.heads=2",
]


def start(*arguments: object, **environment: object) -> Child:
    """As a user does; PyTorch alone takes seconds to load."""
    return Child([sys.executable, "-m", "tct", *arguments], environment)


def tct(*arguments: object, code: int = 0) -> Result:
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == code, done.stderr
    assert isinstance(done.exception, SystemExit | None)
    return done


@pytest.fixture(scope="module")
def run(store_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("path") / "run"
    with start("train", store_folder, "-o", folder, *SMALL) as process:
        process.finish()
    return folder


def parameters(run: Path) -> dict[str, Any]:
    newest = max((run / "checkpoints").iterdir())
    return {
        name: tensor.tobytes()
        for name, tensor in load_file(newest / "model.safetensors").items()
    }


def test_a_run_leaves_checkpoints_metrics_and_what_generation_needs(run: Path) -> None:
    checkpoint = run / "checkpoints" / "step-000006"
    names = {path.name for path in checkpoint.iterdir()}
    assert {"model.safetensors", "optim.safetensors", "state.json"} <= names
    lines = (run / "metrics.jsonl").read_text().splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert (run / "tokenizer.json").is_file()


def test_generated_yaml_documents_are_valid_workflows(run: Path) -> None:
    done = tct("generate", run, "--num-samples", "3", "--max-tokens", "80")
    documents = done.stdout.split("\n---\n")
    assert len(documents) == 3
    for text in documents:
        assert VALIDATOR.is_valid(parse_document(text.encode()))
        assert isinstance(yaml.safe_load(text), dict)


def test_generated_json_is_one_document_per_line(run: Path) -> None:
    arguments = ["generate", run, "-n", "2", "--max-tokens", "80", "--format", "json"]
    first, second = (tct(*arguments).stdout for _ in range(2))
    assert first == second
    lines = first.splitlines()
    assert len(lines) == 2
    assert all(VALIDATOR.is_valid(json.loads(line)) for line in lines)


def test_a_partial_workflow_is_completed(run: Path, tmp_path: Path) -> None:
    prompt = tmp_path / "start.yml"
    prompt.write_text(
        "name: Mine\non: push\njobs:\n  build:\n    runs-on: self-hosted\n"
    )
    done = tct("generate", run, "--prompt", prompt, "--max-tokens", "80")
    value = parse_document(done.stdout.encode())
    assert done.stdout.startswith("name: Mine\non: push\njobs:\n  build:\n")
    assert VALIDATOR.is_valid(value)


def test_an_interrupted_run_resumes_to_the_same_parameters(
    store_folder: Path, run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    # Evaluations teach nothing, but give the signal time to arrive before the end.
    slow = ["--set", "run.log_every=1", "--set", "run.eval_every=1"]
    options = [*SMALL, *slow]
    with start(
        "train", store_folder, "-o", folder, *options, PYTHONUNBUFFERED=1
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "step 2/" in line:
                process.send_signal(signal.SIGINT)
                break
        process.finish()
    stopped = max(path.name for path in (folder / "checkpoints").iterdir())
    assert "step-000002" <= stopped < "step-000006"

    # In a process like the others: with another number of threads sums are rounded
    # otherwise.
    with start("train", store_folder, "-o", folder, "--resume") as process:
        process.finish()
    assert parameters(folder) == parameters(run)


def problem(*arguments: object) -> str:
    done = tct(*arguments, code=1)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("Error: ")
    return lines[0]


def test_an_unknown_preset_is_named_with_the_nearest(
    store_folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    text = problem("train", store_folder, "-o", run, "--preset", "workflow-27")
    assert "workflow-27" in text
    assert "workflow-27m" in text
    assert not run.exists()


def test_an_unknown_key_is_named_with_the_nearest(
    store_folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    text = problem("train", store_folder, "-o", run, "--set", "optim.lrr=1")
    assert "optim.lrr" in text
    assert "optim.lr" in text
    assert not run.exists()


def test_a_run_is_not_overwritten_unasked(store_folder: Path, run: Path) -> None:
    assert "--resume" in problem("train", store_folder, "-o", run, *SMALL)


def test_a_folder_without_a_model_generates_nothing(tmp_path: Path) -> None:
    assert str(tmp_path) in problem("generate", tmp_path)


def test_a_prompt_that_is_no_workflow_is_refused(run: Path, tmp_path: Path) -> None:
    prompt = tmp_path / "bad.yml"
    prompt.write_text("on: push\non: pull_request\n")
    assert "duplicate_key" in problem("generate", run, "--prompt", prompt)
    prompt.write_text("on: nothing\n")
    assert "breaks the workflow schema" in problem("generate", run, "--prompt", prompt)


def test_a_checkpoint_of_another_store_is_not_resumed(
    workflows: Path, run: Path, tmp_path: Path
) -> None:
    other = tmp_path / "store"
    tct("prepare", workflows, "-o", other, "--split-seed", "7")
    text = problem("train", other, "-o", run, "--resume")
    assert "store" in text or "tokenizer" in text
