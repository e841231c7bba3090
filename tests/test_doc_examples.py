"""The Python of the documentation runs as it is written (sessions of >>> apart)."""

import re
from pathlib import Path

import pytest

from tct.data.store import Store
from tct.trainer.export.export import export
from tct.trainer.presets import preset
from tct.trainer.training.loop import train

PAGES = sorted((Path(__file__).parents[1] / "docs").rglob("*.md"))
SMALL = ["width=32", "layers=2", "heads=2", "context=128", "steps=2", "batch_size=4"]


def examples() -> list[tuple[str, str]]:
    """The examples of every page, each named by page and number."""
    return [
        (f"{page.name}:{number}", text)
        for page in PAGES
        for number, text in enumerate(
            re.findall(r"^```python\n(?!>>>)(.*?)^```", page.read_text(), re.M | re.S)
        )
    ]


def test_the_tests_that_pages_name_exist() -> None:
    tests = "\n".join(path.read_text() for path in Path(__file__).parent.rglob("*.py"))
    known = set(re.findall(r"^def (test_\w+)", tests, re.M))
    for page in PAGES:
        named = set(re.findall(r"::(test_\w+)", page.read_text()))
        assert named <= known, page.name


@pytest.fixture(scope="module")
def run(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "run"
    train(store, folder, preset("tiny", SMALL), device="cpu")
    return folder


@pytest.fixture(scope="module")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(run, tmp_path_factory.mktemp("exports") / "my-model").folder


def test_there_are_examples() -> None:
    pages = {name.partition(":")[0] for name, _ in examples()}
    assert pages >= {"api.md", "export.md", "generation.md"}


@pytest.mark.parametrize(("name", "text"), examples(), ids=lambda value: value[:20])
def test_an_example_runs(
    name: str,
    text: str,
    workflows: Path,
    store_folder: Path,
    run: Path,
    exported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {"workflows": workflows, "run": run, "my-model": exported}
    if "tct.prepare(" not in text:
        given["store"] = store_folder
    for link, target in given.items():
        (tmp_path / link).symlink_to(target)
    monkeypatch.chdir(tmp_path)
    exec(compile(text, name, "exec"), {})
