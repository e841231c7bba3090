"""Any schema: from a schema and a folder to a model whose documents keep to it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from click.testing import CliRunner

from tct.cli import main
from tct.data.documents.parse import parse_document
from tct.data.documents.yaml_writer import to_yaml
from tct.data.kinds import WORKFLOW
from tct.data.store import Store
from tct.data.tokenizer import Tokenizer
from tct.data.tokenizer.findings import choices
from tct.pipeline.shipped_schemas import read_vendored
from tct.tests.trainer.server.servers import ask, get, running
from tct.trainer.generation import Generator

EXAMPLES = Path(__file__).parents[1] / "examples"
SCHEMA_FILE = EXAMPLES / "service.schema.json"
SCHEMA: dict[str, Any] = json.loads(SCHEMA_FILE.read_text())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
SMALL = ["--preset", "tiny", "--steps", "6", "--batch-size", "4", "--device", "cpu"]
SMALL += [f"--set=model.{size}" for size in ("width=32", "layers=1", "heads=2")]


def tct(*arguments: object, code: int = 0) -> Any:
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == code, done.stderr
    return done


def problem(*arguments: object) -> str:
    text: str = tct(*arguments, code=1).stderr
    assert text.startswith("Error: ")
    return text


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kinds") / "services"
    program = [sys.executable, str(EXAMPLES / "services.py"), str(folder)]
    subprocess.run([*program, "--count", "60"], check=True)
    return folder


@pytest.fixture(scope="module")
def tokenizer_file(services: Path) -> Path:
    path = services.parent / "tokenizer.json"
    found = tct("tokenizer", "train", services, "--schema", SCHEMA_FILE, "-o", path)
    assert "service.schema, written as YAML" in found.stdout
    assert "100.0% of documents" in found.stdout
    return path


@pytest.fixture(scope="module")
def run(services: Path, tokenizer_file: Path) -> Path:
    store, folder = services.parent / "store", services.parent / "run"
    tct("prepare", services, "--tokenizer", tokenizer_file, "-o", store)
    tct("train", store, "-o", folder, *SMALL)
    return folder


def test_every_example_is_valid(services: Path) -> None:
    files = sorted(services.rglob("*.yml"))
    assert len(files) == 60
    assert all(VALIDATOR.is_valid(parse_document(f.read_bytes())) for f in files)


def test_the_tokenizer_carries_the_schema_as_its_author_wrote_it(
    tokenizer_file: Path, tmp_path: Path
) -> None:
    tokenizer = Tokenizer.load(tokenizer_file)
    assert tokenizer.kind.schema() == SCHEMA
    tokenizer.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == tokenizer_file.read_bytes()


def test_workflows_have_no_kind_in_their_tokenizer() -> None:
    assert Tokenizer.default().kind is WORKFLOW
    assert "kind" not in Tokenizer.default()._content()


def test_generated_documents_keep_to_the_schema_and_read_back_anywhere(
    run: Path,
) -> None:
    arguments = ["generate", run, "-n", "20", "--max-tokens", "60"]
    texts = tct(*arguments).stdout.split("---\n")
    values = list(map(json.loads, tct(*arguments, "--format=json").stdout.splitlines()))
    assert len(texts) == len(values) == 20
    assert any("on" in value for value in values)
    for text, value in zip(texts, values, strict=True):
        assert VALIDATOR.is_valid(value)
        # Readers of YAML 1.1 take a bare `on` for true; only workflows write it so.
        assert yaml.safe_load(text) == parse_document(text.encode()) == value
    line = tct(*arguments, "--jsonl").stdout.splitlines()[0]
    assert json.loads(line)["document"] == values[0]
    assert tct(*arguments, "--stream").stdout.split("---\n") == texts


def test_an_export_writes_the_same_documents(run: Path, tmp_path: Path) -> None:
    tct("export", run, "-o", tmp_path / "model")
    few = ["-n", "3", "--max-tokens", "60"]
    text = tct("generate", tmp_path / "model", *few).stdout
    assert text == tct("generate", run, *few).stdout
    card = (tmp_path / "model" / "README.md").read_text()
    assert "service.schema" in card
    assert "workflow" not in card.lower()


def test_eval_judges_by_the_schema_of_the_tokenizer(run: Path, tmp_path: Path) -> None:
    few = ["-n", "4", "--seeds", "1", "-o", tmp_path]
    done = tct("eval", run, *few)
    found = json.loads((tmp_path / "eval.json").read_text())
    assert list(found["judges"]) == ["schema-correct", "YAML round trip"]
    assert found["kind"] == "service.schema"
    assert found["settings"]["rules"] == "schema"
    fields = list(found["train_distances"])
    assert {"keys", "size", "public", "ports[].protocol", "tokens"} >= set(fields)
    assert fields[0] == "keys"
    assert fields[-1] == "tokens"
    for column in found["columns"][:3]:
        stages = {s["name"]: s["right"] for s in column["funnel"]["stages"]}
        assert stages["schema-correct"] == column["funnel"]["whole"] > 0
    assert set(found["columns"][0]["values"]["size"]) <= {"small", "medium", "large"}
    assert "distance: size" in done.stdout
    assert "<h3>Size</h3>" in (tmp_path / "eval.html").read_text()


def test_choices_are_those_that_the_schema_lists(tokenizer_file: Path) -> None:
    grammar = Tokenizer.load(tokenizer_file).grammar
    value: Any = {
        "name": "small",
        "size": "small",
        "public": False,
        "ports": [{"port": 1, "protocol": "udp"}, {"protocol": "tcp"}, 7],
        "env": {"A": "small"},
        "unknown": "large",
        "on": "request",
    }
    assert choices(grammar, value) == {
        "keys": set(value),
        "size": {"small"},
        "public": {"false"},
        "ports[].protocol": {"udp", "tcp"},
    }


def test_githubs_rules_and_shortcuts_are_for_workflows(run: Path) -> None:
    for command in ("generate", "eval"):
        message = problem(command, run, "--rules", "github")
        assert (
            "--rules github: found documents of the schema 'service.schema'" in message
        )
        assert message.endswith("leave --rules out\n")
    assert "with --prompt FILE" in problem("generate", run, "--name", "CI")


def test_a_prompt_off_the_schema_is_refused_by_its_name(
    run: Path, tmp_path: Path
) -> None:
    prompt = tmp_path / "start.yml"
    prompt.write_text("name: shop\nsize: huge\n")
    message = problem("generate", run, "--prompt", prompt)
    assert "breaks the service.schema schema" in message
    prompt.write_text("name: shop\nimage: a:1\n")
    text = tct("generate", run, "--prompt", prompt, "--max-tokens", "60").stdout
    assert text.startswith("name: shop\nimage: a:1\nsize: ")


def test_json_documents_are_written_as_json(services: Path, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for number, file in enumerate(sorted(services.rglob("*.yml"))[:20]):
        value = parse_document(file.read_bytes())
        (tmp_path / "docs" / f"{number}.json").write_text(json.dumps(value))
    schema = tmp_path / "service.yaml"
    schema.write_text(yaml.safe_dump(SCHEMA))
    output = tmp_path / "out" / "t.json"
    done = tct(
        "tokenizer", "train", tmp_path / "docs", "--schema", schema, "-o", output
    )
    assert "service, written as JSON" in done.stdout
    kind = Tokenizer.load(output).kind
    assert kind.schema() == SCHEMA
    assert kind.write({"on": "demand"}) == '{\n  "on": "demand"\n}\n'
    named = ["--format", "yaml", "--force", "-o", output]
    tct("tokenizer", "train", tmp_path / "docs", "--schema", schema, *named)
    assert Tokenizer.load(output).kind.format == "yaml"


def test_lines_that_are_documents_and_clones_are_read(
    services: Path, tokenizer_file: Path, tmp_path: Path
) -> None:
    value = {"name": "a", "image": "b:1", "size": "small"}
    lines = [
        json.dumps(value),
        json.dumps({"text": json.dumps({**value, "name": "c"})}),
    ]
    (tmp_path / "docs.jsonl").write_text("\n".join(lines))
    clone = tmp_path / "clone"
    shutil.copytree(services, clone)
    (clone / ".github").mkdir()
    (clone / ".github" / "ci.yml").write_text("on: push\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "all"]):
        subprocess.run(["git", *arguments], cwd=clone, check=True)
    sources = [tmp_path / "docs.jsonl", clone]
    store = tmp_path / "store"
    tct("prepare", *sources, "--tokenizer", tokenizer_file, "-o", store)
    opened = Store.open(store)
    found = [opened.tokenizer.decode(opened.tokens(row)) for row in range(len(opened))]
    assert value in found
    assert {"on": "push"} in found
    assert len(opened) > 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"properties": {"a": {"$ref": "b.json"}}}', "/properties/a/$ref"),
        ("{", "Expecting property name"),
        ("[1]", "found a list, expected an object"),
        ('{"a": 1, "a": 2}', "the key 'a' comes twice"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_its_place(
    services: Path, tmp_path: Path, text: str, message: str
) -> None:
    schema = tmp_path / "bad.json"
    schema.write_text(text)
    output = tmp_path / "t.json"
    found = problem("tokenizer", "train", services, "--schema", schema, "-o", output)
    assert message in found
    assert "bad" in found
    assert not output.exists()


def test_a_format_without_a_schema_is_refused(services: Path, tmp_path: Path) -> None:
    output = tmp_path / "t.json"
    arguments = ["tokenizer", "train", services, "--format", "json", "-o", output]
    assert "found no --schema" in problem(*arguments)


def test_the_server_names_the_document_and_the_kind(run: Path) -> None:
    with running(Generator.load(run, device="cpu")) as address:
        answer = ask(address, {"prompt": "name: shop\n", "max_tokens": 60}).value
        assert VALIDATOR.is_valid(answer["document"])
        assert parse_document(answer["yaml"].encode()) == answer["document"]
        assert "workflow" not in answer
        page = get(address, "/").text
        assert "Write a document of the schema service.schema" in page
        assert "workflow" not in page
        assert "workflow" not in get(address, "/openapi.json").text.lower()


# One of each way to run an action; `env` of a later alternative comes first.
ACTIONS: list[dict[str, Any]] = [
    {"name": "a", "description": "b", "runs": {"using": "node20", "main": "x.js"}},
    {
        "name": "c",
        "description": "d",
        "inputs": {"path": {"description": "e", "required": True}},
        "runs": {"env": {"A": "1"}, "using": "docker", "image": "Dockerfile"},
    },
    {
        "name": "f",
        "description": "g",
        "runs": {
            "steps": [{"run": "make", "shell": "bash", "env": {"B": 2}}],
            "using": "composite",
        },
    },
]


def test_a_schema_that_ships_is_named(tmp_path: Path) -> None:
    for number, action in enumerate(ACTIONS):
        path = tmp_path / "actions" / str(number) / "action.yml"
        path.parent.mkdir(parents=True)
        path.write_text(to_yaml(action))
    output = tmp_path / "action.tokenizer.json"
    found = tct(
        *("tokenizer", "train", tmp_path / "actions"),
        *("--schema", "github-actions", "-o", output),
    )
    assert "100.0% of documents" in found.stdout
    assert "github-actions, written as YAML" in found.stdout
    tokenizer = Tokenizer.load(output)
    judge = jsonschema_rs.validator_for(read_vendored("github-actions"))
    for action in ACTIONS:
        ids = tokenizer.encode(action)
        assert judge.is_valid(action)
        assert tokenizer.is_on_schema(ids)
        assert tokenizer.decode(ids) == action


def test_a_name_that_does_not_ship_is_refused(services: Path, tmp_path: Path) -> None:
    train = "tokenizer", "train", services, "-o", tmp_path / "t.json", "--schema"
    found = problem(*train, "composespec")
    assert "composespec: found neither a file nor a schema of that name" in found
    assert "compose-spec" in found
    assert "github-workflows" not in found
    assert "actions.json: not found; give a file" in problem(*train, "actions.json")
    assert "a/compose-spec: not found" in problem(*train, "a/compose-spec")
