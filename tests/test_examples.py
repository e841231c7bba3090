"""The corpus that examples/compose.py writes."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema_rs
import pytest
import yaml

SCRIPT = Path(__file__).parents[1] / "examples" / "compose.py"


class Loader(yaml.SafeLoader):
    """A loader that reads booleans and dates as YAML 1.2 does."""


Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool",
    re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"),
    list("tTfF"),
)


def load(text: str) -> Any:
    return yaml.load(text, Loader)


def minified(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


@pytest.fixture(scope="module")
def composer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compose", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        # Dataclasses look their module up by its name.
        patch.setitem(sys.modules, "compose", module)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def corpus(
    composer: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    return write(composer, tmp_path_factory.mktemp("corpus") / "out")


def write(composer: ModuleType, out: Path, *options: str) -> dict[str, str]:
    assert composer.main([str(out), *options]) == 0
    return {
        path.relative_to(out).as_posix(): path.read_bytes().decode()
        for path in out.rglob("*")
        if path.is_file()
    }


def test_two_runs_write_the_same_files(
    composer: ModuleType, corpus: dict[str, str], tmp_path: Path
) -> None:
    assert write(composer, tmp_path / "again") == corpus


def test_another_seed_writes_other_files(
    composer: ModuleType, corpus: dict[str, str], tmp_path: Path
) -> None:
    other = write(composer, tmp_path / "other", "--seed", "1")
    # Two of the smallest may be the same by chance.
    assert len(set(other.values()) & set(corpus.values())) < 10


def test_a_file_does_not_depend_on_the_count(
    composer: ModuleType, corpus: dict[str, str], tmp_path: Path
) -> None:
    few = write(composer, tmp_path / "few", "--count", "37")
    assert len(few) == 37
    assert few.items() <= corpus.items()


def test_the_corpus_has_many_distinct_files(corpus: dict[str, str]) -> None:
    assert len(corpus) == 240
    assert len({minified(load(text)) for text in corpus.values()}) >= 150
    assert len({path.split("/")[0] for path in corpus}) >= 30
    assert all(re.fullmatch(r"\w+__[\w-]+/[\w-]+\.yml", path) for path in corpus)


def test_every_file_is_valid_by_the_schema(
    composer: ModuleType, corpus: dict[str, str], tmp_path: Path
) -> None:
    vendored = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((vendored / "github-workflows.json").read_text("utf-8"))
    validator = jsonschema_rs.validator_for(schema)
    other = write(composer, tmp_path / "other", "--seed", "7", "--count", "400")
    for path, text in [*corpus.items(), *other.items()]:
        errors = [error.message for error in validator.iter_errors(load(text))]
        assert not errors, (path, errors)


def test_every_job_and_step_that_is_named_exists(corpus: dict[str, str]) -> None:
    for path, text in corpus.items():
        jobs = load(text)["jobs"]
        for job in jobs.values():
            needs = job.get("needs", [])
            needs = [needs] if isinstance(needs, str) else needs
            ids = {step.get("id") for step in job.get("steps", [])}
            used = minified(job)
            assert set(needs) <= set(jobs), path
            assert set(re.findall(r"needs\.([\w-]+)\.", used)) <= set(needs), path
            assert set(re.findall(r"steps\.([\w-]+)\.", used)) <= ids, path


def test_every_file_is_tidy_and_fully_filled_in(corpus: dict[str, str]) -> None:
    for path, text in corpus.items():
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path
        assert not re.search(r"\t|\r| \n|\n\n\n", text), path
        assert not re.search(r"<[a-z][\w-]*>|:=|#\?|^ *\+ ", text, re.M), path


def test_long_documents_occur(corpus: dict[str, str]) -> None:
    sizes = [len(minified(load(text)).encode()) for text in corpus.values()]
    assert sum(size > 6000 for size in sizes) >= 3
    assert max(sizes) > 10_000


def test_a_non_empty_directory_is_refused(
    composer: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    assert composer.main([str(tmp_path)]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert re.fullmatch(r"error: .* is not an empty directory\n", output.err)
    assert [path.name for path in tmp_path.rglob("*")] == ["kept.txt"]


def test_an_existing_file_is_refused(
    composer: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "file"
    out.write_text("kept")
    assert composer.main([str(out)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert out.read_text() == "kept"


def test_the_last_line_counts_what_was_written(
    composer: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write(composer, tmp_path, "--count", "12")
    repositories = len({path.split("/")[0] for path in files})
    expected = f"wrote 12 workflows of {repositories} repositories to {tmp_path}\n"
    assert capsys.readouterr().out == expected
