"""Pages of the documentation are current and show what commands and formats give."""

import doctest
import json
import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tct.data.documents.parse import read_document
from tct.data.tokenizer import Tokenizer
from tct.tests.processes import Child

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CORPUS = ROOT.parent / "shared" / "corpus" / "workflows-head.parquet"
TCT = Path(sysconfig.get_path("scripts"), "tct")


def run(*command: object) -> str:
    with Child(command) as child:
        return child.finish()[0]


def run_examples(page: str) -> None:
    """Run the `>>>` lines of a page and compare what they print."""
    text = (DOCS / page).read_text("utf-8").replace("```", "")
    test = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    assert test.examples
    outcome = doctest.DocTestRunner().run(test)
    assert outcome.failed == 0


def sessions(page: Path) -> Iterator[tuple[str, str]]:
    """Yield each command of a page's console blocks and the output it shows."""
    text = page.read_text("utf-8")
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S):
        for session in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = session.partition("\n")
            yield command, output


def is_shown(shown: str, output: str) -> bool:
    """Compare line by line; a line with "…" alone is any number of lines."""
    pattern = "".join(
        "(?:.*\n)*?" if line == "…" else re.escape(line) + " *\n"
        for line in re.sub(r"^time: .*", "…", shown, flags=re.M).splitlines()
    )
    return re.fullmatch(pattern, output) is not None


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_a_session_shows_what_its_commands_print(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What comes after training is real, too, but takes minutes and depends on the CPU.
    quick = re.compile(r"python examples/|tct prepare workflows|tct inspect.* --epoch")
    commands = [s for s in sessions(ROOT / page) if quick.match(s[0])]
    assert len(commands) >= 2
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    os.symlink(ROOT / "examples", "examples")
    programs = {"python": sys.executable, "tct": str(TCT)}
    for command, shown in commands:
        program, *arguments = command.split()
        assert is_shown(shown, run(programs[program], *arguments)), command


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.exists(), reason="needs ../shared/corpus")
def test_windows_are_what_their_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    columns = ("--text-column", "text", "--group-column", "repo")
    run(TCT, "prepare", CORPUS, *columns, "-o", "store")
    for command, shown in sessions(DOCS / "inspect.md"):
        assert is_shown(shown, run(TCT, *command.split()[1:])), command


def test_generated_pages_are_current() -> None:
    run(sys.executable, ROOT / ".ci/reference.py", "--check")


def test_a_store_is_what_its_page_says_byte_by_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (DOCS / "format.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    os.mkdir("ci")
    (workflow,) = re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)
    Path("ci/ci.yml").write_text(workflow)
    (command,) = re.findall(r"^\$ tct (.*)$", page, re.M)
    run(TCT, *command.split())
    run_examples("format.md")


def test_a_run_is_what_its_page_says_byte_by_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run(sys.executable, ROOT / "examples/compose.py", "workflows", "--count", 24)
    run(TCT, "prepare", "workflows", "-o", "store")
    run(TCT, "train", "store", "-o", "run", "--preset", "tiny", "--steps", 1)
    run_examples("runs.md")


def test_a_workflow_takes_the_tokens_that_its_page_shows(tmp_path: Path) -> None:
    page = (DOCS / "tokenizer.md").read_text("utf-8")
    (workflow,) = re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)
    path = tmp_path / "ci.yml"
    path.write_text(workflow)
    document = read_document(path)
    ids = Tokenizer.default().encode(document)
    shown = re.findall(r"^ *(\d+) +(\d+)  ", page, re.M)
    assert [(str(i), str(id_)) for i, id_ in enumerate(ids)] == shown
    takes = re.search(r"takes (\d+) bytes of canonical JSON and (\d+) tokens", page)
    assert takes is not None
    assert int(takes[1]) == len(json.dumps(document, separators=(",", ":")))
    assert int(takes[2]) == len(ids)


def test_our_own_workflows_are_on_the_schema() -> None:
    tokenizer = Tokenizer.default()
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        assert tokenizer.is_on_schema(tokenizer.encode(read_document(path)))
